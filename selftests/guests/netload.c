// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both ends of what net.c sends through a network, and the bench measures; static, as stock
 * guests have no libraries.
 *
 *	netload serve
 *		TCP and UDP echo (port 7); TCP that takes all and then says how much it was (9),
 *		and TCP that gives as many bytes as it is asked for (19); the same of datagrams;
 *		and TCP that says how many interrupts came of a name (11)
 *	netload tcp ADDRESS BYTES
 *		a stream to port 7, and back; says "tcp ok", and the hash of what came
 *	netload put ADDRESS BYTES, netload get ADDRESS BYTES
 *		one way only; "put ok", "get ok"
 *	netload udp ADDRESS
 *		datagrams of all sizes to port 7, and back; says "udp ok"
 *	netload burst ADDRESS SIZE COUNT WINDOW
 *		so many datagrams of a size to port 7, WINDOW of them at a time; "burst ok"
 *	netload bench ADDRESS INTERRUPT
 *		what bench/stock_net.c measures, of the server there: see load.h
 *
 * Streams and datagrams are of numbers that do not repeat, and each byte is compared.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "load.h"

#define ECHO_PORT	7
#define SINK_PORT	9
#define COUNTER_PORT	11
#define SOURCE_PORT	19

#define PATIENCE	60		/* s, for a stream to go on */
#define UDP_PATIENCE	2000		/* ms, for an answer */
#define UDP_TRIES	20		/* so often, as UDP may be lost */
#define UDP_SOCKETS	16		/* with as many ports, so that all queues are used */
#define PIECE		65536
#define BENCH_SIZE	64		/* bytes of a datagram that is measured */
#define BENCH_WINDOW	64		/* so many before an answer */
#define BENCH_ROUNDS	50		/* so many answers */
#define BOOT_TRIES	300

static void __attribute__((noreturn)) fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* So many numbers, from the place of a stream where they are. */
static void fill(uint64_t *words, size_t count, uint64_t place)
{
	uint64_t state = place * 6364136223846793005ULL + 1442695040888963407ULL;
	size_t i;

	for (i = 0; i < count; i++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		words[i] = state ^ state >> 29;
	}
}

static uint64_t hash_of(uint64_t sum, const void *data, size_t size)
{
	const uint64_t *words = data;
	size_t i;

	for (i = 0; i < size / 8; i++)
		sum = (sum ^ words[i]) * 0x100000001b3;
	return sum;
}

static struct sockaddr_in address_of(const char *text, unsigned int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };

	if (!inet_aton(text, &address.sin_addr))
		fail(text);
	return address;
}

static int open_socket(int type, const char *address, unsigned int port, bool server)
{
	struct sockaddr_in at = address_of(address, port);
	struct timeval limit = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (server) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
		    (type == SOCK_STREAM && listen(fd, 20)))
			fail("bind");
		return fd;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		fail("connect");
	return fd;
}

static bool write_all(int fd, const void *data, size_t size)
{
	const char *at = data;
	ssize_t n;

	for (; size; at += n, size -= (size_t)n) {
		n = write(fd, at, size);
		if (n <= 0)
			return false;
	}
	return true;
}

static size_t read_all(int fd, void *data, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size && (n = read(fd, (char *)data + done, size - done)) > 0)
		done += (size_t)n;
	return done;
}

/* The servers. */

static uint64_t piece[PIECE / 8], expected[PIECE / 8];

static void echo(int fd)
{
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (!write_all(fd, piece, (size_t)n))
			break;
}

static void sink(int fd)
{
	uint64_t count = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		count += (uint64_t)n;
	write_all(fd, &count, sizeof(count));
}

static void source(int fd)
{
	uint64_t count, n;

	if (read_all(fd, &count, sizeof(count)) != sizeof(count))
		return;
	for (; count; count -= n) {
		n = count < sizeof(piece) ? count : sizeof(piece);
		if (!write_all(fd, piece, n))
			break;
	}
}

