/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - what a domain is to be: the options of `vmctl create`, and the
 * member "config" of phvd's request of that name.
 *
 * Used by vmctl, phvd and its workers.  Nothing here prints: what is wrong with
 * a configuration is put into a buffer of the caller's.
 */
#ifndef _CONFIG_H
#define _CONFIG_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include <phv.h>

#include "image.h"
#include "net_config.h"

#define CONFIG_CMDLINE_MAX	4096
#define CONFIG_MEMORY_MIN	_BITULL(20)
#define CONFIG_MEMORY_MAX	_BITULL(42)
#define CONFIG_WHY_MAX		160
#define CONFIG_NETS_MAX		8

/* What becomes of a domain that asked for a reboot, or crashed. */
enum config_policy { POLICY_DESTROY, POLICY_RESTART, POLICY_PRESERVE };

/**
 * struct config - what a domain is to be
 * @name: its name
 * @cmdline: the command line of its kernel
 * @memory: bytes, a multiple of 4096
 * @vcpus: 1 to PHV_MAX_VCPUS
 * @boot: how the kernel is entered
 * @on_reboot: POLICY_*
 * @on_crash: POLICY_DESTROY or POLICY_PRESERVE
 * @initrd: there is an initial ramdisk
 * @net: network interfaces
 * @nets: how many
 */
struct config {
	char name[PHV_NAME_MAX];
	char cmdline[CONFIG_CMDLINE_MAX];
	unsigned long long memory;
	unsigned int vcpus;
	enum boot_protocol boot;
	enum config_policy on_reboot;
	enum config_policy on_crash;
	bool initrd;
	struct net_config net[CONFIG_NETS_MAX];
	unsigned int nets;
};

extern const char * const config_boots[];
extern const char * const config_policies[];

void config_init(struct config *config);
bool config_name_is_valid(const char *name);
int config_parse_size(const char *text, unsigned long long *bytes);
int config_parse_word(const char * const *words, const char *text);
bool config_check(const struct config *config, char why[CONFIG_WHY_MAX]);
struct json_object *config_to_json(const struct config *config);
bool config_from_json(struct config *config, struct json_object *json,
		      char why[CONFIG_WHY_MAX]);

#endif /* _CONFIG_H */
