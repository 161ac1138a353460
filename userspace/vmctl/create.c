// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl create and vmctl run: a new domain.
 *
 * Files are opened here, with the rights of the user who asks, and handed to phvd
 * as descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <config.h>

#include "attach.h"
#include "client.h"
#include "terminal.h"
#include "vmctl.h"

/**
 * struct plan - what the command line asks for
 * @config: the domain
 * @kernel: name of the kernel's file, or NULL
 * @initrd: name of the initial ramdisk's file, or NULL
 * @fds: both, opened
 * @check: check only
 * @device: devices, in the order in which they were named
 * @devices: how many
 */
struct plan {
	struct config config;
	const char *kernel;
	const char *initrd;
	int fds[2];
	bool check;
	struct attachment device[ATTACH_MAX];
	unsigned int devices;
};

enum {
	KERNEL = 256, INITRD, CMDLINE, MEMORY, VCPUS, BOOT, ON_REBOOT, ON_CRASH, DISK, NET
};

static const struct option options[] = {
	{ "kernel", required_argument, NULL, KERNEL },
	{ "initrd", required_argument, NULL, INITRD },
	{ "cmdline", required_argument, NULL, CMDLINE },
	{ "memory", required_argument, NULL, MEMORY },
	{ "vcpus", required_argument, NULL, VCPUS },
	{ "boot", required_argument, NULL, BOOT },
	{ "on-reboot", required_argument, NULL, ON_REBOOT },
	{ "on-crash", required_argument, NULL, ON_CRASH },
	{ "disk", required_argument, NULL, DISK },
	{ "net", required_argument, NULL, NET },
	{ "check", no_argument, NULL, 'n' },
	{ NULL, 0, NULL, 0 }
};

static int bad_value(const char *what, const char *value, const char *hint)
{
	report("--%s: %s: %s", what, value, hint);
	return EXIT_USAGE;
}

static int take_vcpus(struct plan *plan, const char *text)
{
	char *end;
	unsigned long count = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !count || count > PHV_MAX_VCPUS)
		return bad_value("vcpus", text, "1 to 128");
	plan->config.vcpus = (unsigned int)count;
	return EXIT_OK;
}

static int take_word(const char *what, const char * const *words, const char *text,
		     unsigned int *place, const char *hint)
{
	int found = config_parse_word(words, text);

	if (found < 0)
		return bad_value(what, text, hint);
	*place = (unsigned int)found;
	return EXIT_OK;
}

static int take_device(struct plan *plan, const char *value,
		       int (*parse)(struct attachment *attachment, const char *text))
{
	if (plan->devices == ATTACH_MAX)
		return report("more than %d devices", ATTACH_MAX);
	return parse(&plan->device[plan->devices++], value);
}

static int take_net(struct config *config, const char *text)
{
	char why[NET_WHY_MAX];

	if (config->nets == CONFIG_NETS_MAX)
		return bad_value("net", text, "one too many");
	if (!net_config_parse(&config->net[config->nets++], text, why))
		return bad_value("net", text, why);
	return EXIT_OK;
}

static int take_option(struct plan *plan, int option, const char *value)
{
	struct config *config = &plan->config;

	switch (option) {
	case 'n':
		plan->check = true;
		return EXIT_OK;
	case KERNEL:
		plan->kernel = value;
		return EXIT_OK;
	case INITRD:
		plan->initrd = value;
		config->initrd = true;
		return EXIT_OK;
	case CMDLINE:
		if (strlen(value) >= CONFIG_CMDLINE_MAX)
			return bad_value("cmdline", "…", "longer than 4095 bytes");
		memcpy(config->cmdline, value, strlen(value) + 1);
		return EXIT_OK;
	case MEMORY:
		if (config_parse_size(value, &config->memory))
			return bad_value("memory", value, "not a size (256M, 2G)");
		return EXIT_OK;
	case VCPUS:
		return take_vcpus(plan, value);
	case BOOT:
		return take_word("boot", config_boots, value, &config->boot,
				 "pvh or linux64");
	case ON_REBOOT:
		return take_word("on-reboot", config_policies, value,
				 &config->on_reboot, "restart, destroy or preserve");
	case ON_CRASH:
		return take_word("on-crash", config_policies, value, &config->on_crash,
				 "destroy or preserve");
	case DISK:
		return take_device(plan, value, disk_parse);
	case NET:
		return take_net(config, value);
	default:
		return usage_error();
	}
}

static int open_file(const char *what, const char *path, int *fd)
{
	char object[300];
	struct stat status;

	snprintf(object, sizeof(object), "--%s: %s", what, path);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return report_errno(-errno, object, NULL);
	if (fstat(*fd, &status) || !S_ISREG(status.st_mode))
		return report("%s: not a regular file", object);
	return EXIT_OK;
}

static int open_files(struct plan *plan)
{
	int status = open_file("kernel", plan->kernel, &plan->fds[0]);

	if (!status && plan->initrd)
		status = open_file("initrd", plan->initrd, &plan->fds[1]);
	return status;
}

/* Would phvd take the kernel? */
static int check_kernel(const struct plan *plan)
{
	struct phv_error error;
	struct image image;

	if (image_open(&image, plan->fds[0], plan->config.boot, &error))
		return report("%s: %s", plan->kernel, error.text);
	printf("%s: %s\n", plan->kernel, image.format);
	image_close(&image);
	return EXIT_OK;
}

