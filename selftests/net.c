// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network interfaces of stock guests: what they send arrives, whole and with right
 * checksums, and what they must not send does not.
 *
 * A guest has a shell that listens to its first interface, so that one boot does for all
 * that is asked of it: eth0 is a TAP with all that phvd can do, eth1 one with four queues,
 * without offloads, and eth2 a network of kind "user". A second guest is for what goes
 * from one to the other. All of it with PHV_NET=1, as it takes its time; PHV_NET_MIB says
 * how much is transferred. Guests come from /guests, or where PHV_GUESTS says.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net_phvd.h"
#include "phvtest.h"

#define SHELL_PORT	23
#define BOOT_SECONDS	150
#define ANSWER_SECONDS	60

static const char *guests = "/guests", *kernel;
static pid_t greeter_pid;

/* Connects to a guest; -1 if it does not answer. */
static int connect_to(const char *address, unsigned int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct timeval limit = { .tv_sec = ANSWER_SECONDS };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
		return fd;
	close(fd);
	return -1;
}

/* Has a guest run a command: what it writes is in out[]. */
static bool __printf(2, 3) guest(const char *address, const char *format, ...)
{
	char command[1024];
	size_t size = 0;
	va_list args;
	ssize_t n = -1;
	int fd = connect_to(address, SHELL_PORT);

	*out = '\0';
	if (fd < 0)
		return false;
	va_start(args, format);
	n = vsnprintf(command, sizeof(command) - 16, format, args);
	va_end(args);
	strcat(command, "\nexit\n");
	if (write(fd, command, strlen(command)) < 0)
		n = -1;
	while (n >= 0 && (n = read(fd, out + size, sizeof(out) - 1 - size)) > 0)
		size += (size_t)n;
	out[size] = '\0';
	close(fd);
	return !n;
}

static bool wait_for_guest(const char *name, const char *address)
{
	time_t end = now() + BOOT_SECONDS;

	while (now() < end) {
		if (guest(address, "echo here") && strstr(out, "here"))
			return true;
		usleep(200000);
	}
	sh("cat %s/%s", directory, name);
	ksft_print_msg("%s does not answer: %.2000s\n", name, out);
	sh("cat %s/log", directory);
	ksft_print_msg("%s", out);
	return false;
}

/* Starts a guest with these interfaces; it sets itself up, and listens. */
static bool boot(const char *name, const char *nets, const char *setup)
{
	sh("vmctl create %s --kernel %s/linux-%s --initrd %s/initrd-%s --memory 128M %s "
	   "--disk %s/payload.tar,ro --cmdline 'console=hvc0 quiet xen_netfront.max_queues=4 "
	   "phv.run=\"tar -C /tmp -xf /dev/xvda; %s; /tmp/netload serve & "
	   "nc -ll -p %d -e sh & sleep 100000\"' 2>&1", name, guests, kernel, guests, kernel,
	   nets, directory, setup, SHELL_PORT);
	if (status) {
		ksft_print_msg("%s", out);
		return false;
	}
	return true;
}

static void start(const char *name)
{
	sh("vmctl start %s 2>&1", name);
	sh("vmctl console --read-only %s >%s/%s 2>&1 </dev/null &", name, directory, name);
}

/* The transfer. */

/* Has the host talk to a server in a guest, or a guest to one in another: guests/netload.c. */
static bool load(const char *how)
{
	sh("%s/netload %s 2>&1", programs, how);
	return said(" ok");
}

static size_t transfer_size(void)
{
	const char *mib = getenv("PHV_NET_MIB");

	return (mib ? strtoul(mib, NULL, 10) : 8) << 20;
}

static void test_transfer(void)
{
	unsigned long long size = transfer_size(), sent, received;
	time_t begin = now();
	char how[64];
	bool good;

	snprintf(how, sizeof(how), "tcp 10.99.0.2 %llu", size);
	good = load(how);
	ksft_print_msg("%ld s: %s", (long)(now() - begin), out);
	sent = counter("a", 0, "sent", "packets");
	received = counter("a", 0, "received", "packets");
	ksft_print_msg("packets sent %llu, notifications %llu; received %llu, notifications %llu\n",
		       sent, counter("a", 0, "sent", "notifications"), received,
		       counter("a", 0, "received", "notifications"));
	/* With segments that are cut by nobody there are fewer packets than without. */
	good = good && sent < size / 1448 && received < size / 1448;
	ksft_test_result(good, "TCP to the guest and back, with offloads\n");
	begin = now();
	snprintf(how, sizeof(how), "tcp 10.99.1.2 %llu", size / 8);
	good = load(how);
	ksft_print_msg("without, %ld s: %s", (long)(now() - begin), out);
	good = good && counter("a", 1, "sent", "packets") >= size / 8 / 1460;
	ksft_test_result(good, "TCP without offloads\n");
}

