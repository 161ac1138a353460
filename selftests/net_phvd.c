// SPDX-License-Identifier: GPL-2.0-only
/*
 * A phvd of the test's own; see net_phvd.h.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_phvd.h"
#include "phvtest.h"

char directory[32], programs[256];
char out[65536];
int status;

static pid_t phvd_pid;

/**
 * sh - run a shell command: out[] and status are what became of it
 * @format: the command, as for printf()
 *
 * Return: status
 */
int sh(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	status = read_command(out, sizeof(out), format, args);
	va_end(args);
	return status;
}

/**
 * said - has the last command said that?
 * @format: what, as for printf()
 *
 * Return: true if so; else what it has said is shown
 */
bool said(const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (strstr(out, text))
		return true;
	ksft_print_msg("no \"%s\" in: %.400s\n", text, out);
	return false;
}

/**
 * now - how late is it?
 *
 * Return: seconds, from whenever on
 */
time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/**
 * make_directory - have a directory, in which vmctl will find phvd
 */
void make_directory(void)
{
	ssize_t n = readlink("/proc/self/exe", programs, sizeof(programs) - 1);
	char path[64];

	programs[n < 0 ? 0 : n] = '\0';
	*strrchr(programs, '/') = '\0';
	snprintf(directory, sizeof(directory), "/tmp/phv-net-XXXXXX");
	if (!mkdtemp(directory))
		ksft_exit_fail_msg("no directory\n");
	snprintf(path, sizeof(path), "%s/phvd.sock", directory);
	setenv("PHVD_SOCKET", path, 1);
}

/*
 * An initramfs can't be left by pivot_root(), which is how passt does it; a bind mount
 * of it can. It must cover the other one, or there are no user namespaces.
 */
static void leave_initramfs(void)
{
	char root[64];

	snprintf(root, sizeof(root), "%s/root", directory);
	mkdir(root, 0700);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("/", root, NULL, MS_BIND | MS_REC, NULL) || chdir(root) ||
	    mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") || chdir("/"))
		perror("another root");
}

/* Gives up the capabilities that phvd's unit does not name, where it is installed. */
static void give_up_capabilities(void)
{
	static const struct {
		const char *name;
		int number;
	} names[] = {
		{ "CAP_CHOWN", CAP_CHOWN }, { "CAP_DAC_OVERRIDE", CAP_DAC_OVERRIDE },
		{ "CAP_KILL", CAP_KILL }, { "CAP_NET_ADMIN", CAP_NET_ADMIN },
		{ "CAP_SETGID", CAP_SETGID }, { "CAP_SETPCAP", CAP_SETPCAP },
		{ "CAP_SETUID", CAP_SETUID }, { "CAP_SYS_ADMIN", CAP_SYS_ADMIN },
		{ "CAP_SYS_CHROOT", CAP_SYS_CHROOT }, { "CAP_SYS_RESOURCE", CAP_SYS_RESOURCE },
	};
	FILE *unit = fopen(PHVD_UNIT, "re");
	unsigned long long keep = 0;
	char line[512], *word;
	size_t i;
	int number;

	while (unit && fgets(line, sizeof(line), unit)) {
		if (strncmp(line, "CapabilityBoundingSet=", 22))
			continue;
		for (word = strtok(line + 22, " \n"); word; word = strtok(NULL, " \n"))
			for (i = 0; i < ARRAY_SIZE(names); i++)
				if (!strcmp(names[i].name, word))
					keep |= 1ULL << names[i].number;
	}
	if (unit)
		fclose(unit);
	for (number = 0; keep && number <= CAP_LAST_CAP; number++)
		if (!(keep >> number & 1) && prctl(PR_CAPBSET_READ, number) == 1 &&
		    prctl(PR_CAPBSET_DROP, number))
			perror("capabilities");
}

/* As its unit starts it, as far as a test can. */
static void prepare(void)
{
	leave_initramfs();
	give_up_capabilities();
}

/**
 * start_phvd - start phvd, and wait until it answers
 */
void start_phvd(void)
{
	int i;

	phvd_pid = spawn_phvd("phvd", directory, prepare);
	/* There is no such domain, says phvd. */
	for (i = 0; i < 300 && sh("vmctl net-rules none 2>&1") != 3; i++)
		usleep(100000);
	if (status != 3)
		ksft_exit_fail_msg("phvd doesn't start: %s\n", out);
}

/**
 * phvd_process - which process it is
 *
 * Return: its number
 */
int phvd_process(void)
{
	return phvd_pid;
}

/**
 * end_phvd - end it, and wait until it has
 */
void end_phvd(void)
{
	kill(phvd_pid, SIGTERM);
	waitpid(phvd_pid, NULL, 0);
}

/**
 * counter - a counter of an interface's, as `vmctl info` has it
 * @name: the domain
 * @number: the interface's
 * @direction: "sent" or "received"
 * @key: "packets", or another one
 *
 * Return: its value, 0 if there is none
 */
unsigned long long counter(const char *name, unsigned int number, const char *direction,
			   const char *key)
{
	char text[48], *at;

	sh("vmctl info %s", name);
	snprintf(text, sizeof(text), "\nnet %-8u", number);
	at = strstr(out, text);
	at = at ? strstr(at, direction) : NULL;
	snprintf(text, sizeof(text), " %s ", key);
	at = at ? strstr(at, text) : NULL;
	return at ? strtoull(at + strlen(text), NULL, 10) : 0;
}
