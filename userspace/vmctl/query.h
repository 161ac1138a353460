/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What vmctl list, info and events show: from the module, by generic netlink, and
 * what phvd has to add when it answers.  Functions report what goes wrong; what they
 * return then is for the verb to return, too.
 */
#ifndef _QUERY_H
#define _QUERY_H

#include <json-c/json.h>

#include <netlink.h>

int query_list(struct json_object **domains);
int query_info(const char *name, struct json_object **info);

int query_events(struct phv_nl **nl);
int query_event(struct phv_nl *nl, struct json_object **event);

#endif /* _QUERY_H */
