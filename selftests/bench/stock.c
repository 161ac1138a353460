// SPDX-License-Identifier: GPL-2.0-only
/*
 * What disks and networks cost a stock guest on phv, and on QEMU with KVM beside it: the
 * same kernel, initrd and load, in the same boot of the same machine.
 *
 *	stock [--json FILE] PEER [blk|net]
 *
 * PEER is the directory that mkpeer makes. The loads (guests/ioload.c, guests/netload.c)
 * count by themselves, by RDTSC, which is instructions of guest and host together in the
 * emulated test host with one CPU; exits are counted by the emulator, see testport.h.
 *
 * This is what they have in common, and the table; stock_disk.c and stock_net.c have the
 * rest.
 */
#include <fcntl.h>
#include <linux/types.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "stock.h"
#include "testhost/testport.h"

#define ROWS_MAX	16
#define ARGUMENTS_MAX	48

/* What one operation costs, times 1000. */
struct cost {
	bool known;
	__u64 time, exits, interrupts;
};

struct row {
	char name[28];
	struct cost cost[SIDES];
};

static struct row rows[ROWS_MAX];
static unsigned int row_count;
static bool have_testport;

/* Where the loads are. */
char stock_programs[512];

/**
 * stock_die - end, as there is nothing to be measured
 * @format: why, as for printf()
 */
void stock_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "stock: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/* The right to use the testport costs on each way to user space, so not for long. */
static __u64 count_exits(void)
{
	__u64 exits;

	if (!have_testport || testport_open())
		return 0;
	exits = testport_counter(TESTPORT_COUNTER_EXITS);
	ioperm(TESTPORT_BASE, TESTPORT_COUNT, 0);
	return exits;
}

static struct row *find_row(const char *kind, const char *name)
{
	char full[sizeof(rows[0].name)];
	unsigned int i;

	snprintf(full, sizeof(full), "%s.%s", kind, name);
	for (i = 0; i < row_count; i++)
		if (!strcmp(rows[i].name, full))
			return &rows[i];
	if (row_count == ROWS_MAX)
		stock_die("more rows than there is room for");
	memcpy(rows[row_count].name, full, sizeof(full));
	return &rows[row_count++];
}

/* A line of the load's; others are kept in case there is no other. */
static bool take_line(const char *kind, enum side side, const char *line)
{
	static const char * const sides[SIDES] = { "phv", "QEMU", "host" };
	static __u64 exits_before;
	unsigned long long count, time, interrupts;
	char name[24];

	if (!strncmp(line, "begin ", 6)) {
		exits_before = count_exits();
		return true;
	}
	if (sscanf(line, "row %23s %llu %llu %llu", name, &count, &time, &interrupts) != 4 ||
	    !count)
		return false;
	find_row(kind, name)->cost[side] = (struct cost){
		true, time * 1000 / count, (count_exits() - exits_before) * 1000 / count,
		interrupts * 1000 / count,
	};
	/* The table comes last, which may be long from now. */
	printf("# %s: %s.%s: %llu\n", sides[side], kind, name, time / count);
	return true;
}

/**
 * stock_use_kvm - KVM has VMX, or phv can have it
 * @on: KVM
 */
void stock_use_kvm(bool on)
{
	if (system(on ? "modprobe kvm_intel" : "rmmod kvm_intel"))
		stock_die("no KVM");
}

/**
 * stock_qemu - how QEMU is started: as its users would have it for speed
 * @peer: the directory with QEMU
 * @more: what else it is to have
 *
 * Return: words for execvp(); they last until the next call
 */
char **stock_qemu(const char *peer, char *const more[])
{
	static char program[512];
	static char *argv[ARGUMENTS_MAX] = {
		program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "microvm,accel=kvm,pcie=on", "-cpu", "host", "-m", STOCK_MEMORY,
		"-serial", "stdio", "-kernel", STOCK_KERNEL, "-initrd", STOCK_INITRD,
	};
	unsigned int i = 0;

	snprintf(program, sizeof(program), "%s/bin/qemu", peer);
	while (strcmp(argv[i++], STOCK_INITRD))
		;
	while ((argv[i++] = *more++))
		if (i == ARGUMENTS_MAX)
			stock_die("too many words");
	return argv;
}

/**
 * stock_run - run a program that measures, and take what it says for rows
 * @kind: what its rows' names begin with
 * @side: on which side
 * @argv: the program, as for execvp()
 */
void stock_run(const char *kind, enum side side, char *const argv[])
{
	unsigned int taken = 0;
	char line[512];
	int fds[2];
	FILE *from;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		stock_die("pipe: %m");
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	from = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (take_line(kind, side, line))
			taken++;
		else if (*line)
			printf("# %s\n", line);
	}
	fclose(from);
	waitpid(pid, NULL, 0);
	if (!taken)
		printf("# %s: nothing came\n", argv[0]);
}

