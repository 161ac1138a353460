// SPDX-License-Identifier: GPL-2.0-only
/*
 * Networks of stock guests: the host is the other end, by a TAP without a bridge. QEMU has its
 * rings served by the host's kernel (vhost-net). The host's own costs are those of a server on
 * itself. See stock.c.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stock.h"

#define TAP		"phvbench"
#define GUEST		"10.98.0.2"
#define CONSOLE		"/tmp/bench/console"
#define SERVE		"ip addr add " GUEST "/24 dev eth0; ip link set eth0 up; /netload serve\""

/* The host's end, as soon as it is there. */
static void set_up_host(void)
{
	if (system("for n in $(seq 300); do test -e /sys/class/net/" TAP " && break; sleep .1; "
		   "done; ip addr add 10.98.0.1/24 dev " TAP " && ip link set " TAP " up"))
		printf("# no " TAP "\n");
}

static void measure(enum side side, char *address, char *interrupt)
{
	char program[600];
	char *argv[] = { program, "bench", address, interrupt, NULL };

	snprintf(program, sizeof(program), "%s/netload", stock_programs);
	stock_run("net", side, argv);
}

static void run_phv(void)
{
	if (system("vmctl create bench --kernel " STOCK_KERNEL " --initrd " STOCK_INITRD
		   " --memory " STOCK_MEMORY "M --net tap=" TAP
		   " --cmdline '" STOCK_QUIET "phv.run=\"" SERVE "'"))
		stock_die("no guest");
	set_up_host();
	if (system("vmctl start bench"))
		stock_die("no guest");
	measure(PHV, GUEST, "vif");
	if (system("vmctl info bench | sed -n '/^net/,$s/^/# /p'; vmctl destroy bench; "
		   "while test -e /sys/class/net/" TAP "; do sleep .1; done"))
		printf("# the guest stays\n");
}

static void run_qemu(const char *peer, bool vhost)
{
	char *argv[] = {
		"-append", STOCK_QUIET "console=ttyS0 phv.run=\"modprobe virtio_net; " SERVE,
		"-netdev", vhost ?
		"tap,id=net,ifname=" TAP ",script=no,downscript=no,vhost=on" :
		"tap,id=net,ifname=" TAP ",script=no,downscript=no",
		"-device", "virtio-net-pci,netdev=net,romfile=", NULL
	};
	char **words = stock_qemu(peer, argv);
	pid_t pid;
	int fd;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		fd = open(CONSOLE, O_RDWR | O_CREAT | O_TRUNC, 0600);
		dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
		dup2(fd, STDOUT_FILENO);
		execvp(words[0], words);
		_exit(127);
	}
	set_up_host();
	measure(QEMU, GUEST, "virtio");
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	if (system("sed -n 's/^/# /p' " CONSOLE))
		printf("# no console\n");
}

static void run_host(void)
{
	char program[600];
	pid_t pid;

	snprintf(program, sizeof(program), "%s/netload", stock_programs);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		setpgid(0, 0);
		execl(program, program, "serve", NULL);
		_exit(127);
	}
	measure(HOST, "127.0.0.1", "none");
	kill(-pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

/* The kernel's side of QEMU's network comes with mkpeer; false if for another kernel. */
static bool load_vhost(const char *peer)
{
	char command[700];

	snprintf(command, sizeof(command), "cd %s/modules/$(uname -r) && insmod vhost_iotlb.ko && "
		 "insmod vhost.ko && insmod vhost_net.ko", peer);
	return !system(command);
}

/**
 * stock_nets - measure networks
 * @peer: the directory with QEMU
 */
void stock_nets(const char *peer)
{
	bool vhost;

	if (system("sysctl -q -w net.ipv6.conf.default.disable_ipv6=1; modprobe -a tun tap"))
		stock_die("no TAPs");
	vhost = load_vhost(peer);
	if (!vhost)
		printf("# QEMU is without vhost-net\n");
	run_phv();
	stock_use_kvm(true);
	run_qemu(peer, vhost);
	stock_use_kvm(false);
	run_host();
}