static void count_interrupts(int fd)
{
	uint64_t count;
	char word[32];
	ssize_t n = read(fd, word, sizeof(word) - 1);

	word[n < 0 ? 0 : n] = '\0';
	count = interrupts(word);
	write_all(fd, &count, sizeof(count));
}

static void serve_stream(unsigned int port, void (*how)(int fd))
{
	int fd = open_socket(SOCK_STREAM, "0.0.0.0", port, true), client;

	if (fork())
		return;
	signal(SIGCHLD, SIG_IGN);
	for (;;) {
		client = accept(fd, NULL, NULL);
		if (!fork()) {
			how(client);
			exit(0);
		}
		close(client);
	}
}

static void serve_datagrams(void)
{
	int fd = open_socket(SOCK_DGRAM, "0.0.0.0", ECHO_PORT, true);
	struct sockaddr_in from;
	socklen_t size;
	ssize_t n;

	for (;;) {
		size = sizeof(from);
		n = recvfrom(fd, piece, sizeof(piece), 0, (struct sockaddr *)&from, &size);
		if (n >= 0)
			sendto(fd, piece, (size_t)n, 0, (struct sockaddr *)&from, size);
	}
}

/* How many came is the answer to the last one of some, which begins with a 1. */
static void sink_datagrams(void)
{
	int fd = open_socket(SOCK_DGRAM, "0.0.0.0", SINK_PORT, true);
	struct sockaddr_in from;
	uint32_t count = 0;
	socklen_t size;

	for (;;) {
		size = sizeof(from);
		if (recvfrom(fd, piece, sizeof(piece), 0, (struct sockaddr *)&from, &size) <= 0)
			continue;
		count++;
		if (*(char *)piece != 1)
			continue;
		sendto(fd, &count, sizeof(count), 0, (struct sockaddr *)&from, size);
		count = 0;
	}
}

/* As many as it is asked for. */
static void source_datagrams(void)
{
	int fd = open_socket(SOCK_DGRAM, "0.0.0.0", SOURCE_PORT, true);
	struct sockaddr_in from;
	uint32_t count;
	socklen_t size;

	for (;;) {
		size = sizeof(from);
		if (recvfrom(fd, &count, sizeof(count), 0, (struct sockaddr *)&from, &size) !=
		    sizeof(count))
			continue;
		for (; count; count--)
			sendto(fd, piece, BENCH_SIZE, 0, (struct sockaddr *)&from, size);
	}
}

static int serve(void)
{
	serve_stream(ECHO_PORT, echo);
	serve_stream(SINK_PORT, sink);
	serve_stream(SOURCE_PORT, source);
	serve_stream(COUNTER_PORT, count_interrupts);
	if (!fork())
		sink_datagrams();
	if (!fork())
		source_datagrams();
	serve_datagrams();
	return 0;
}

/* Streams. */

/* Sends the stream, while the other process takes it back. */
static void send_stream(int fd, uint64_t bytes)
{
	uint64_t at, n;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		fill(piece, PIECE / 8, at);
		if (!write_all(fd, piece, n))
			fail("send");
	}
	exit(0);
}

static int stream(const char *address, uint64_t bytes)
{
	int fd = open_socket(SOCK_STREAM, address, ECHO_PORT, false);
	uint64_t at, n, sum = 0, wanted = 0;

	if (!fork())
		send_stream(fd, bytes);
	for (at = 0; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		fill(expected, PIECE / 8, at);
		if (read_all(fd, piece, n) != n)
			fail("receive");
		if (memcmp(piece, expected, n)) {
			printf("not what was sent, in the piece at %llu\n",
			       (unsigned long long)at);
			return 1;
		}
		sum = hash_of(sum, piece, n);
		wanted = hash_of(wanted, expected, n);
	}
	printf("tcp ok: %llu bytes, hash %016llx of %016llx\n", (unsigned long long)bytes,
	       (unsigned long long)sum, (unsigned long long)wanted);
	return 0;
}