static int parse(struct plan *plan, int argc, char **argv)
{
	char why[CONFIG_WHY_MAX];
	int option, status;

	while ((option = getopt_long(argc, argv, "n", options, NULL)) != -1) {
		status = take_option(plan, option, optarg);
		if (status)
			return status;
	}
	if (optind + 1 != argc || strlen(argv[optind]) >= PHV_NAME_MAX || !plan->kernel) {
		if (optind + 1 == argc && !plan->kernel)
			report("%s: no --kernel", argv[optind]);
		return usage_error();
	}
	memcpy(plan->config.name, argv[optind], strlen(argv[optind]) + 1);
	if (!config_check(&plan->config, why)) {
		report("%s: %s", plan->config.name, why);
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* Reads the command line, and opens the files. */
static int prepare(struct plan *plan, int argc, char **argv)
{
	int status;

	status = parse(plan, argc, argv);
	if (!status)
		status = open_files(plan);
	if (!status && plan->check)
		status = check_kernel(plan);
	return status;
}

/* Creates the domain, with its devices, or not at all. */
static int create(struct proto *phvd, struct plan *plan)
{
	struct json_object *json = client_verb("create", NULL);
	struct proto_message reply;
	unsigned int i;
	int status;

	json_object_object_add(json, "config", config_to_json(&plan->config));
	status = client_call(phvd, json, plan->fds, plan->initrd ? 2 : 1, &reply);
	if (status)
		return status;
	proto_message_free(&reply);
	for (i = 0; !status && i < plan->devices; i++)
		status = attach_send(phvd, plan->config.name, &plan->device[i]);
	if (status)
		proto_send(phvd, client_verb("destroy", plan->config.name), NULL, 0);
	return status;
}

/**
 * verb_create - vmctl create [-n] OPTION... NAME
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_create(int argc, char **argv)
{
	static struct plan plan;
	struct proto phvd;
	int status;

	config_init(&plan.config);
	status = prepare(&plan, argc, argv);
	if (status || plan.check)
		return status;
	status = client_open(&phvd);
	if (!status)
		status = create(&phvd, &plan);
	proto_close(&phvd);
	return status;
}

/* Asks for a console that takes the domain along when it goes. */
static int attach(struct proto *phvd, const char *name, int *fd)
{
	struct json_object *json = client_verb("console", name);
	struct proto_message reply;
	int status;

	json_object_object_add(json, "bound", json_object_new_boolean(true));
	status = client_call(phvd, json, NULL, 0, &reply);
	if (status)
		return status;
	*fd = proto_message_fd(&reply, 0);
	proto_message_free(&reply);
	return *fd < 0 ? report("%s: phvd gave no console", name) : EXIT_OK;
}

static int start(struct proto *phvd, const char *name)
{
	struct proto_message reply;
	int status = client_call(phvd, client_verb("start", name), NULL, 0, &reply);

	if (!status)
		proto_message_free(&reply);
	return status;
}

/* Waits until the domain is gone, so that its name is free for the next one. */
static void wait_until_gone(struct proto *phvd, const char *name)
{
	struct proto_message reply;

	if (!proto_send(phvd, client_verb("wait", name), NULL, 0) &&
	    !proto_wait(phvd, &reply))
		proto_message_free(&reply);
}

/* What the end of the domain means for the one who ran it. */
static int run_status(const char *name, const struct view *view)
{
	static const struct {
		const char *reason;
		int status;
		bool guests;	/* what the guest says comes first */
		bool told;	/* worth a line */
	} ends[] = {
		{ "poweroff", EXIT_OK, true, false },
		{ "halt", EXIT_HALTED, true, false },
		{ "reboot", EXIT_REBOOTED, false, false },
		{ "crash", EXIT_CRASHED, false, true },
		{ "failed", EXIT_FAILED, false, true },
		{ "destroyed", EXIT_FAILED, false, true },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		if (strcmp(ends[i].reason, view->reason))
			continue;
		if (ends[i].told)
			report("%s: %s", name, view->text);
		return ends[i].guests && view->status >= 0 ? view->status :
		       ends[i].status;
	}
	return report("%s: it ended for a reason that vmctl doesn't know", name);
}

static int stay(struct proto *phvd, const char *name, int console)
{
	struct view view;

	view_console(console, true, &view);
	switch (view.how) {
	case VIEW_ENDED:
		if (!view.preserved)
			wait_until_gone(phvd, name);
		return run_status(name, &view);
	case VIEW_DETACHED:
		report("%s: detached; the domain goes on", name);
		return EXIT_OK;
	case VIEW_LOST:
		wait_until_gone(phvd, name);
		return report("%s: its worker has died", name);
	case VIEW_SIGNAL:
		wait_until_gone(phvd, name);
		return report("%s: %s; destroyed", name, strsignal(view.signal));
	default:
		return EXIT_FAILED;
	}
}

/**
 * verb_run - vmctl run [-n] OPTION... NAME
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status, or the status that the guest set
 */
int verb_run(int argc, char **argv)
{
	static struct plan plan;
	const char *name = plan.config.name;
	struct proto phvd;
	int status, console;

	config_init(&plan.config);
	plan.config.on_reboot = POLICY_DESTROY;
	status = prepare(&plan, argc, argv);
	if (status || plan.check)
		return status;
	status = client_open(&phvd);
	if (!status)
		status = create(&phvd, &plan);
	if (status) {
		proto_close(&phvd);
		return status;
	}
	status = attach(&phvd, name, &console);
	if (!status)
		status = start(&phvd, name);
	if (!status)
		status = stay(&phvd, name, console);
	else
		proto_send(&phvd, client_verb("destroy", name), NULL, 0);
	proto_close(&phvd);
	return status;
}
