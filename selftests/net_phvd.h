/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * net_phvd - a phvd of the test's own, and commands: what the tests of network interfaces
 * share.
 *
 * What goes wrong with phvd itself ends the program.
 */
#ifndef _NET_PHVD_H
#define _NET_PHVD_H

#include <stdbool.h>
#include <time.h>

#include "kselftest.h"

/* Where phvd's unit is */
#define PHVD_UNIT	"/usr/lib/systemd/system/phvd.service"

/* The test's files; and where its program is, and those that it is installed with. */
extern char directory[32], programs[256];

/* What a command has written, and its exit status. */
extern char out[65536];
extern int status;

int sh(const char *format, ...) __printf(1, 2);
bool said(const char *format, ...) __printf(1, 2);
time_t now(void);
unsigned long long counter(const char *name, unsigned int number, const char *direction,
			   const char *key);

void make_directory(void);
void start_phvd(void);
int phvd_process(void);
void end_phvd(void);

#endif /* _NET_PHVD_H */