static void put(const char *address, uint64_t bytes)
{
	int fd = open_socket(SOCK_STREAM, address, SINK_PORT, false);
	uint64_t at, n, got = 0;

	for (at = 0; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		if (!write_all(fd, piece, n))
			fail("send");
	}
	shutdown(fd, SHUT_WR);
	if (read_all(fd, &got, sizeof(got)) != sizeof(got) || got != bytes)
		fail("put");
	close(fd);
}

static void get(const char *address, uint64_t bytes)
{
	int fd = open_socket(SOCK_STREAM, address, SOURCE_PORT, false);
	uint64_t at, n;

	if (!write_all(fd, &bytes, sizeof(bytes)))
		fail("get");
	for (at = 0; at < bytes; at += n) {
		n = bytes - at < PIECE ? bytes - at : PIECE;
		if (read_all(fd, piece, n) != n)
			fail("get");
	}
	close(fd);
}

/* Datagrams. */

/* One and its answer; false if there is none. What comes late for an earlier one is not it. */
static bool ask(int fd, size_t size)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	fill(expected, PIECE / 8, size);
	if (send(fd, expected, size, 0) < 0)
		fail("datagram");
	while (poll(&poll_fd, 1, UDP_PATIENCE) > 0) {
		n = recv(fd, piece, sizeof(piece), 0);
		if (n < 0)
			fail("answer");
		if ((size_t)n != size)
			continue;
		if (!memcmp(piece, expected, size))
			return true;
		printf("a datagram of %zu bytes is not what was sent\n", size);
		exit(1);
	}
	return false;
}

static int datagrams(const char *address)
{
	/* About the sizes of frames, pages, fragments; and all of the tiny ones */
	static const size_t sizes[] = {
		1472, 1473, 1480, 2952, 2953, 4052, 4053, 4054, 4055, 4096, 8000, 8972, 8973,
		12288, 16000, 32768, 65507,
	};
	unsigned int count = 32 + sizeof(sizes) / sizeof(sizes[0]), i, tries, lost = 0;
	int fd[UDP_SOCKETS];
	size_t size;

	for (i = 0; i < UDP_SOCKETS; i++)
		fd[i] = open_socket(SOCK_DGRAM, address, ECHO_PORT, false);
	for (i = 0; i < count; i++) {
		size = i < 32 ? i : sizes[i - 32];
		for (tries = 0; !ask(fd[i % UDP_SOCKETS], size); tries++, lost++)
			if (tries == UDP_TRIES) {
				printf("datagrams of %zu bytes do not come back\n", size);
				return 1;
			}
	}
	printf("udp ok: %u sizes, %u lost\n", count, lost);
	return 0;
}

static int burst(const char *address, size_t size, uint64_t count, unsigned int window)
{
	int fd = open_socket(SOCK_DGRAM, address, ECHO_PORT, false);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	uint64_t sent = 0, got = 0;

	while (got < count) {
		for (; sent < count && sent - got < window; sent++)
			if (send(fd, piece, size, 0) < 0)
				fail("datagram");
		if (poll(&poll_fd, 1, UDP_PATIENCE) > 0 &&
		    recv(fd, piece, sizeof(piece), 0) >= 0)
			got++;
		else
			count -= sent - got, sent = got;
	}
	printf("burst ok: %llu\n", (unsigned long long)got);
	return 0;
}

/* What is measured: packets one after the other, many in one direction, and streams. */

static void bench_turns(const char *address, uint64_t count)
{
	int fd = open_socket(SOCK_DGRAM, address, ECHO_PORT, false);

	while (count--)
		if (send(fd, piece, BENCH_SIZE, 0) < 0 || recv(fd, piece, sizeof(piece), 0) < 0)
			fail("echo");
	close(fd);
}

static void bench_put(const char *address, uint64_t count)
{
	int fd = open_socket(SOCK_DGRAM, address, SINK_PORT, false);
	char data[BENCH_SIZE] = "";
	uint32_t got, i;

	for (; count; count -= BENCH_WINDOW) {
		for (i = 1; i <= BENCH_WINDOW; i++) {
			data[0] = i == BENCH_WINDOW;
			if (send(fd, data, sizeof(data), 0) < 0)
				fail("send");
		}
		if (recv(fd, &got, sizeof(got), 0) != sizeof(got) || got != BENCH_WINDOW)
			fail("datagrams were lost");
	}
	close(fd);
}