/* A line for each protocol: its name, and how many checksums were wrong. */
static const char checksum_errors[] =
	"awk '/^(Tcp|Udp):/ { if ($1 in at) print $1, $at[$1]; "
	"for (i = 2; i <= NF; i++) if ($i == \"InCsumErrors\") at[$1] = i }' /proc/net/snmp";

static void test_packets(void)
{
	bool good;

	good = load("udp 10.99.0.2");
	ksft_print_msg("%s", out);
	good = load("udp 10.99.1.2") && good;
	ksft_print_msg("%s", out);
	ksft_test_result(good, "UDP of all sizes, with offloads and without\n");

	sh("vmctl info a");
	good = said(", 4 connected");
	/* What 16 ports have sent came through more than one of them, and back. */
	good = guest("10.99.0.2", "awk '/vif1-q[0-3]-rx/ && $2 > 3 { n++ } END { print n }' "
		     "/proc/interrupts") && good;
	good = good && atoi(out) > 1;
	if (!good)
		ksft_print_msg("%s", out);
	ksft_test_result(good, "four queues\n");

	sh("for i in phva phvb phvtest; do ip link set $i mtu 9000; done");
	good = guest("10.99.0.2", "ip link set eth0 mtu 9000; "
		     "for n in 1 100 4000 8000 20000; do ping -q -c 1 -W 20 -s $n 10.99.0.1; done");
	good = good && said("0%% packet loss") && !strstr(out, "100% packet loss");
	good = good && load("udp 10.99.0.2") && load("tcp 10.99.0.2 1000000");
	ksft_test_result(good, "jumbo packets\n");

	sh("%s", checksum_errors);
	good = said("Tcp: 0\n") && said("Udp: 0\n");
	guest("10.99.0.2", "%s", checksum_errors);
	good = said("Tcp: 0\n") && said("Udp: 0\n") && good;
	ksft_test_result(good, "all checksums were right\n");
}

/* Rules. */

static unsigned long long hits(const char *name, unsigned int number, const char *rule)
{
	char *at;

	sh("vmctl net-rules %s %u 2>&1", name, number);
	at = strstr(out, rule);
	if (!at) {
		ksft_print_msg("no rule %s: %s\n", rule, out);
		return 0;
	}
	while (at > out && at[-1] != '\n')
		at--;
	return strtoull(at, NULL, 10);
}

/* Has the guest use an address; the interface must be down for that. */
static bool ping_with_mac(const char *mac)
{
	return guest("10.99.0.2", "ip link set eth1 down && ip link set eth1 address %s && "
		     "ip link set eth1 up && cat /sys/class/net/eth1/address && "
		     "ping -q -c 3 -W 2 10.99.1.1 2>&1", mac) && said("%s", mac);
}

static void test_spoofing(void)
{
	static const char ping[] = "ping -q -c 2 -W 1 -I %s 10.99.1.1 2>&1";
	unsigned long long before;
	char text[64], mac[20];
	bool good;

	good = guest("10.99.0.2", "cat /sys/class/net/eth1/address");
	snprintf(mac, sizeof(mac), "%.17s", out);
	snprintf(text, sizeof(text), ping, "10.99.1.2");
	good = guest("10.99.0.2", "%s", text) && said(" 0%% packet loss") && good;
	/* The ARP table has the host's address already, so the first one to be seen is IP. */
	snprintf(text, sizeof(text), ping, "10.99.1.66");
	good = good && guest("10.99.0.2", "ip addr add 10.99.1.66/32 dev eth1; %s; "
			     "ip addr del 10.99.1.66/32 dev eth1", text) &&
	       said("100%% packet loss");
	good = good && hits("a", 1, "antispoof: IP\n") + hits("a", 1, "antispoof: IP in ARP");
	ksft_test_result(good, "an IP address that is another's\n");

	before = hits("a", 1, "antispoof: MAC\n");
	good = ping_with_mac("02:00:00:00:00:66") && said("100%% packet loss");
	good = good && hits("a", 1, "antispoof: MAC\n") > before;
	good = ping_with_mac(mac) && said(" 0%% packet loss") && good;
	ksft_test_result(good, "a MAC address that is another's\n");
}

