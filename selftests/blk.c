// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks: a guest of ours does what no frontend should (guests/bad_disk.c), beside one that is
 * not to be disturbed by it; two stock guests do what guests/blk.sh says, one with a vCPU and
 * one with four, and the host changes things below them.
 *
 * A phvd of its own is started. The stock guests are for the machines with PHV_BOOT set,
 * as they take their time in an emulated one. Kernels are those of the test host, or named by
 * PHV_GUEST_KERNEL and PHV_GUEST_INITRD, whose init has to take phv.run.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disks.h"
#include "phvtest.h"

#define PATIENCE	60		/* s, for a guest to do what is next */
#define LOG_OFFSET	(8 << 20)	/* as in guests/blkload.c */

/* The first guest's files; all of them are tmpfs, so quick. */
static void make_files(void)
{
	if (sh("truncate -s 12M a; truncate -s 1050112 c1; truncate -s 1050112 c2; "
	       "truncate -s 4M e g w; head -c 4194304 /dev/zero | tr '\\0' x >f; mkdir -p small; "
	       "mount -t tmpfs -o size=1M none small; truncate -s 8M small/d"))
		ksft_exit_fail_msg("no files: %s\n", out);
}

static void run_guest(const char *how, unsigned int vcpus, const char *disk,
		      const char *disks, const char *options)
{
	if (sh("$V create t --kernel $KERNEL --initrd $INITRD --memory 128M --vcpus %u "
	       "--disk %s --disk payload.tar,ro %s --cmdline 'quiet %s "
	       "phv.run=\"tar -C /tmp -xf /dev/xvdb && sh /tmp/blk.sh %s\"' 2>&1", vcpus,
	       disk, disks, options, how))
		ksft_exit_fail_msg("no guest: %s\n", out);
	sh("(timeout 600 $V console t </dev/null; echo THE END) >guest 2>&1 &");
}

static void result(const char *text, const char *what)
{
	bool good = guest_says(text);

	ksft_test_result(good, "%s\n", what);
}

/* Attached, loaded, detached, resized. */
static void test_hot(void)
{
	struct stat status;
	bool good;

	guest_says("waiting for xvdg");
	ksft_test_result(!stat("f", &status) && status.st_blocks * 512 < 1000000,
			 "the file has given space back\n");
	good = !sh("$V disk-attach t g,name=xvdg 2>&1");
	result("ok attached", "a disk is attached");
	good = guest_says("loading") && good;
	sh("$V disk-attach t g,name=xvdg 2>&1");
	good = strstr(out, "File exists") && good;
	good = !sh("$V disk-detach --timeout 100 t xvdg 2>&1") && good;
	good = !sh("$V info --json t") && !strstr(out, "xvdg") && good;
	result("ok detached", "a disk is detached under load");
	good = guest_says("failed: errno") && good;
	ksft_test_result(good, "who uses it then gets errors\n");
	guest_says("waiting for a larger xvdf");
	good = sh("$V disk-resize t xvdf 8M 2>&1") == 1;
	good = !sh("truncate -s 8M f && $V disk-resize t xvdf 2>&1") && good;
	result("ok resized", "a disk grows");
}

/* What was flushed is there when the worker is killed, and nothing is made up. */
static void test_power_cut(void)
{
	uint64_t synced = cut_power(), i, found;
	bool good = synced;
	FILE *file;

	file = fopen("a", "re");
	for (i = 1; file && i <= synced; i++) {
		if (!fseek(file, LOG_OFFSET + (long)i * 512, SEEK_SET) && fread(&found, 8, 1, file) &&
		    found == i)
			continue;
		ksft_print_msg("record %" PRIu64 " of %" PRIu64 " is lost\n", i, synced);
		good = false;
		break;
	}
	if (file)
		fclose(file);
	ksft_test_result(good, "what was flushed survives the worker's end\n");
}

