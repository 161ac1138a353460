// SPDX-License-Identifier: GPL-2.0-only
/*
 * What disks cost a stock guest on phv, on QEMU with KVM beside it, and the host itself
 * with the same file: the same kernel, initrd and load, in the same boot of the same
 * machine.
 *
 *	stock [--json FILE] PEER
 *
 * PEER is the directory that mkpeer makes. The load (guests/ioload.c) counts by itself, by
 * RDTSC, which is instructions of guest and host together in the emulated test host
 * with one CPU; exits are counted by the emulator, see testport.h.
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
#include "testhost/testport.h"

#define ROWS_MAX	16
#define ARGUMENTS_MAX	48
#define MEMORY		"192"		/* MiB of a guest */
#define DISK		"/tmp/bench/disk"
#define DISK_BYTES	"33554432"
#define INITRD		"/tmp/bench/initrd"
#define KERNEL		"/guests/linux-6.12"

enum side { PHV, QEMU, HOST, SIDES };

/* What one operation costs, times 1000. */
struct cost {
	bool known;
	__u64 time, exits, interrupts;
};

struct row {
	char name[24];
	struct cost cost[SIDES];
};

static struct row rows[ROWS_MAX];
static unsigned int row_count;
static bool have_testport;

static void __noreturn __printf(1, 2) die(const char *format, ...)
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

static struct row *find_row(const char *name)
{
	unsigned int i;

	for (i = 0; i < row_count; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	if (row_count == ROWS_MAX)
		die("more rows than there is room for");
	snprintf(rows[row_count].name, sizeof(rows[0].name), "%s", name);
	return &rows[row_count++];
}

/* A line of the load's; others are kept in case there is no other. */
static bool take_line(enum side side, const char *line)
{
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
	find_row(name)->cost[side] = (struct cost){
		true, time * 1000 / count, (count_exits() - exits_before) * 1000 / count,
		interrupts * 1000 / count,
	};
	return true;
}

static void run_side(enum side side, char *const argv[])
{
	unsigned int taken = 0;
	char line[512];
	int fds[2];
	FILE *from;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %m");
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
		if (take_line(side, line))
			taken++;
		else if (*line)
			printf("# %s\n", line);
	}
	fclose(from);
	waitpid(pid, NULL, 0);
	if (!taken)
		printf("# %s: nothing came\n", argv[0]);
}

static void prepare(const char *load)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "mkdir -p /tmp/bench/tree && cp %s /tmp/bench/tree/ioload && "
		 "{ cat /guests/initrd-6.12; cd /tmp/bench/tree && "
		 "echo ioload | cpio -o -H newc 2>/dev/null; } >" INITRD " && "
		 "head -c " DISK_BYTES " /dev/zero | tr '\\0' x >" DISK, load);
	if (system(command))
		die("no initrd, or no disk");
}

/* Without the crypto's tests of itself, which would take the CPU for the first minute. */
#define QUIET "quiet cryptomgr.notests "

static void run_phv(void)
{
	char *argv[] = {
		"vmctl", "run", "bench", "--kernel", KERNEL, "--initrd", INITRD,
		"--memory", MEMORY "M", "--disk", DISK,
		"--cmdline", QUIET "phv.run=\"/ioload /dev/xvda " DISK_BYTES " blkif\"", NULL
	};

	run_side(PHV, argv);
}

/* As its users would have it: no cache but the file's, io_uring, a thread of its own. */
static void run_qemu(const char *peer)
{
	int direct = open(DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
	char program[512];
	char *argv[] = {
		program, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-machine", "microvm,accel=kvm,pcie=on", "-cpu", "host", "-m", MEMORY,
		"-serial", "stdio", "-kernel", KERNEL, "-initrd", INITRD,
		"-append", QUIET "console=ttyS0 "
		"phv.run=\"modprobe virtio_blk; /ioload /dev/vda " DISK_BYTES " virtio\"",
		"-object", "iothread,id=disk",
		"-blockdev", direct < 0 ?
		"driver=file,node-name=file,filename=" DISK ",aio=io_uring" :
		"driver=file,node-name=file,filename=" DISK ",aio=io_uring,cache.direct=on",
		"-device", "virtio-blk-pci,drive=file,iothread=disk", NULL
	};

	snprintf(program, sizeof(program), "%s/bin/qemu", peer);
	close(direct);
	if (access("/dev/kvm", F_OK) && system("modprobe kvm_intel"))
		die("no KVM");
	run_side(QEMU, argv);
}

static void run_host(char *load)
{
	char *argv[] = { load, DISK, DISK_BYTES, "none", NULL };

	run_side(HOST, argv);
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

	fprintf(json, "%s{\"name\": \"blk.%s%s\", \"unit\": \"%s\"", another ? ",\n" : "",
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

static void print_row(FILE *json, const struct row *row)
{
	const struct cost *cost = row->cost;
	const __u64 times[] = { cost[PHV].time, cost[QEMU].time, cost[HOST].time };
	const __u64 exits[] = { cost[PHV].exits, cost[QEMU].exits, 0 };
	const __u64 interrupts[] = { cost[PHV].interrupts, cost[QEMU].interrupts, 0 };
	/* What is read at random, and deep, is to cost a third */
	__u64 target = cost[QEMU].time / (strcmp(row->name, "read.4k.32") ? 1 : 3);
	unsigned int i;

	printf("blk.%-18s", row->name);
	for (i = 0; i < SIDES; i++)
		print_cell(&cost[i], times[i], true);
	print_cell(&cost[QEMU], target, true);
	printf("  instructions%s\n", !cost[PHV].known || !cost[QEMU].known ? "" :
	       times[PHV] <= target ? ", met" : ", MISSED");
	printf("%-22s", "  exits");
	print_cell(&cost[PHV], exits[PHV], false);
	print_cell(&cost[QEMU], exits[QEMU], false);
	printf("\n%-22s", "  interrupts");
	print_cell(&cost[PHV], interrupts[PHV], false);
	print_cell(&cost[QEMU], interrupts[QEMU], false);
	printf("\n");
	if (!json)
		return;
	print_json(json, row, "", "instructions", times, target);
	print_json(json, row, ".exits", "each", exits, 0);
	print_json(json, row, ".interrupts", "each", interrupts, 0);
}

int main(int argc, char **argv)
{
	FILE *json = NULL;
	char load[512];
	unsigned int i;
	ssize_t n;

	if (argc == 4 && !strcmp(argv[1], "--json")) {
		json = fopen(argv[2], "w");
		if (!json)
			die("%s: %m", argv[2]);
	} else if (argc != 2) {
		fprintf(stderr, "usage: stock [--json FILE] PEER\n");
		return 2;
	}
	n = readlink("/proc/self/exe", load, sizeof(load) - 8);
	load[n < 0 ? 0 : n] = '\0';
	memcpy(strrchr(load, '/') ?: load, "/ioload", sizeof("/ioload"));
	have_testport = !testport_open();
	if (have_testport)
		ioperm(TESTPORT_BASE, TESTPORT_COUNT, 0);

	setlinebuf(stdout);
	prepare(load);
	run_phv();
	run_qemu(argv[argc - 1]);
	run_host(load);

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
