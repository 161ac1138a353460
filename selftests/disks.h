/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * disks - what tests of disks share: a phvd of their own in a directory of its own, and
 * stock guests that say what came of things. Used by blk.c and blk_image.c.
 */
#ifndef _DISKS_H
#define _DISKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kselftest.h"

/* What a command, or the guest, has written. */
extern char out[65536];

void disks_prepare(void);
void start_phvd(void);
int sh(const char *format, ...) __printf(1, 2);
void read_file(const char *name);
bool guest_says(const char *text);
bool hash_is_good(const char *name);
uint64_t cut_power(void);

#endif /* _DISKS_H */