static void test_rules(void)
{
	static const char deny[] = "deny out udp to 10.99.0.1 port 7";
	static const char limit[] = "limit 1/s in icmp";
	/* One datagram, which nobody answers */
	static const char send[] = "/tmp/netload burst 10.99.0.1 10 1 1; "
				   "ping -q -c 1 -W 20 10.99.0.1";
	bool good;

	sh("vmctl net-rules --add '%s' a 2>&1", deny);
	good = !status && said("%s", deny) && !hits("a", 0, deny);
	good = good && guest("10.99.0.2", send) && said(" 0%% packet loss");
	good = good && hits("a", 0, deny) == 1;
	sh("vmctl net-rules --first 'allow out udp to 10.99.0.0/24' a 2>&1");
	good = good && !status && guest("10.99.0.2", send) &&
	       hits("a", 0, "allow out udp") == 1 && hits("a", 0, deny) == 1;
	sh("vmctl net-rules --delete 'allow out udp to 10.99.0.0/24' a 2>&1");
	good = good && !status && !strstr(out, "allow") && hits("a", 0, deny) == 1;
	sh("vmctl net-rules --delete '%s' a 2>&1", deny);
	good = good && !status && !strstr(out, "deny");
	ksft_test_result(good, "a rule denies, another one before it allows; both count\n");

	sh("vmctl net-rules --add '%s' a 1 2>&1", limit);
	good = !status && guest("10.99.0.2", "ping -q -c 20 -i 0.01 -W 1 10.99.1.1 2>&1");
	if (!good || strstr(out, " 0% packet loss"))
		ksft_print_msg("it does not limit: %s\n", out);
	good = good && !strstr(out, " 0% packet loss") && hits("a", 1, limit);
	sh("vmctl net-rules --delete '%s' a 1 2>&1", limit);
	ksft_test_result(good && !status, "a rule limits\n");

	sh("vmctl net-rules --add 'deny sideways' a 2>&1");
	good = status == 2 && said("a rule begins with");
	sh("vmctl net-rules --add 'deny out tcp to 10.0.0.1\"; flush ruleset' a 2>&1");
	good = good && status == 2;
	sh("vmctl net-rules --delete 'antispoof: MAC' a 2>&1");
	good = good && status == 1;
	sh("vmctl net-rules a 7 2>&1");
	good = good && status == 1;
	ksft_test_result(good, "rules that there can't be\n");
}

/* The rest. */

static void test_user(void)
{
	bool good;

	if (sh("command -v passt")) {
		ksft_test_result_skip("there is no passt\n");
		return;
	}
	/* nc is not to close its side at once: passt of 2023 never closes the other one then. */
	good = guest("10.99.0.2", "udhcpc -q -n -t 10 -i eth2 2>&1; ip addr show eth2; "
		     "mkfifo /tmp/open && exec 3<>/tmp/open; nc -w 30 203.0.113.9 2222 <&3");
	good = good && said("from the host");
	if (!good) {
		sh("cat %s/log", directory);
		ksft_print_msg("%s", out);
	}
	ksft_test_result(good, "a network of kind user\n");
}

static void test_guests(void)
{
	unsigned int try;
	bool good;

	if (!wait_for_guest("b", "10.99.0.3")) {
		ksft_test_result_fail("a second guest\n");
		return;
	}
	good = guest("10.99.0.2", "ping -q -c 2 -W 20 10.99.0.3; "
		     "/tmp/netload tcp 10.99.0.3 4000000; /tmp/netload udp 10.99.0.3");
	good = good && said(" 0%% packet loss") && said("tcp ok") && said("udp ok");
	ksft_test_result(good, "from guest to guest\n");
	sh("vmctl destroy b 2>&1; ip link show 2>&1");
	good = said("phvtest:");
	for (try = 0; try < 100 && !sh("test -e /sys/class/net/phvb"); try++)
		usleep(100000);
	sh("ls /sys/class/net; cat /sys/class/net/phvtest/ifalias");
	ksft_test_result(good && !strstr(out, "phvb"), "nothing is left of it\n");
}

