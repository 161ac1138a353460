/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share: the module, domains, CPUs, and the kernel log.
 *
 * Functions that can fail return a negative errno; a test decides what it
 * means.  test_open_phv() alone ends the program.
 */
#ifndef _PHVTEST_H
#define _PHVTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include <phv.h>

#include "kselftest.h"
#include "vmx_msrs.h"

/* The module. */
bool module_is_loaded(const char *name);
const char *phv_module_path(void);
int phv_load(void);
int phv_unload(void);
void phv_unload_at_exit(void);

/* Domains. */
int phv_open(void);
int domain_create(int phv, const char *name, __u32 *id);

/* The kernel's files. */
bool write_line(const char *path, const char *line);

/* CPUs. */
unsigned int cpus_configured(void);
bool cpu_is_online(unsigned int cpu);
int cpu_set_online(unsigned int cpu, bool online);
__u64 cpus_online(void);
bool vmx_cpus_known(void);
__u64 vmx_cpus(void);
bool vmx_is(bool on);

/* The kernel log. */
int kmsg_open(void);
unsigned int kmsg_read(int fd, const char *prefix, char *text, size_t size);

/* Other programs. */
int run_command(const char *format, ...) __printf(1, 2);
int read_command(char *text, size_t size, const char *format, va_list args) __printf(3, 0);
pid_t spawn_phvd(const char *program, const char *directory, void (*prepare)(void));

/**
 * test_need_root - skip the program unless it runs as root
 */
static inline void test_need_root(void)
{
	if (geteuid())
		ksft_exit_skip("needs root\n");
}

/**
 * test_open_phv - open /dev/phv; load phv.ko for that, if it isn't loaded
 *
 * Without phv.ko, or on a machine that phv.ko rightly refuses, the program is
 * skipped; if the module should load here and doesn't, it fails.  A module that
 * was loaded here is unloaded when the program exits.
 *
 * Return: a descriptor
 */
static inline int test_open_phv(void)
{
	enum verdict verdict;
	int fd, ret;

	if (!module_is_loaded("phv")) {
		test_need_root();
		if (!phv_module_path())
			ksft_exit_skip("no phv.ko; PHV_MODULE may name it\n");
		verdict = vmx_verdict();
		ret = phv_load();
		if (ret && verdict != VERDICT_LOADS)
			ksft_exit_skip("phv.ko can't be used here: %s\n",
				       verdict_text(verdict));
		if (ret)
			ksft_exit_fail_msg("phv.ko doesn't load: %s\n",
					   strerror(-ret));
		phv_unload_at_exit();
	}

	fd = phv_open();
	if (fd == -EACCES)
		ksft_exit_skip("no permission to open " PHV_DEVICE "\n");
	if (fd < 0)
		ksft_exit_fail_msg("%s: %s\n", PHV_DEVICE, strerror(-fd));
	return fd;
}

#endif /* _PHVTEST_H */
