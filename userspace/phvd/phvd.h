/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of phvd share.
 *
 * phvd is two programs in one file.  The *parent* (server.c, domains.c) is
 * root's: it listens to vmctl, starts a process for each domain, and looks at
 * nothing that comes from a guest.  A *worker* (worker.c and what it calls) is
 * one domain: it holds its memory and runs its vCPUs, in a sandbox (sandbox.c).
 * conn.c is used by both.
 */
#ifndef _PHVD_H
#define _PHVD_H

#include <stdbool.h>
#include <sys/types.h>

#define __printf(a, b) __attribute__((format(printf, a, b)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Descriptors that a worker is started with. */
#define WORKER_CONTROL_FD	3	/* connection to the parent */
#define WORKER_LISTEN_FD	4	/* bound, for the parent's successors */

/*
 * A worker's user and group: this, and its slot added.  The range is one that
 * systemd's conventions leave unused.
 */
#define WORKER_UID_BASE		2000000000U
#define WORKER_SLOTS		32768U

/* log.c: a line for the journal, or the standard error output */
void log_name(const char *domain);
void __printf(1, 2) log_line(const char *format, ...);

/* server.c: the parent; returns an exit status */
int server_main(const char *directory);

/* worker.c: a worker; returns an exit status */
int worker_main(const char *name, unsigned int slot);

#endif /* _PHVD_H */
