// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stock guest on a root disk with a journal, a disk that is a qcow2 image, and one that is
 * an NBD export: what guests/blk.sh does as "root". It ends by a power cut, and what is
 * there then is looked at without phv.
 *
 * For machines with PHV_BOOT set, as blk.c has it; and with e2fsprogs, qemu-utils and
 * nbdfuse, which a test host has in /guests/tools/bin.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disks.h"
#include "phvtest.h"

#define RECORDS		1024	/* of 8 bytes, in each file that the guest makes */

static void need_tools(void)
{
	static const char * const tools[] = {
		"$MKE2FS", "e2fsck", "debugfs", "qemu-img", "qemu-nbd", "nbdfuse", "cpio",
	};
	char path[1024];
	size_t i;

	snprintf(path, sizeof(path), "%s:/guests/tools/bin", getenv("PATH") ?: "");
	setenv("PATH", path, 1);
	/* A shell may have a mke2fs of its own, which knows nothing of journals */
	sh("command -v /guests/tools/bin/mke2fs || which mke2fs");
	out[strcspn(out, "\n")] = '\0';
	setenv("MKE2FS", out, 1);
	for (i = 0; i < ARRAY_SIZE(tools); i++)
		if (sh("command -v %s", tools[i]))
			ksft_exit_skip("no %s\n", tools[i]);
	if (!getenv("PHV_BOOT") || access(getenv("KERNEL"), R_OK))
		ksft_exit_skip("PHV_BOOT is not set, or there is no guest\n");
	sh("modprobe fuse 2>&1");
	if (access("/dev/fuse", R_OK | W_OK))
		ksft_exit_skip("no FUSE\n");
}

/*
 * The initrd's own tree, with what the guest is to do, is the root; the initrd that mounts
 * it is the same with another init.
 */
static void make_root(void)
{
	if (sh("mkdir tree boot && cd tree && cpio -id <$INITRD 2>/dev/null; "
	       "mkdir -p log && cp $TESTS/blkload $TESTS/blk.sh bin && cd .. && "
	       "$MKE2FS -q -t ext4 -d tree root 96M 2>&1 && rm -r tree"))
		ksft_exit_fail_msg("no root disk: %s\n", out);
	if (sh("cat >boot/init <<-'END'\n"
	       "	#!/bin/sh\n"
	       "	mount -t proc proc /proc; mount -t sysfs sysfs /sys\n"
	       "	mount -t devtmpfs devtmpfs /dev\n"
	       "	modprobe -a xen-blkfront ext4\n"
	       "	until [ -b /dev/xvda ]; do usleep 10000; done\n"
	       "	mount -t ext4 /dev/xvda /mnt && umount /dev /sys /proc &&\n"
	       "		exec switch_root /mnt /init\n"
	       "END\n"
	       "chmod 755 boot/init; { cat $INITRD; cd boot && "
	       "echo init | cpio -o -H newc 2>/dev/null; } >initrd"))
		ksft_exit_fail_msg("no initrd: %s\n", out);
}

static void make_images(void)
{
	if (sh("{ head -c 8388608 /dev/zero | tr '\\0' x >seed && cp seed export && "
	       "qemu-img convert -f raw -O qcow2 seed image && "
	       "qemu-img snapshot -c before image; } 2>&1"))
		ksft_exit_fail_msg("no images: %s\n", out);
	sh("qemu-nbd -t -f raw --pid-file=pid -k $PWD/socket export >/dev/null 2>&1 &");
	sh("i=0; until [ -S socket ] || [ $i = 200 ]; do usleep 50000; i=$((i + 1)); done");
}

/* What can't be a disk is refused, with its name and the reason. */
static void test_refusals(void)
{
	static const struct {
		const char *disk, *name, *why;
	} bad[] = {
		{ "nothing,format=qcow2", "nothing", "No such file" },
		{ "seed,format=qcow2", "seed", "not in qcow2 format" },
		{ "'nbd+unix:///?socket=/nowhere'", "/nowhere", "No such file" },
	};
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (sh("$V create bad --kernel $TESTS/tiny --disk %s 2>&1", bad[i].disk) == 1 &&
		    strstr(out, bad[i].name) && strstr(out, bad[i].why))
			continue;
		ksft_print_msg("%s: %s\n", bad[i].disk, out);
		good = false;
	}
	good = !sh("! $V list | grep bad") && good;
	ksft_test_result(good, "what can't be a disk is refused, with the reason\n");
}

