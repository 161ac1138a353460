// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that make files of images and of NBD exports; see nbd.h.
 *
 * nbdfuse shows an export as a file on a mount point of its own. When that is opened, the
 * mount point is taken away, so that there is no other way to the file, and nothing to
 * clear up afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nbd.h"
#include "vmctl.h"

#define PATIENCE	20	/* s, until there is a file */

/**
 * struct place - where the file is meanwhile
 * @directory: a new directory
 * @mount: the mount point in it
 * @file: the file
 * @ready: exists when the file does
 * @errors: what the programs complain of
 */
struct place {
	char directory[32];
	char mount[48];
	char file[64];
	char ready[48];
	char errors[48];
};

/**
 * nbd_is_uri - does it name an NBD export?
 * @text: what the user calls the disk
 *
 * Return: true if so; else it is a file
 */
bool nbd_is_uri(const char *text)
{
	static const char * const schemes[] = {
		"nbd://", "nbds://", "nbd+unix://", "nbds+unix://", "nbd+vsock://",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(schemes); i++)
		if (!strncmp(text, schemes[i], strlen(schemes[i])))
			return true;
	return false;
}

static int make_place(struct place *place)
{
	snprintf(place->directory, sizeof(place->directory), "/tmp/vmctl-disk.XXXXXX");
	if (!mkdtemp(place->directory))
		return report_errno(-errno, place->directory, NULL);
	snprintf(place->mount, sizeof(place->mount), "%s/mount", place->directory);
	snprintf(place->file, sizeof(place->file), "%s/disk", place->mount);
	snprintf(place->ready, sizeof(place->ready), "%s/ready", place->directory);
	snprintf(place->errors, sizeof(place->errors), "%s/errors", place->directory);
	if (mkdir(place->mount, 0700))
		return report_errno(-errno, place->mount, NULL);
	return EXIT_OK;
}

/* Runs a program to its end. */
static void run(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* The file stays where it is open. */
static void remove_place(struct place *place)
{
	char *argv[] = { "fusermount3", "-u", "-z", "-q", place->mount, NULL };

	/* Who is not root has a program for that */
	if (umount2(place->mount, MNT_DETACH) && errno == EPERM)
		run(argv);
	rmdir(place->mount);
	unlink(place->ready);
	unlink(place->errors);
	rmdir(place->directory);
}

/* In the new process: it outlives vmctl, and has nothing of its. */
static void exec_nbdfuse(const struct place *place, const char *what, const char *format,
			 bool read_only)
{
	const char *argv[20];
	char path[4096];
	int null = open("/dev/null", O_RDWR), errors, i = 0;

	errors = open(place->errors, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	setsid();
	if (null < 0 || errors < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(null, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		_exit(127);
	argv[i++] = "nbdfuse";
	if (read_only)
		argv[i++] = "-r";
	argv[i++] = "-P";
	argv[i++] = place->ready;
	argv[i++] = place->file;
	if (!format) {
		argv[i++] = what;
	} else {
		/* A path, whatever it is called: not an option, and no protocol */
		snprintf(path, sizeof(path), "%s%s", *what == '/' ? "" : "./", what);
		argv[i++] = "[";
		argv[i++] = "qemu-nbd";
		argv[i++] = "--discard=unmap";
		if (read_only)
			argv[i++] = "--read-only";
		argv[i++] = "--format";
		argv[i++] = format;
		argv[i++] = path;
		argv[i++] = "]";
	}
	argv[i] = NULL;
	execvp(argv[0], (char **)argv);
	perror("nbdfuse (is libnbd-bin installed?)");
	_exit(127);
}

/* What the programs complained of first, or nothing. */
static void read_errors(const struct place *place, char text[200])
{
	FILE *file = fopen(place->errors, "re");

	if (!file || !fgets(text, 200, file))
		snprintf(text, 200, "no reason is known");
	text[strcspn(text, "\n")] = '\0';
	if (file)
		fclose(file);
}

static int wait_until_ready(const struct place *place, pid_t pid, const char *what)
{
	char text[200];
	unsigned int i;

	for (i = 0; i < PATIENCE * 50; i++) {
		if (!access(place->ready, F_OK))
			return EXIT_OK;
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			read_errors(place, text);
			return report("--disk: %s: %s", what, text);
		}
		usleep(20000);
	}
	kill(pid, SIGTERM);
	report("--disk: %s: nobody serves it", what);
	return EXIT_TIMED_OUT;
}

int nbd_open(const char *what, const char *format, bool read_only, int *fd)
{
	struct place place;
	int status = make_place(&place);
	pid_t pid;

	if (status)
		return status;
	pid = fork();
	if (!pid)
		exec_nbdfuse(&place, what, format, read_only);
	status = pid < 0 ? report_errno(-errno, what, NULL) :
			   wait_until_ready(&place, pid, what);
	if (!status) {
		*fd = open(place.file, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		if (*fd < 0)
			status = report_errno(-errno, what, NULL);
	}
	remove_place(&place);
	return status;
}
