// SPDX-License-Identifier: GPL-2.0-only
/*
 * Network interfaces and frontends that do what none should: guests/bad_net.c does it.
 * The interface ends, with the reason in the log; another one of that guest goes on, as
 * does another guest, before, meanwhile and afterwards. And what is not granted doesn't get
 * out.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_phvd.h"
#include "phvtest.h"

#define PATIENCE	100	/* s, for the guest to do what is next */
#define FRAMES_MAX	30000	/* as there is no end to what it sends at last */

static int open_tap(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL));
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(name),
	};
	int size = 32 << 20;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!at.sll_ifindex || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		ksft_exit_fail_msg("%s: %s\n", name, strerror(errno));
	return fd;
}

/* A packet for the guest, which knows it by its type. */
static void send_frame(int fd)
{
	unsigned char frame[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9,
				    0x88, 0xb5 };

	if (write(fd, frame, sizeof(frame)) < 0 && errno != ENOBUFS)
		ksft_print_msg("frame: %s\n", strerror(errno));
}

static bool guest_says(const char *text)
{
	time_t end = now() + PATIENCE;

	do {
		sh("cat %s/guest", directory);
		if (strstr(out, text))
			return true;
		usleep(100000);
	} while (now() < end);
	ksft_print_msg("the guest does not say \"%s\" but: %s\n", text, out);
	sh("cat %s/log", directory);
	ksft_print_msg("phvd: %s\n", out);
	return false;
}

/* It goes on sending, however long that takes. */
static bool goes_on(const char *name, unsigned int number)
{
	unsigned long long before = counter(name, number, "sent", "packets");
	time_t end = now() + PATIENCE;

	while (now() < end) {
		if (counter(name, number, "sent", "packets") >= before + 50)
			return true;
		usleep(100000);
	}
	ksft_print_msg("%s: interface %u has stopped: %s\n", name, number, out);
	return false;
}

static void start(const char *name, const char *options)
{
	if (sh("vmctl create %s --kernel %s/bad_net --memory 4M %s 2>&1 && "
	       "(timeout 500 vmctl console --read-only %s </dev/null >%s/%s 2>&1 &) && "
	       "sleep .2 && vmctl start %s", name, programs, options, name, directory,
	       name, name))
		ksft_exit_fail_msg("%s: %s\n", name, out);
}

static const struct {
	const char *name, *outcome;
} bad[] = {
	{ "index", "queue 0: 999 requests in a ring of 256" },
	{ "back", "queue 0: 4294967295 requests in a ring of 256" },
	{ "rx-index", "queue 0: 999 requests in a ring of 256" },
	{ "grant", "queue 0: grant 100: Permission denied" },
	{ "far", "queue 0: grant 4294967280: Invalid argument" },
	{ "rx-grant", "queue 0: grant 100: Permission denied" },
	{ "rx-read-only", "queue 0: grant 13: Permission denied" },
	{ "page", "queue 0: 60 bytes at 4090 of a page" },
	{ "end", "queue 0: the packet's end is missing" },
	{ "slots", "queue 0: a packet of more than 20 slots" },
	{ "parts", "queue 0: a packet smaller than its parts" },
	{ "extra", "queue 0: extra information is missing" },
	{ "endless", "queue 0: extra information is missing" },
	{ "unknown", "queue 0: extra information of type 99" },
	{ "gso", "queue 0: segmentation of type 9" },
	{ "gso-size", "queue 0: segments of no size" },
	{ "tiny", "-1" },
	{ "checksum", "-1" },
	{ "cut", "-1" },
	{ "good", "0" },
	{ "no-ring", "tx-ring-ref: Permission denied" },
	{ "read-only-ring", "rx-ring-ref: Permission denied" },
	{ "port", "event-channel: port 4095: Invalid argument" },
	{ "queues", "1000 queues" },
	{ "wrap", "0" },
	{ "stall", "0" },
};

static void test_bad(void)
{
	char line[128];
	size_t i;
	bool good;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "bad: %s: %s\n", bad[i].name, bad[i].outcome);
		good = strstr(out, line);
		snprintf(line, sizeof(line), "bad: %s: ", bad[i].name);
		if (!good)
			ksft_print_msg("not \"%s\" but %.100s\n", bad[i].outcome,
				       strstr(out, line) ?: "nothing");
		ksft_test_result(good, "bad frontend: %s\n", bad[i].name);
	}
}

