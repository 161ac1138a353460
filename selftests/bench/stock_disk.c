// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks of stock guests, and the host's own reads and writes of the same file; see stock.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "stock.h"

#define DISK		"/tmp/bench/disk"
#define DISK_BYTES	"33554432"

static void run_phv(void)
{
	char *argv[] = {
		"vmctl", "run", "bench", "--kernel", STOCK_KERNEL, "--initrd", STOCK_INITRD,
		"--memory", STOCK_MEMORY "M", "--disk", DISK, "--cmdline",
		STOCK_QUIET "phv.run=\"/ioload /dev/xvda " DISK_BYTES " blkif\"", NULL
	};

	stock_run("blk", PHV, argv);
}

/* No cache but the file's, io_uring, a thread of its own. */
static void run_qemu(const char *peer)
{
	int direct = open(DISK, O_RDONLY | O_DIRECT | O_CLOEXEC);
	char *argv[] = {
		"-append", STOCK_QUIET "console=ttyS0 "
		"phv.run=\"modprobe virtio_blk; /ioload /dev/vda " DISK_BYTES " virtio\"",
		"-object", "iothread,id=disk",
		"-blockdev", direct < 0 ?
		"driver=file,node-name=file,filename=" DISK ",aio=io_uring" :
		"driver=file,node-name=file,filename=" DISK ",aio=io_uring,cache.direct=on",
		"-device", "virtio-blk-pci,drive=file,iothread=disk", NULL
	};

	close(direct);
	stock_run("blk", QEMU, stock_qemu(peer, argv));
}

static void run_host(void)
{
	char program[600];
	char *argv[] = { program, DISK, DISK_BYTES, "none", NULL };

	snprintf(program, sizeof(program), "%s/ioload", stock_programs);
	stock_run("blk", HOST, argv);
}

/**
 * stock_disks - measure disks
 * @peer: the directory with QEMU
 */
void stock_disks(const char *peer)
{
	if (system("head -c " DISK_BYTES " /dev/zero | tr '\\0' x >" DISK))
		stock_die("no disk");
	run_phv();
	stock_use_kvm(true);
	run_qemu(peer);
	stock_use_kvm(false);
	run_host();
	unlink(DISK);
}