static void test_one(void)
{
	bool good;

	run_guest("one", 1, "a", "--disk c1,extent=c2,ro --disk small/d --disk e --disk f", "");
	/* A file that is made shorter is an error of the host's */
	if (sh("truncate -s 1M e && $V start t 2>&1"))
		ksft_exit_fail_msg("%s\n", out);
	result("ok root", "a file system, and programs in it");
	result("ok read-only", "read-only is read-only");
	result("ok extents", "a disk of several files, one of them read-only");
	result("ok no-space", "no space left is an error");
	result("ok file-error", "an error of the file is an error");
	result("ok discard", "discard");
	test_hot();
	good = guest_says("ok mix");
	ksft_test_result(good && hash_is_good("a"), "random sizes and offsets, verified\n");
	test_power_cut();
	ksft_test_result(!sh("! grep -v -e 'its worker was killed' -e 'phvd: bad: ' log"),
			 "phvd complains of nothing else\n");
}

/*
 * A file system on a device, so that a file can be read and written by io_uring, and past
 * the cache. Where all else is, in tmpfs, phvd does neither.
 */
static bool make_ext4(void)
{
	sh("PATH=$PATH:/guests/tools/bin; mke2fs=/guests/tools/bin/mke2fs; "
	   "[ -x $mke2fs ] || mke2fs=mke2fs; mkdir -p ext4; modprobe loop; "
	   "truncate -s 24M device && $mke2fs -q -F -t ext4 device 2>&1 && "
	   "mount -t ext4 -o loop device ext4 2>&1 && truncate -s 12M ext4/a");
	return !access("ext4/a", F_OK);
}

/* The worker's file has O_DIRECT. */
static bool is_direct(const char *file)
{
	return !sh("for f in /proc/[0-9]*/fd/*; do "
		   "[ \"$(readlink $f)\" = $PWD/%s ] || continue; "
		   "grep flags $(echo $f | sed s/fd/fdinfo/); done 2>&1 | grep '[4-7]....$'",
		   file);
}

static void test_four(void)
{
	const char *disk = make_ext4() ? "ext4/a" : "a";
	bool good;

	run_guest("four", 4, *disk == 'e' ? "ext4/a,direct" : disk, "", "xen_blkfront.max_queues=4 "
		  "xen_blkfront.max_ring_page_order=2 xen_blkfront.max_indirect_segments=256");
	sh("$V start t 2>&1");
	good = guest_says("queues");
	if (*disk == 'e')
		ksft_test_result(is_direct(disk), "ext4's cache is left alone\n");
	else
		ksft_test_result_skip("no ext4 here\n");
	good = guest_says("ok four") && good;
	ksft_test_result(good && hash_is_good(disk), "four vCPUs: the same\n");
	ksft_test_result(!!strstr(out, "queues 4"), "they have queues of their own\n");
	guest_says("THE END");
}

/* How many requests a domain's only disk has had; from vmctl's JSON. */
static unsigned long long requests(const char *name)
{
	const char *at;

	sh("$V info --json %s 2>&1", name);
	at = strstr(out, "\"requests\":");
	return at ? strtoull(at + 11, NULL, 10) : 0;
}

/* It goes on, however long that takes. */
static bool goes_on(const char *name)
{
	unsigned long long before = requests(name);
	unsigned int i;

	for (i = 0; i < PATIENCE * 10; i++) {
		if (requests(name) >= before + 20)
			return true;
		usleep(100000);
	}
	ksft_print_msg("%s has stopped: %s\n", name, out);
	return false;
}

static void start(const char *name, const char *disks)
{
	if (sh("$V create %s --memory 4M --kernel $TESTS/bad_disk %s 2>&1 && "
	       "(timeout 500 $V console %s </dev/null >%s 2>&1 &) && sleep .2 && $V start %s",
	       name, disks, name, name, name))
		ksft_exit_fail_msg("%s: %s\n", name, out);
}

