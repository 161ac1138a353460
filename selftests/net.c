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
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "phvtest.h"

#define SHELL_PORT	23
#define ECHO_PORT	7
#define BOOT_SECONDS	150
#define ANSWER_SECONDS	60

static char directory[32];
static const char *guests = "/guests", *kernel;
static pid_t phvd_pid, greeter_pid;

/* What a command wrote last, and its exit status. */
static char out[65536];
static int status;

static int __printf(1, 2) sh(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	status = read_command(out, sizeof(out), format, args);
	va_end(args);
	return status;
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static bool __printf(1, 2) said(const char *format, ...)
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

static void start_phvd(void)
{
	char path[80];
	int log, i;

	fflush(stdout);
	phvd_pid = fork();
	if (!phvd_pid) {
		snprintf(path, sizeof(path), "%s/log", directory);
		log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(log, STDERR_FILENO);
		unsetenv("LISTEN_PID");
		execlp("phvd", "phvd", "--directory", directory, NULL);
		_exit(127);
	}
	/* There is no such domain, says phvd. */
	for (i = 0; i < 300 && sh("vmctl net-rules none 2>&1") != 3; i++)
		usleep(100000);
	if (status != 3)
		ksft_exit_fail_msg("phvd doesn't start: %s\n", out);
}

static void end_phvd(void)
{
	kill(phvd_pid, SIGTERM);
	waitpid(phvd_pid, NULL, 0);
}

/* Starts a guest with these interfaces; it sets itself up, and listens. */
static bool boot(const char *name, const char *nets, const char *setup)
{
	sh("vmctl create %s --kernel %s/linux-%s --initrd %s/initrd-%s --memory 128M %s "
	   "--cmdline 'console=hvc0 quiet xen_netfront.max_queues=4 phv.run=\"%s; "
	   "nc -ll -p %d -e cat & nc -ll -p %d -e sh & sleep 100000\"' 2>&1",
	   name, guests, kernel, guests, kernel, nets, setup, ECHO_PORT, SHELL_PORT);
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

/* A stream of bytes that does not repeat, as far as that matters. */
static void fill(unsigned char *data, size_t size, unsigned long long *state)
{
	size_t i;

	for (i = 0; i < size; i++) {
		*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
		data[i] = (unsigned char)(*state >> 56);
	}
}

/* Compares what comes back with what was sent. */
static bool take_back(int fd, size_t *left, unsigned long long *state)
{
	static unsigned char data[65536], expected[65536];
	ssize_t n = read(fd, data, sizeof(data) < *left ? sizeof(data) : *left);

	if (n <= 0)
		return false;
	fill(expected, (size_t)n, state);
	*left -= (size_t)n;
	return !memcmp(data, expected, (size_t)n);
}

/* Sends so many bytes to the guest, which sends them back; each byte is compared. */
static bool echo(const char *address, size_t size)
{
	static unsigned char data[65536];
	unsigned long long out_state = 1, in_state = 1;
	size_t to_send = size, left = size, have = 0, done = 0;
	int fd = connect_to(address, ECHO_PORT);
	bool good = fd >= 0;
	struct pollfd poll_fd;
	ssize_t n;

	if (good)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	while (good && left) {
		if (done == have && to_send) {
			have = to_send < sizeof(data) ? to_send : sizeof(data);
			fill(data, have, &out_state);
			to_send -= have;
			done = 0;
		}
		poll_fd = (struct pollfd){
			.fd = fd, .events = POLLIN | (done < have ? POLLOUT : 0)
		};
		good = poll(&poll_fd, 1, ANSWER_SECONDS * 1000) > 0;
		if (good && poll_fd.revents & POLLIN)
			good = take_back(fd, &left, &in_state);
		if (good && poll_fd.revents & POLLOUT) {
			n = write(fd, data + done, have - done);
			good = n > 0 || errno == EAGAIN;
			done += n > 0 ? (size_t)n : 0;
		}
	}
	if (!good)
		ksft_print_msg("%s: %zu of %zu bytes are missing: %s\n", address, left, size,
			       fd < 0 ? "no connection" : strerror(errno));
	if (fd >= 0)
		close(fd);
	return good;
}

static size_t transfer_size(void)
{
	const char *mib = getenv("PHV_NET_MIB");

	return (mib ? strtoul(mib, NULL, 10) : 8) << 20;
}

/* A counter of the interface's that `vmctl info` has, of both directions. */
static unsigned long long counter(const char *name, unsigned int number, const char *direction,
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

static void test_transfer(void)
{
	size_t size = transfer_size();
	time_t begin = now();
	bool good;

	good = echo("10.99.0.2", size);
	ksft_print_msg("%zu bytes to the guest and back: %ld s\n", size, (long)(now() - begin));
	ksft_print_msg("packets sent %llu, notifications %llu; received %llu, notifications %llu\n",
		       counter("a", 0, "sent", "packets"),
		       counter("a", 0, "sent", "notifications"),
		       counter("a", 0, "received", "packets"),
		       counter("a", 0, "received", "notifications"));
	/* With segments that are cut by nobody there are fewer packets than without. */
	good = good && counter("a", 0, "sent", "packets") < size / 1448;
	ksft_test_result(good, "TCP to the guest and back, with offloads\n");
	begin = now();
	good = echo("10.99.1.2", size / 4);
	ksft_print_msg("%zu bytes, without: %ld s\n", size / 4, (long)(now() - begin));
	sh("vmctl info a");
	good = good && said(", 4 connected");
	good = good && counter("a", 1, "sent", "packets") >= size / 4 / 1460;
	ksft_test_result(good, "TCP with four queues, without offloads\n");
}

/* UDP: the guest fetches a file by TFTP, in blocks of that size. */

static unsigned char content(size_t at)
{
	return (unsigned char)('a' + at % 23 + at / 1000 % 3);
}

static size_t tftp_block(unsigned char *data, unsigned int number, size_t block, size_t total)
{
	size_t from = (number - 1) * block, size, i;

	data[1] = 3;
	data[2] = (unsigned char)(number >> 8);
	data[3] = (unsigned char)number;
	size = from >= total ? 0 : total - from < block ? total - from : block;
	for (i = 0; i < size; i++)
		data[4 + i] = content(from + i);
	return 4 + size;
}

static void write_file(const char *path, size_t total)
{
	FILE *file = fopen(path, "we");
	size_t i;

	for (i = 0; file && i < total; i++)
		fputc(content(i), file);
	if (file)
		fclose(file);
}

static void serve_tftp(int fd, size_t block, size_t total)
{
	unsigned char data[65536], request[2048];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	unsigned int number = 0;
	size_t size;

	while (recvfrom(fd, request, sizeof(request), 0, (struct sockaddr *)&from, &length) >= 4) {
		memset(data, 0, 4);
		if (request[1] == 1) {
			size = 2 + (size_t)sprintf((char *)data + 2, "blksize") + 1;
			size += (size_t)sprintf((char *)data + size, "%zu", block) + 1;
			data[1] = 6;
		} else if (request[1] == 4) {
			number = (unsigned int)request[2] << 8 | request[3];
			if (number * block > total)
				continue;
			size = tftp_block(data, number + 1, block, total);
		} else {
			continue;
		}
		sendto(fd, data, size, 0, (struct sockaddr *)&from, length);
	}
}

static bool fetch(const char *address, const char *server, size_t block, size_t total)
{
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_port = htons(6900) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char sum[65], path[64];
	pid_t child;

	if (bind(fd, (struct sockaddr *)&local, sizeof(local)))
		return false;
	fflush(stdout);
	child = fork();
	if (!child) {
		serve_tftp(fd, block, total);
		_exit(0);
	}
	close(fd);
	snprintf(path, sizeof(path), "%s/f", directory);
	write_file(path, total);
	sh("sha256sum <%s", path);
	snprintf(sum, sizeof(sum), "%.64s", out);
	guest(address, "tftp -g -b %zu -l /tmp/f -r f %s 6900; sha256sum </tmp/f", block, server);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return said("%s", sum);
}

static void test_packets(void)
{
	bool good;

	good = fetch("10.99.0.2", "10.99.0.1", 1400, 50000) &&
	       fetch("10.99.0.2", "10.99.0.1", 8, 400) &&
	       fetch("10.99.0.2", "10.99.1.1", 1400, 20000);
	ksft_test_result(good, "UDP, tiny and large\n");

	sh("for i in phva phvb phvtest; do ip link set $i mtu 9000; done");
	good = guest("10.99.0.2", "ip link set eth0 mtu 9000; "
		     "for n in 1 100 4000 8000 20000; do ping -q -c 1 -W 20 -s $n 10.99.0.1; done");
	good = good && said("0%% packet loss") && !strstr(out, "100% packet loss");
	good = good && fetch("10.99.0.2", "10.99.0.1", 8000, 50000) &&
	       echo("10.99.0.2", 1 << 20);
	ksft_test_result(good, "jumbo packets\n");

	sh("cat /proc/net/snmp | awk '/^Tcp: [0-9]/ { print \"tcp\", $15 } "
	   "/^Udp: [0-9]/ { print \"udp\", $8 }'");
	good = said("tcp 0\n") && said("udp 0\n");
	guest("10.99.0.2", "cat /proc/net/snmp | awk '/^Tcp: [0-9]/ { print \"tcp\", $15 } "
	      "/^Udp: [0-9]/ { print \"udp\", $8 }'");
	good = good && said("tcp 0\n") && said("udp 0\n");
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

static void test_spoofing(void)
{
	static const char ping[] = "ping -q -c 2 -W 1 -I %s 10.99.1.1 2>&1";
	unsigned long long before;
	char text[64];
	bool good;

	snprintf(text, sizeof(text), ping, "10.99.1.2");
	good = guest("10.99.0.2", "%s", text) && said(" 0%% packet loss");
	/* The ARP table has the host's address already, so the first one to be seen is IP. */
	snprintf(text, sizeof(text), ping, "10.99.1.66");
	good = good && guest("10.99.0.2", "ip addr add 10.99.1.66/32 dev eth1; %s; "
			     "ip addr del 10.99.1.66/32 dev eth1", text) &&
	       said("100%% packet loss");
	good = good && hits("a", 1, "antispoof: IP\n") + hits("a", 1, "antispoof: IP in ARP");
	ksft_test_result(good, "an IP address that is another's\n");

	before = hits("a", 1, "antispoof: MAC\n");
	snprintf(text, sizeof(text), ping, "10.99.1.2");
	good = guest("10.99.0.2", "m=$(cat /sys/class/net/eth1/address); "
		     "ip link set eth1 address 02:00:00:00:00:66; %s; "
		     "ip link set eth1 address $m; ping -q -c 1 -W 20 10.99.1.1", text);
	good = good && said("100%% packet loss") && said(" 0%% packet loss");
	good = good && hits("a", 1, "antispoof: MAC\n") > before;
	ksft_test_result(good, "a MAC address that is another's\n");
}

static void test_rules(void)
{
	static const char deny[] = "deny out udp to 10.99.0.1 port 6900";
	static const char limit[] = "limit 1/s in icmp";
	bool good;

	sh("vmctl net-rules --add '%s' a 2>&1", deny);
	good = !status && said("%s", deny) && !hits("a", 0, deny);
	good = good && guest("10.99.0.2", "timeout 3 tftp -g -l /tmp/f -r f 10.99.0.1 6900; "
			     "ping -q -c 1 -W 20 10.99.0.1") && said(" 0%% packet loss");
	good = good && hits("a", 0, deny);
	sh("vmctl net-rules --first 'allow out udp to 10.99.0.0/24' a 2>&1");
	good = good && !status && fetch("10.99.0.2", "10.99.0.1", 100, 1000) &&
	       hits("a", 0, "allow out udp") >= 10;
	sh("vmctl net-rules --delete 'allow out udp to 10.99.0.0/24' a 2>&1");
	good = good && !status && !strstr(out, "allow") && hits("a", 0, deny);
	sh("vmctl net-rules --delete '%s' a 2>&1", deny);
	good = good && !status && fetch("10.99.0.2", "10.99.0.1", 100, 1000);
	ksft_test_result(good, "a rule denies, another one before it allows; both count\n");

	sh("vmctl net-rules --add '%s' a 1 2>&1", limit);
	good = !status && guest("10.99.0.2", "ping -q -c 20 -i 0.01 -W 1 10.99.1.1 2>&1");
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
	good = guest("10.99.0.2", "udhcpc -q -n -t 10 -i eth2 2>&1; ip addr show eth2; "
		     "nc -w 30 203.0.113.9 2222 </dev/null");
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
	good = guest("10.99.0.2", "ping -q -c 2 -W 20 10.99.0.3; head -c 1000000 /dev/zero | "
		     "nc 10.99.0.3 %d | head -c 1000000 | wc -c", ECHO_PORT);
	good = good && said(" 0%% packet loss") && said("\n1000000");
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
	sh("vmctl net-attach a tap=phvt1,queues=2 2>&1");
	good = good && !status && wait_in_guest("ls /sys/class/net", "eth1\n");
	sh("ip addr add 10.99.1.1/24 dev phvt1");
	good = good && guest("10.99.0.2", "ip addr add 10.99.1.2/24 dev eth1; "
			     "ip link set eth1 up; ping -q -c 2 -W 20 10.99.1.1") &&
	       said(" 0%% packet loss");
	ksft_test_result(good, "unplugged and plugged in again\n");
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
	sh("for n in $(seq 100); do test -e /sys/class/net/phvtest || break; sleep .1; done; "
	   "ls /sys/class/net");
	good = !strstr(out, "phv");
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
	sh("sysctl -q -w net.ipv6.conf.default.accept_dad=0; modprobe -a tun bridge dummy nf_tables; "
	   "ip link add phvdummy type dummy; ip addr add 192.0.2.7/24 dev phvdummy; "
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
	char path[64], image[128];

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
	strcpy(directory, "/tmp/phv-net-XXXXXX");
	if (!mkdtemp(directory))
		ksft_exit_fail_msg("no directory\n");
	snprintf(path, sizeof(path), "%s/phvd.sock", directory);
	setenv("PHVD_SOCKET", path, 1);
	prepare_host();
	start_phvd();

	ksft_set_plan(16);
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
	test_restart();
	clear_away();
	ksft_finished();
}