/* The initrd of Debian's kernel has the loads added. */
static void prepare(void)
{
	char command[2048];

	snprintf(command, sizeof(command),
		 "mkdir -p /tmp/bench/tree && cp %s/ioload %s/netload /tmp/bench/tree && "
		 "{ cat /guests/initrd-6.12; cd /tmp/bench/tree && "
		 "printf 'ioload\\nnetload\\n' | cpio -o -H newc 2>/dev/null; } >" STOCK_INITRD,
		 stock_programs, stock_programs);
	if (system(command))
		stock_die("no initrd");
}

static void print_number(FILE *json, const char *key, const struct cost *cost, __u64 number)
{
	if (cost->known)
		fprintf(json, ", \"%s\": %llu.%03llu", key, (unsigned long long)number / 1000,
			(unsigned long long)number % 1000);
	else
		fprintf(json, ", \"%s\": null", key);
}

static void print_json(FILE *json, const struct row *row, const char *suffix,
		       const char *unit, const __u64 number[SIDES], __u64 target)
{
	static const struct cost none;
	static bool another;

	fprintf(json, "%s{\"name\": \"%s%s\", \"unit\": \"%s\"", another ? ",\n" : "",
		row->name, suffix, unit);
	another = true;
	print_number(json, "phv", &row->cost[PHV], number[PHV]);
	print_number(json, "peer", &row->cost[QEMU], number[QEMU]);
	fprintf(json, ", \"peer_name\": \"QEMU\"");
	print_number(json, "host", *suffix ? &none : &row->cost[HOST], number[HOST]);
	print_number(json, "target", target ? &row->cost[QEMU] : &none, target);
	fprintf(json, ", \"note\": \"one operation\"}");
}

static void print_cell(const struct cost *cost, __u64 number, bool whole)
{
	if (!cost->known)
		printf(" %10s", "-");
	else if (whole)
		printf(" %10llu", (unsigned long long)(number + 500) / 1000);
	else
		printf(" %7llu.%02llu", (unsigned long long)number / 1000,
		       (unsigned long long)number % 1000 / 10);
}

static void print_counts(const char *what, const struct row *row, const __u64 number[SIDES])
{
	unsigned int i;

	printf("%-22s", what);
	for (i = 0; i < HOST; i++)
		print_cell(&row->cost[i], number[i], false);
	printf("\n");
}

static void print_row(FILE *json, const struct row *row)
{
	__u64 times[SIDES], exits[SIDES], interrupts[SIDES], target;
	const struct cost *cost = row->cost;
	unsigned int i;

	for (i = 0; i < SIDES; i++) {
		times[i] = cost[i].time;
		exits[i] = cost[i].exits;
		interrupts[i] = cost[i].interrupts;
	}
	/* What is read at random, and deep, is to cost a third */
	target = cost[QEMU].time / (strcmp(row->name, "blk.read.4k.32") ? 1 : 3);
	printf("%-22s", row->name);
	for (i = 0; i < SIDES; i++)
		print_cell(&cost[i], times[i], true);
	print_cell(&cost[QEMU], target, true);
	printf("  instructions%s\n", !cost[PHV].known || !cost[QEMU].known ? "" :
	       times[PHV] <= target ? ", met" : ", MISSED");
	print_counts("  exits", row, exits);
	print_counts("  interrupts", row, interrupts);
	if (!json)
		return;
	print_json(json, row, "", "instructions", times, target);
	print_json(json, row, ".exits", "each", exits, 0);
	print_json(json, row, ".interrupts", "each", interrupts, 0);
}

int main(int argc, char **argv)
{
	const char *peer, *only;
	FILE *json = NULL;
	unsigned int i;
	ssize_t n;

	argv++;
	if (argc > 2 && !strcmp(*argv, "--json")) {
		json = fopen(argv[1], "w");
		if (!json)
			stock_die("%s: %m", argv[1]);
		argv += 2;
	}
	peer = *argv;
	if (!peer || (argv[1] && argv[2])) {
		fprintf(stderr, "usage: stock [--json FILE] PEER [blk|net]\n");
		return 2;
	}
	only = argv[1];
	n = readlink("/proc/self/exe", stock_programs, sizeof(stock_programs) - 1);
	stock_programs[n < 0 ? 0 : n] = '\0';
	*(strrchr(stock_programs, '/') ?: stock_programs) = '\0';
	have_testport = !testport_open();
	if (have_testport)
		ioperm(TESTPORT_BASE, TESTPORT_COUNT, 0);

	setlinebuf(stdout);
	prepare();
	if (!only || !strcmp(only, "blk"))
		stock_disks(peer);
	if (!only || !strcmp(only, "net"))
		stock_nets(peer);

	printf("%-22s %10s %10s %10s %10s\n", "", "phv", "QEMU", "host", "target");
	if (json)
		fprintf(json, "[\n");
	for (i = 0; i < row_count; i++)
		print_row(json, &rows[i]);
	if (json) {
		fprintf(json, "\n]\n");
		fclose(json);
	}
	return 0;
}