static bool wait_in_guest(const char *command, const char *text)
{
	time_t end = now() + ANSWER_SECONDS;

	while (now() < end) {
		if (guest("10.99.0.2", "%s", command) && strstr(out, text))
			return true;
		usleep(200000);
	}
	return said("%s", text);
}

static void test_plug(void)
{
	bool good;

	sh("vmctl net-detach a 1 2>&1");
	good = !status && wait_in_guest("ls /sys/class/net | grep -c eth1", "0\n");
	sh("for n in $(seq 100); do vmctl net-rules a 1 >/dev/null 2>&1 || break; sleep .1; "
	   "done; ls /sys/class/net");
	good = good && !strstr(out, "phvt1");
	sh("vmctl net-attach a tap=phvt1,queues=2,antispoof=off 2>&1");
	good = good && !status && wait_in_guest("ls /sys/class/net", "eth1\n");
	sh("ip addr add 10.99.1.1/24 dev phvt1");
	good = good && guest("10.99.0.2", "ip addr add 10.99.1.2/24 dev eth1; "
			     "ip link set eth1 up; ping -q -c 2 -W 20 10.99.1.1") &&
	       said(" 0%% packet loss");
	ksft_test_result(good, "unplugged and plugged in again\n");
	good = ping_with_mac("02:00:00:00:00:66") && said(" 0%% packet loss");
	ksft_test_result(good, "another MAC address, where that is allowed\n");
}

/* A TAP has a carrier while there is a frontend. */
static void test_link(void)
{
	static const char wait[] = "for n in $(seq 300); do "
				   "[ $(cat /sys/class/net/phvt1/carrier) = %u ] && break; "
				   "sleep .1; done; cat /sys/class/net/phvt1/carrier";
	bool good;

	sh("cat /sys/class/net/phvt1/carrier");
	good = said("1") && guest("10.99.0.2", "cat /sys/class/net/eth1/carrier; "
				  "echo vif-1 >/sys/bus/xen/drivers/vif/unbind") && said("1");
	sh(wait, 0);
	good = said("0") && good;
	good = guest("10.99.0.2", "echo vif-1 >/sys/bus/xen/drivers/vif/bind") && good;
	good = wait_in_guest("ip link set eth1 up; cat /sys/class/net/eth1/carrier", "1") && good;
	sh(wait, 1);
	good = said("1") && good;
	good = guest("10.99.0.2", "ip addr add 10.99.1.2/24 dev eth1; "
		     "ping -q -c 2 -W 20 10.99.1.1") && said(" 0%% packet loss") && good;
	ksft_test_result(good, "the link's state\n");
}

static void test_restart(void)
{
	bool good;

	sh("vmctl net-rules --add 'deny in udp port 9' a 2>&1");
	end_phvd();
	start_phvd();
	good = guest("10.99.0.2", "echo here") && said("here");
	sh("vmctl net-rules a 2>&1");
	good = good && !status && said("deny in udp port 9");
	ksft_test_result(good, "phvd is started anew, and finds all as it was\n");
	/* Killed while its packets are under way */
	sh("kill -9 $(vmctl info a | awk '/^pid/ { print $2 }')");
	sh("for n in $(seq 300); do test -e /sys/class/net/phvtest || break; sleep .1; done; "
	   "ls /sys/class/net");
	good = !strstr(out, "phvtest") && !strstr(out, "phva") && !strstr(out, "phvt1");
	if (!good)
		ksft_print_msg("%s", out);
	ksft_test_result(good, "TAPs and the bridge go with a worker that is killed\n");
}