static void run_guest(void)
{
	if (sh("$V create t --kernel $KERNEL --initrd initrd --memory 160M --disk root "
	       "--disk $PWD/image,format=qcow2 --disk \"nbd+unix:///?socket=$PWD/socket\" "
	       "--cmdline 'quiet phv.run=\"sh /bin/blk.sh root\"' 2>&1"))
		ksft_exit_fail_msg("no guest: %s\n", out);
	sh("(timeout 600 $V console t </dev/null; echo THE END) >guest 2>&1 &");
	if (sh("$V start t 2>&1"))
		ksft_exit_fail_msg("%s\n", out);
}

static void result(const char *text, const char *what)
{
	bool good = guest_says(text);

	ksft_test_result(good, "%s\n", what);
}

static bool file_is_whole(uint64_t number)
{
	uint64_t record[RECORDS] = { 0 };
	char name[64];
	FILE *file;
	size_t i;

	snprintf(name, sizeof(name), "found/log/%" PRIu64, number);
	file = fopen(name, "re");
	if (!file)
		return false;
	i = fread(record, sizeof(record), 1, file);
	fclose(file);
	for (i = i ? 0 : RECORDS + 1; i < RECORDS && record[i] == number; i++)
		;
	return i == RECORDS;
}

/*
 * What was synced is there when the journal is, and nothing is wrong then. The totals of the
 * superblock are not in the journal: ext4 makes them anew whenever it is mounted.
 */
static void test_power_cut(void)
{
	uint64_t synced = cut_power(), i;
	bool good;

	good = synced && !sh("e2fsck -fy root >fsck 2>&1; grep -q 'recovering journal' fsck && "
			     "[ $(grep -c '? yes' fsck) = "
			     "$(grep -c '^Free [a-z]* count wrong (' fsck) ]");
	good = good && !sh("e2fsck -fn root 2>&1");
	if (!good) {
		read_file("fsck");
		ksft_print_msg("%s\n", out);
	}
	ksft_test_result(good, "the journal is all that a power cut leaves to do\n");
	sh("mkdir found && debugfs -R 'rdump /log found' root 2>&1");
	for (i = 1; good && i <= synced; i++)
		good = file_is_whole(i);
	if (!good)
		ksft_print_msg("file %" PRIu64 " of %" PRIu64 ": %s\n", i - 1, synced, out);
	ksft_test_result(good, "what was synced is there\n");
}

/* The programs that served it end by themselves. */
static void test_image(void)
{
	bool good = !sh("i=0; until qemu-img check -q image || [ $i = 100 ]; do "
			"usleep 100000; i=$((i + 1)); done; "
			"qemu-img convert -f qcow2 -O raw image now 2>&1");

	read_file("guest");
	good = hash_is_good("now") && good;
	ksft_test_result(good, "what was written to a qcow2 image is in it\n");
	good = !sh("{ qemu-img snapshot -a before image && "
		   "qemu-img convert -f qcow2 -O raw image then && cmp seed then; } 2>&1");
	if (!good)
		ksft_print_msg("%s\n", out);
	ksft_test_result(good, "its snapshot is what it was\n");
	ksft_test_result(!sh("[ $(dd if=export bs=4096 skip=16 count=1 2>/dev/null | "
			     "tr -d x | wc -c) = 4096 ] && cmp -n 65536 seed export 2>&1"),
			 "what was written to an NBD export is in it\n");
	/* Their names or arguments have these files' */
	good = !sh("kill $(cat pid); i=0; while grep -lsa \"$PWD/[is]\" /proc/[0-9]*/cmdline; do "
		   "usleep 100000; i=$((i + 1)); [ $i -lt 100 ] || exit 1; done");
	ksft_test_result(good, "no program stays behind\n");
}

int main(void)
{
	ksft_print_header();
	test_need_root();
	disks_prepare();
	need_tools();
	close(test_open_phv());
	ksft_set_plan(10);
	start_phvd();
	make_images();
	test_refusals();
	make_root();
	run_guest();
	result("ok root", "a root disk with a journal");
	result("ok qcow2", "a qcow2 image: random sizes and offsets");
	result("ok nbd", "an NBD export");
	test_power_cut();
	test_image();
	ksft_finished();
}