/* Packets for those who take none; then some for the one that waits for them. */
static bool end_stall(int victim, int other)
{
	time_t end = now() + PATIENCE;
	unsigned int i;
	bool good = guest_says("stalling");

	for (i = 0; i < 2000; i++)
		send_frame(victim);
	do {
		send_frame(other);
		sh("grep -c '^bad: stall' %s/guest", directory);
	} while (!atoi(out) && now() < end);
	return good;
}

/* Nothing of the page behind the one that is granted has got out. */
static void test_rewrite(int tap)
{
	static const unsigned char secret[] = "SSSS";
	unsigned char frame[2048];
	unsigned int frames, leaks = 0;
	const char *at;
	ssize_t n;

	at = strstr(out, "bad: rewrite: ");
	if (at)
		ksft_print_msg("%.*s\n", (int)strcspn(at, "\n"), at);
	for (frames = 0; frames < FRAMES_MAX; frames++) {
		n = recv(tap, frame, sizeof(frame), 0);
		if (n < 0)
			break;
		leaks += !!memmem(frame, (size_t)n, secret, 4);
	}
	/* On one CPU it may be that nothing changes in time. */
	ksft_test_result(at && !strstr(at, "dead") && frames > 200 && !leaks,
			 "requests that change: %u packets, %u of them secret\n", frames, leaks);
}

static bool is_gone(const char *tap)
{
	time_t end = now() + PATIENCE;

	while (!sh("test -e /sys/class/net/%s", tap) && now() < end)
		usleep(100000);
	return status;
}

/* Who floods does not hear that it is to go; who never connected has nothing to say. */
static void test_detach(void)
{
	bool good;

	sh("vmctl net-detach guest 0 2>&1");
	good = !status && goes_on("guest", 1);
	sh("vmctl net-detach --force guest 0 2>&1");
	good = !status && is_gone("phvbad0") && good;
	ksft_test_result(goes_on("guest", 1) && good, "one that floods is detached\n");
	sh("vmctl net-attach witness tap=phvbad3 2>&1");
	good = !status && !sh("test -e /sys/class/net/phvbad3");
	sh("vmctl net-detach witness 1 2>&1");
	good = good && !status && is_gone("phvbad3");
	ksft_test_result(good, "one that is never connected is detached\n");
}

int main(void)
{
	unsigned long long before;
	int victim, other;
	bool good;

	ksft_print_header();
	test_need_root();
	if (run_command("phvd --version >/dev/null") ||
	    run_command("modprobe -a tun nf_tables 2>/dev/null || test -e /dev/net/tun"))
		ksft_exit_skip("no phvd in PATH, or no TAPs\n");
	close(test_open_phv());
	make_directory();
	ksft_set_plan((unsigned int)ARRAY_SIZE(bad) + 7);
	start_phvd();
	start("witness", "--net tap=phvbad2");
	good = goes_on("witness", 0);
	before = counter("witness", 0, "sent", "packets");
	start("guest", "--vcpus 2 --net tap=phvbad0,antispoof=off --net tap=phvbad1,antispoof=off");
	victim = open_tap("phvbad0");
	other = open_tap("phvbad1");
	end_stall(victim, other);
	guest_says("flooding");
	good = counter("witness", 0, "sent", "packets") > before + 50 && good;
	guest_says("flooding");
	test_bad();
	test_rewrite(victim);
	ksft_test_result(goes_on("guest", 0) && goes_on("guest", 1),
			 "flooded: both interfaces go on\n");
	ksft_test_result(goes_on("witness", 0), "so does another guest\n");
	test_detach();
	good = goes_on("witness", 0) && good;
	good = !counter("witness", 0, "sent", "dropped") && good;
	sh("cat %s/witness", directory);
	ksft_test_result(good && !strstr(out, "disturbed"),
			 "the other guest was not disturbed by any of it\n");
	sh("grep -c 'vif 0: closed' %s/log", directory);
	ksft_test_result(atoi(out) == 8, "the log has reasons, but not all of them\n");
	sh("vmctl destroy guest; vmctl destroy witness");
	end_phvd();
	sh("rm -rf %s", directory);
	ksft_finished();
}
