// SPDX-License-Identifier: GPL-2.0-only
/*
 * What phvd's workers run, for make coverage: linked into its phvd, and nowhere else.
 *
 * gcov writes what was counted when a process ends, and a worker can open no file by then.
 * So there is one already, from before the sandbox, for the form that gcov-tool merge-stream
 * takes. A worker that is killed takes its counts along.
 */
#include <fcntl.h>
#include <gcov.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int __real_sandbox_enter(unsigned int slot) __attribute__((weak));
int __wrap_sandbox_enter(unsigned int slot);

/* libgcov's own: the objects that count, and whether it has written that already */
struct gcov_info {
	unsigned int version;
	struct gcov_info *next;
};

extern struct {
	struct gcov_info *list;
	unsigned int dumped : 1;
} __gcov_root __attribute__((visibility("hidden")));

static int file = -1;

static void dump(const void *data, unsigned int size, void *arg)
{
	ssize_t ret = write(file, data, size);

	(void)ret;
	(void)arg;
}

/* As if it had been written below /out */
static void dump_name(const char *name, void *arg)
{
	char path[4096];

	snprintf(path, sizeof(path), "/out%s", name);
	__gcov_filename_to_gcfn(path, dump, arg);
}

static void *allocate(unsigned int size, void *arg)
{
	(void)arg;
	return malloc(size);
}

static void dump_all(void)
{
	struct gcov_info *info;

	for (info = __gcov_root.list; info; info = info->next)
		__gcov_info_to_gcda(info, dump_name, dump, allocate, NULL);
	__gcov_root.dumped = true;
}

int __wrap_sandbox_enter(unsigned int slot)
{
	char path[32];

	snprintf(path, sizeof(path), "/out/worker-%d", getpid());
	file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (file >= 0)
		atexit(dump_all);
	return __real_sandbox_enter(slot);
}
