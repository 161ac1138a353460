/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verbs of vmctl share.  A verb is a function in a file of its own,
 * and a line in the table of main.c.
 */
#ifndef _VMCTL_H
#define _VMCTL_H

#include <stdbool.h>

#define __printf(a, b) __attribute__((format(printf, a, b)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * What vmctl exits with.  The numbers are part of its interface: scripts rely
 * on them, and vmctl(8) lists them.
 */
enum exit_status {
	EXIT_OK			= 0,
	EXIT_FAILED		= 1,
	EXIT_USAGE		= 2,
	EXIT_NO_DOMAIN		= 3,
	EXIT_PERMISSION		= 4,
	EXIT_BUSY		= 5,
	EXIT_UNSUPPORTED	= 6,
	EXIT_TIMED_OUT		= 7,
	EXIT_CRASHED		= 8,
	EXIT_REBOOTED		= 9,
	EXIT_HALTED		= 10,
};

/**
 * struct verb - one thing vmctl can do
 * @name: the word on the command line
 * @run: does it; gets the verb as argv[0], returns an enum exit_status
 * @usage: its options and arguments
 * @summary: what it is for, in a line
 */
struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *usage;
	const char *summary;
};

/* main.c */
int __printf(1, 2) report(const char *format, ...);
int report_errno(int err, const char *object, const char *hint);
int usage_error(void);

/* host.c */
int verb_host(int argc, char **argv);

/* create.c */
int verb_create(int argc, char **argv);
int verb_run(int argc, char **argv);

/* domain.c */
int verb_start(int argc, char **argv);
int verb_stop(int argc, char **argv);
int verb_destroy(int argc, char **argv);
int verb_pause(int argc, char **argv);
int verb_unpause(int argc, char **argv);
int verb_memory(int argc, char **argv);

/* list.c */
int verb_list(int argc, char **argv);
int verb_info(int argc, char **argv);
int verb_events(int argc, char **argv);

/* disk.c */
int verb_disk_attach(int argc, char **argv);
int verb_disk_detach(int argc, char **argv);
int verb_disk_resize(int argc, char **argv);

/* vmcs.c */
int info_vmcs(const char *domain, bool json);

/* net.c */
int verb_net_attach(int argc, char **argv);
int verb_net_detach(int argc, char **argv);
int verb_net_rules(int argc, char **argv);

/* console.c */
int verb_console(int argc, char **argv);

#endif /* _VMCTL_H */