/* One that doesn't look at its answers, nor at what it is asked. */
static void test_stall(void)
{
	unsigned int i;
	bool good;

	start("stall", "--disk a --disk c1,name=xvdb");
	for (i = 0; i < PATIENCE * 10 && sh("grep -q stalling stall"); i++)
		usleep(100000);
	good = sh("$V disk-detach --timeout 1 stall xvda 2>&1") && strstr(out, "does not let go");
	good = !sh("$V info --json stall | grep detaching") && goes_on("witness") && good;
	good = !sh("$V disk-detach --force stall xvda 2>&1") && good;
	good = !sh("$V info --json stall") && !strstr(out, "xvda") && good;
	ksft_test_result(good, "one that stalls is detached\n");
	good = !sh("$V disk-detach --timeout 0 stall xvdb 2>&1");
	good = !sh("$V info --json stall") && !strstr(out, "xvdb") && good;
	ksft_test_result(good, "one that is never connected is detached\n");
	sh("$V destroy stall 2>&1");
}

/* Frontends that break the rules: see guests/bad_disk.c. */
static void test_bad(void)
{
	static const struct {
		const char *name, *outcome;
	} bad[] = {
		{ "index", "it has more requests than its ring has room for" },
		{ "back", "it has more requests than its ring has room for" },
		{ "segments", "a request has too many segments" },
		{ "none", "a request has no segments" },
		{ "grant", "a segment is not granted" },
		{ "far", "a segment is not granted" },
		{ "read-only", "a segment is not granted" },
		{ "segment", "a segment has sectors that no page has" },
		{ "indirect", "an indirect request has no segments, or too many" },
		{ "nowhere", "the segments of an indirect request are not granted" },
		{ "unknown", "-2" },
		{ "beyond", "-1" },
		{ "overflow", "-1" },
		{ "discard", "-1" },
		{ "good", "0" },
		{ "flood", "over" },
		{ "rewritten", "over" },
		{ "no-ring", "ring-ref: Permission denied" },
		{ "read-only-ring", "ring-ref: Permission denied" },
		{ "port", "event-channel: port 4095: Invalid argument" },
		{ "queues", "multi-queue-num-queues: Numerical result out of range" },
		{ "protocol", "protocol: unknown" },
	};
	unsigned long long before;
	const char *at;
	char line[128];
	size_t i;
	bool good;

	start("witness", "--disk w,name=xvdb");
	good = goes_on("witness");
	before = requests("witness");
	sh("timeout 100 $V run bad --vcpus 2 --memory 4M --kernel $TESTS/bad_disk --disk a </dev/null 2>&1");
	at = strstr(out, "rewriting: closed") ?: "nothing was rewritten";
	ksft_print_msg("%.*s\n", (int)strcspn(at, "\n"), at);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "bad: %s: %s\n", bad[i].name, bad[i].outcome);
		if (!strstr(out, line))
			ksft_print_msg("%s", out);
		ksft_test_result(!!strstr(out, line), "bad frontend: %s\n", bad[i].name);
	}
	sh("grep -c 'vbd 51712: closed' log");
	ksft_test_result(atoi(out) == 8, "the log has reasons, but not all of them\n");
	good = requests("witness") >= before + 20 && good;
	test_stall();
	good = goes_on("witness") && good;
	read_file("witness");
	ksft_test_result(good && !strstr(out, "disturbed"),
			 "another guest was not disturbed by any of it\n");
	sh("$V destroy witness 2>&1");
}

int main(void)
{
	bool stock;

	ksft_print_header();
	test_need_root();
	disks_prepare();
	close(test_open_phv());
	stock = getenv("PHV_BOOT") && !access(getenv("KERNEL"), R_OK);
	ksft_set_plan(stock ? 43 : 26);
	make_files();
	start_phvd();
	test_bad();
	if (stock) {
		test_one();
		test_four();
	}
	ksft_finished();
}
