// SPDX-License-Identifier: GPL-2.0-only
/*
 * A control group for each domain, in the unified hierarchy: what the domain uses is
 * charged to it, and the administrator can limit it there.
 *
 * They are made beside or below the parent's own, where that is allowed; systemd
 * allows it by Delegate=.  Where it is not, there are none, and nothing else
 * changes.  Called by the parent alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "phvd.h"

#define MOUNT		"/sys/fs/cgroup"
/* The parent's own group, if systemd has put it into one below the unit's */
#define OWN_GROUP	"/parent"

/* The directory in which the groups are, or -1. */
static int base = -1;

/* Finds the parent's group: "0::/path". */
static bool find_own(char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	bool found = false;

	while (file && !found && fgets(path, (int)size, file))
		found = !strncmp(path, "0::/", 4);
	if (file)
		fclose(file);
	if (!found)
		return false;
	path[strcspn(path, "\n")] = '\0';
	memmove(path, path + 3, strlen(path + 3) + 1);
	return true;
}

static void enable(const char *controller)
{
	int fd = openat(base, "cgroup.subtree_control", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, controller, strlen(controller)) < 0)
		errno = 0;	/* then what it would count isn't counted */
	close(fd);
}

/**
 * cgroup_init - find the place for the domains' groups
 */
void cgroup_init(void)
{
	char own[512], path[600];
	size_t length;

	if (!find_own(own, sizeof(own)))
		return;
	length = strlen(own);
	if (length >= strlen(OWN_GROUP) && !strcmp(own + length - strlen(OWN_GROUP), OWN_GROUP))
		own[length - strlen(OWN_GROUP)] = '\0';
	snprintf(path, sizeof(path), MOUNT "%s", own);
	base = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return;
	enable("+memory");
	enable("+cpu");
	enable("+pids");
}

static void group_name(const char *domain, char name[CGROUP_NAME_MAX])
{
	snprintf(name, CGROUP_NAME_MAX, "%s.domain", domain);
}

/**
 * cgroup_create - make a domain's group
 * @domain: its name
 *
 * Return: a descriptor for cgroup_enter(), or -1 where there are none
 */
int cgroup_create(const char *domain)
{
	char name[CGROUP_NAME_MAX], path[CGROUP_NAME_MAX + 16];

	group_name(domain, name);
	if (base < 0 || (mkdirat(base, name, 0755) && errno != EEXIST))
		return -1;
	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	return openat(base, path, O_WRONLY | O_CLOEXEC);
}

/**
 * cgroup_enter - go into a domain's group
 * @group: what cgroup_create() gave
 */
void cgroup_enter(int group)
{
	if (group >= 0 && write(group, "0", 1) < 0)
		log_line("its control group can't be entered: %s", strerror(errno));
}

/* Ends what is left in a group: programs that were the worker's other end. */
static void end_all(const char *name)
{
	char path[CGROUP_NAME_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.kill", name);
	fd = openat(base, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) < 0)
		log_line("%s: can't be ended: %s", name, strerror(errno));
	close(fd);
}

/**
 * cgroup_remove - remove a domain's group
 * @domain: its name; its worker is gone
 *
 * Return: false if it is to be tried again, as something in it has yet to end
 */
bool cgroup_remove(const char *domain)
{
	char name[CGROUP_NAME_MAX];

	group_name(domain, name);
	if (base < 0 || !unlinkat(base, name, AT_REMOVEDIR) || errno != EBUSY)
		return true;
	end_all(name);
	return !unlinkat(base, name, AT_REMOVEDIR) || errno != EBUSY;
}
