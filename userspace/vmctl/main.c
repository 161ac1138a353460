// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl - the tool.
 *
 * What lives here: the table of verbs, and how errors are worded.  All of it is
 * single-threaded; a verb runs once and its status is the program's.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <phv.h>

#include "vmctl.h"

static int verb_help(int argc, char **argv);
static int verb_version(int argc, char **argv);

static const struct verb verbs[] = {
	{ "create", verb_create, "[-n] [OPTION...] NAME", "build a domain; it is paused" },
	{ "start", verb_start, "DOMAIN", "let a new domain run" },
	{ "run", verb_run, "[-n] [OPTION...] NAME",
	  "create, start, and stay on the console to the domain's end" },
	{ "console", verb_console, "[--force | --read-only] DOMAIN",
	  "attach to the console; ^] detaches" },
	{ "stop", verb_stop, "[--force] [--timeout S] [--no-wait] DOMAIN",
	  "ask the guest to power off, and wait for that" },
	{ "destroy", verb_destroy, "DOMAIN", "end a domain at once" },
	{ "pause", verb_pause, "DOMAIN", "stop a domain's vCPUs" },
	{ "unpause", verb_unpause, "DOMAIN", "let them go on" },
	{ "disk-attach", verb_disk_attach, "DOMAIN FILE[,WORD...]", "give a domain a disk" },
	{ "disk-detach", verb_disk_detach, "[--force] [--timeout S] DOMAIN NAME",
	  "take a disk away" },
	{ "disk-resize", verb_disk_resize, "DOMAIN NAME [SIZE]",
	  "have the guest know that a disk has another size" },
	{ "memory", verb_memory, "DOMAIN SIZE", "ask the guest to do with so much memory" },
	{ "net-attach", verb_net_attach, "DOMAIN NET",
	  "plug a network interface in" },
	{ "net-detach", verb_net_detach, "[--force] DOMAIN NUMBER", "unplug one" },
	{ "net-rules", verb_net_rules,
	  "[--json] [--add RULE | --first RULE | --delete RULE] DOMAIN [NUMBER]",
	  "show or change an interface's rules" },
	{ "list", verb_list, "[--json]", "show the domains" },
	{ "info", verb_info, "[--json] [--vmcs] DOMAIN", "show all about a domain" },
	{ "events", verb_events, "[--json]", "show what happens to domains, as it does" },
	{ "host", verb_host, "[--json]", "show what this host can do" },
	{ "help", verb_help, "[VERB]", "show the verbs, or the usage of one" },
	{ "version", verb_version, "", "show the version of vmctl" },
};

/* The verb that runs: every message names it. */
static const struct verb *current_verb;

/**
 * report - say what went wrong: one line on the standard error output
 * @format: as for printf(), without newline
 *
 * Return: EXIT_FAILED, for the caller to return or to replace
 */
int report(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vmctl: ");
	if (current_verb)
		fprintf(stderr, "%s: ", current_verb->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

/**
 * report_errno - say which object gave which error
 * @err: a negative errno
 * @object: what it was about: a file, a domain
 * @hint: what to try or to check, or NULL
 *
 * Return: the exit status that belongs to @err
 */
int report_errno(int err, const char *object, const char *hint)
{
	if (hint)
		report("%s: %s (%s)", object, strerror(-err), hint);
	else
		report("%s: %s", object, strerror(-err));

	return err == -EACCES || err == -EPERM ? EXIT_PERMISSION : EXIT_FAILED;
}

static void print_usage(FILE *stream, const struct verb *verb)
{
	fprintf(stream, "usage: vmctl %s%s%s\n", verb->name,
		*verb->usage ? " " : "", verb->usage);
}

/**
 * usage_error - show how the verb that runs is to be used
 *
 * Return: EXIT_USAGE
 */
int usage_error(void)
{
	print_usage(stderr, current_verb);
	return EXIT_USAGE;
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int no_such_verb(const char *name)
{
	report("no verb \"%s\"; \"vmctl help\" lists them", name);
	return EXIT_USAGE;
}

static int verb_help(int argc, char **argv)
{
	const struct verb *verb;
	size_t i;

	if (argc > 2)
		return usage_error();
	if (argc == 2) {
		verb = find_verb(argv[1]);
		if (!verb)
			return no_such_verb(argv[1]);
		print_usage(stdout, verb);
		printf("%s\n", verb->summary);
		return EXIT_OK;
	}

	printf("usage: vmctl VERB [ARGUMENT...]\n\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-11s %s\n", verbs[i].name, verbs[i].summary);
	return EXIT_OK;
}

static int verb_version(int argc, char **argv)
{
	(void)argv;

	if (argc > 1)
		return usage_error();
	printf("vmctl %s (interface %d)\n", PHV_VERSION, PHV_API_VERSION);
	return EXIT_OK;
}

/* Options that everybody tries first. */
static const char *verb_of_option(const char *word)
{
	if (!strcmp(word, "--help") || !strcmp(word, "-h"))
		return "help";
	if (!strcmp(word, "--version") || !strcmp(word, "-V"))
		return "version";
	return word;
}

int main(int argc, char **argv)
{
	const char *name;
	int status;

	if (argc < 2) {
		report("usage: vmctl VERB [ARGUMENT...]; \"vmctl help\" lists the verbs");
		return EXIT_USAGE;
	}

	name = verb_of_option(argv[1]);
	current_verb = find_verb(name);
	if (!current_verb)
		return no_such_verb(name);

	opterr = 0;	/* the verbs answer with their usage */
	status = current_verb->run(argc - 1, argv + 1);
	if (fflush(stdout) || ferror(stdout))
		return report_errno(-errno, "standard output", NULL);
	return status;
}
