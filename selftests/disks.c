// SPDX-License-Identifier: GPL-2.0-only
/*
 * What tests of disks share; see disks.h.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disks.h"
#include "phvtest.h"

#define PATIENCE	60	/* s, for a guest to do what is next */

static char directory[] = "/tmp/blk-test.XXXXXX";
static const char *phvd, *vmctl;
static pid_t phvd_pid;

char out[65536];

/**
 * sh - run a shell command
 * @format: the command, as for printf()
 *
 * Return: its exit status; what it says is in out[]
 */
int sh(const char *format, ...)
{
	va_list args;
	int status;

	va_start(args, format);
	status = read_command(out, sizeof(out), format, args);
	va_end(args);
	return status;
}

/**
 * read_file - read the beginning of a file into out[]
 * @name: its name
 */
void read_file(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, out, sizeof(out) - 1);

	out[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

/**
 * guest_says - wait until the guest has said something
 * @text: what
 *
 * Return: true if it has; all that it said is in out[] then
 */
bool guest_says(const char *text)
{
	unsigned int i;

	for (i = 0; i < PATIENCE * 5; i++) {
		read_file("guest");
		if (strstr(out, text))
			return true;
		if (strstr(out, "THE END"))
			break;
		usleep(200000);
	}
	ksft_print_msg("the guest does not say \"%s\" but: %s\n", text, out);
	read_file("log");
	ksft_print_msg("phvd: %s\n", out);
	return false;
}

static void clean_up(void)
{
	if (phvd_pid > 0)
		kill(phvd_pid, SIGTERM);
	if (chdir("/") || run_command("umount %s/small %s/ext4 2>/dev/null; rm -rf %s",
				      directory, directory, directory))
		ksft_print_msg("%s stays behind\n", directory);
}

/**
 * start_phvd - start a phvd, in the directory of disks_prepare()
 */
void start_phvd(void)
{
	unsigned int i;

	phvd_pid = spawn_phvd(phvd, directory, NULL);
	for (i = 0; i < 200; i++) {
		if (!sh("$V list 2>&1") && !access("phvd.sock", F_OK))
			return;
		usleep(50000);
	}
	ksft_exit_fail_msg("phvd doesn't start\n");
}

/**
 * disks_prepare - find phvd and vmctl, and go to a new directory
 *
 * $V is vmctl, which talks to the phvd of start_phvd(); $KERNEL and $INITRD are a stock
 * guest's, $TESTS is where the tests are. "payload.tar" is for a guest: blkload and blk.sh.
 */
void disks_prepare(void)
{
	char text[320], self[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 20);

	self[n < 0 ? 0 : n] = '\0';
	*strrchr(self, '/') = '\0';
	phvd = getenv("PHVD") ?: "phvd";
	vmctl = getenv("VMCTL") ?: "vmctl";
	if (run_command("%s --version >/dev/null", phvd) ||
	    run_command("%s version >/dev/null", vmctl))
		ksft_exit_skip("no phvd or no vmctl in PATH; PHVD and VMCTL may name them\n");
	if (!mkdtemp(directory) || chdir(directory))
		ksft_exit_fail_msg("no directory\n");
	atexit(clean_up);
	setenv("V", vmctl, 1);
	snprintf(text, sizeof(text), "%s/phvd.sock", directory);
	setenv("PHVD_SOCKET", text, 1);
	setenv("KERNEL", getenv("PHV_GUEST_KERNEL") ?: "/guests/linux-6.12", 1);
	setenv("INITRD", getenv("PHV_GUEST_INITRD") ?: "/guests/initrd-6.12", 1);
	if (sh("tar -C %s -cf payload.tar blkload blk.sh 2>&1 && truncate -s 4M payload.tar",
	       self))
		ksft_exit_fail_msg("no payload: %s\n", out);
	setenv("TESTS", self, 1);
}

/* The same as in guests/blkload.c. */
static uint64_t hash_file(const char *name, size_t size)
{
	uint64_t sum = 0, word;
	FILE *file = fopen(name, "re");
	size_t i;

	for (i = 0; file && i < size && fread(&word, 8, 1, file); i += 8)
		sum = (sum ^ word) * 0x100000001b3;
	if (file)
		fclose(file);
	return sum;
}

/**
 * hash_is_good - compare the hash that the guest has said, in out[], with a file's
 * @name: the file, of which it is the first 4 MiB
 *
 * Return: true if it is the same
 */
bool hash_is_good(const char *name)
{
	const char *said = strstr(out, "hash ");
	uint64_t sum = hash_file(name, 4194304);

	if (said && strtoull(said + 5, NULL, 16) == sum)
		return true;
	ksft_print_msg("the hash of %s is %016" PRIx64 "\n", name, sum);
	return false;
}

/**
 * cut_power - the worker of the only domain is killed when the guest has said "synced 30"
 *
 * Return: the last number that it has said that of, or 0
 */
uint64_t cut_power(void)
{
	bool good = guest_says("synced 30\n");
	uint64_t synced = 0;
	const char *at;

	sh("kill -9 $($V list --json | tr -d '[:space:]' | "
	   "sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')");
	guest_says("THE END");
	read_file("guest");
	for (at = out; (at = strstr(at, "synced ")); at++)
		if (strchr(at, '\n'))
			synced = strtoull(at + 7, NULL, 10);
	return good ? synced : 0;
}