static void test_words(void)
{
	static const struct {
		const char *net;
		const char *why;
	} bad[] = {
		{ "tap=a/b", "tap, tap=INTERFACE or user" },
		{ "bridge", "tap, tap=INTERFACE or user" },
		{ "tap,queues=9", "queues=9" },
		{ "tap,mac=01:00:00:00:00:01", "mac=01:" },
		{ "tap,mac=2:0:0:0:0:1", "mac=2:" },
		{ "tap,ip=10.0.0.256", "ip=10.0.0.256" },
		{ "tap,bridge=a;b", "bridge=a;b" },
		{ "tap,frobnicate=1", "frobnicate" },
		{ "user,bridge=a", "user: no bridge" },
		{ "tap,rule=deny", "a rule begins with" },
		{ "tap,rule=deny out port 9", "port 9" },
		{ "tap,rule=limit 0/s in", "a rule begins with" },
		{ "tap,rule=deny in from ::1 to 1.2.3.4", "don't go together" },
	};
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		sh("vmctl create -n --kernel /none --net '%s' x 2>&1", bad[i].net);
		good = said("%s", bad[i].why) && status == 2 && good;
	}
	ksft_test_result(good, "interfaces that there can't be\n");
}

/* Says a word to each one who connects. */
static void greet(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(2222) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

	fflush(stdout);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 5))
		ksft_exit_fail_msg("port 2222: %s\n", strerror(errno));
	greeter_pid = fork();
	while (!greeter_pid) {
		client = accept(fd, NULL, NULL);
		if (write(client, "from the host\n", 14) < 0)
			perror("greet");
		close(client);
	}
	close(fd);
}

/* The host's side: addresses, and a network for passt to be in. */
static void prepare_host(void)
{
	sh("tar -C %s -cf %s/payload.tar netload && truncate -s 4M %s/payload.tar", programs,
	   directory, directory);
	sh("sysctl -q -w net.ipv6.conf.default.accept_dad=0; "
	   "modprobe -a tun bridge dummy nf_tables; ip link add phvdummy type dummy; "
	   "ip addr add 192.0.2.7/24 dev phvdummy; "
	   "ip link set phvdummy up; ip route add default via 192.0.2.1; "
	   "ip addr add 203.0.113.9/32 dev lo");
	greet();
}

static bool prepare_guests(void)
{
	bool good;

	good = boot("a", "--net tap=phva,bridge=phvtest,queues=1 "
		    "--net tap=phvt1,queues=4,offload=off,ip=10.99.1.2 --net user",
		    "ip addr add 10.99.0.2/24 dev eth0; ip addr add 10.99.1.2/24 dev eth1; "
		    "ip link set eth0 up; ip link set eth1 up; ip link set eth2 up");
	good = good && boot("b", "--net tap=phvb,bridge=phvtest",
			    "ip addr add 10.99.0.3/24 dev eth0; ip link set eth0 up");
	sh("ip addr add 10.99.0.1/24 dev phvtest; ip addr add 10.99.1.1/24 dev phvt1");
	if (good) {
		start("a");
		start("b");
	}
	return good && wait_for_guest("a", "10.99.0.2");
}

static void clear_away(void)
{
	sh("vmctl destroy a 2>&1; vmctl destroy b 2>&1");
	end_phvd();
	kill(greeter_pid, SIGKILL);
	waitpid(greeter_pid, NULL, 0);
	sh("ip link del phvdummy; ip addr del 203.0.113.9/32 dev lo; rm -rf %s", directory);
}

int main(void)
{
	char image[128];

	ksft_print_header();
	if (!getenv("PHV_NET"))
		ksft_exit_skip("takes its time: PHV_NET=1 has it done\n");
	test_need_root();
	close(test_open_phv());
	if (getenv("PHV_GUESTS"))
		guests = getenv("PHV_GUESTS");
	kernel = getenv("PHV_NET_KERNEL") ?: "6.12";
	snprintf(image, sizeof(image), "%s/linux-%s", guests, kernel);
	if (access(image, R_OK))
		ksft_exit_skip("no %s\n", image);
	signal(SIGPIPE, SIG_IGN);
	make_directory();
	prepare_host();
	start_phvd();

	ksft_set_plan(20);
	test_words();
	if (!prepare_guests()) {
		clear_away();
		ksft_exit_fail_msg("there is no guest to talk to\n");
	}
	test_transfer();
	test_packets();
	test_spoofing();
	test_rules();
	test_user();
	test_guests();
	test_plug();
	test_link();
	test_restart();
	clear_away();
	ksft_finished();
}
