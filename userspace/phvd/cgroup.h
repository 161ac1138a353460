/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup - a control group for each domain; see cgroup.c.
 */
#ifndef _CGROUP_H
#define _CGROUP_H

#include <stdbool.h>

#include <phv.h>

#define CGROUP_NAME_MAX		(PHV_NAME_MAX + 8)

void cgroup_init(void);
int cgroup_create(const char *domain);
void cgroup_enter(int group);
bool cgroup_remove(const char *domain);

#endif /* _CGROUP_H */