static void bench_get(const char *address, uint64_t count)
{
	int fd = open_socket(SOCK_DGRAM, address, SOURCE_PORT, false);
	uint32_t wanted = BENCH_WINDOW, i;

	for (; count; count -= BENCH_WINDOW) {
		if (send(fd, &wanted, sizeof(wanted), 0) < 0)
			fail("send");
		for (i = 0; i < BENCH_WINDOW; i++)
			if (recv(fd, piece, sizeof(piece), 0) < 0)
				fail("datagrams were lost");
	}
	close(fd);
}

static void put_mib(const char *address, uint64_t count)
{
	put(address, count << 20);
}

static void get_mib(const char *address, uint64_t count)
{
	get(address, count << 20);
}

static const struct {
	const char *name;
	void (*run)(const char *address, uint64_t count);
	uint64_t count;
} benches[] = {
	{ "udp.turn", bench_turns, 500 },
	{ "udp.put", bench_put, BENCH_ROUNDS * BENCH_WINDOW },
	{ "udp.get", bench_get, BENCH_ROUNDS * BENCH_WINDOW },
	{ "tcp.put", put_mib, 32 },
	{ "tcp.get", get_mib, 32 },
};

/* What the guest says of its interrupts. */
static uint64_t ask_interrupts(const char *address, const char *word)
{
	int fd = open_socket(SOCK_STREAM, address, COUNTER_PORT, false);
	uint64_t count;

	if (!write_all(fd, word, strlen(word)) ||
	    read_all(fd, &count, sizeof(count)) != sizeof(count))
		fail("interrupts");
	close(fd);
	return count;
}

/* A guest has to boot before it answers. */
static void wait_for_server(const char *address)
{
	struct sockaddr_in at = address_of(address, COUNTER_PORT);
	unsigned int tries;
	int fd;

	for (tries = 0; tries < BOOT_TRIES; tries++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&at, sizeof(at))) {
			close(fd);
			return;
		}
		close(fd);
		usleep(LOOK);
	}
	fail(address);
}

static int bench(const char *address, const char *word)
{
	uint64_t before, start, time;
	size_t i;

	wait_for_server(address);
	for (i = 0; i < sizeof(benches) / sizeof(benches[0]); i++) {
		/* To warm up; that is whole windows, too. */
		benches[i].run(address, benches[i].count / 10);
		before = ask_interrupts(address, word);
		say_begin(benches[i].name);
		start = rdtsc();
		benches[i].run(address, benches[i].count);
		time = rdtsc() - start;
		usleep(LOOK);
		say_row(benches[i].name, benches[i].count, time,
			ask_interrupts(address, word) - before);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t bytes = argc > 3 ? strtoull(argv[3], NULL, 0) : 0;
	const char *what = argc > 1 ? argv[1] : "";

	setlinebuf(stdout);
	if (!strcmp(what, "serve"))
		return serve();
	if (argc == 4 && !strcmp(what, "tcp"))
		return stream(argv[2], bytes);
	if (argc == 4 && !strcmp(what, "put"))
		return put(argv[2], bytes), printf("put ok\n") < 0;
	if (argc == 4 && !strcmp(what, "get"))
		return get(argv[2], bytes), printf("get ok\n") < 0;
	if (argc == 3 && !strcmp(what, "udp"))
		return datagrams(argv[2]);
	if (argc == 6 && !strcmp(what, "burst"))
		return burst(argv[2], bytes, strtoull(argv[4], NULL, 0),
			     (unsigned int)atoi(argv[5]));
	if (argc == 4 && !strcmp(what, "bench"))
		return bench(argv[2], argv[3]);
	fprintf(stderr, "usage: netload serve | tcp|put|get ADDRESS BYTES | udp ADDRESS | "
		"burst ADDRESS SIZE COUNT WINDOW | bench ADDRESS INTERRUPT\n");
	return 2;
}
