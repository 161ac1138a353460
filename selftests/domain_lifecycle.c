// SPDX-License-Identifier: GPL-2.0-only
/*
 * Domains come and go: VMX is taken with the first and given back with the
 * last, names and numbers are free again afterwards, nothing is lost, and a
 * domain lives exactly as long as somebody has its descriptor.
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

#define ROUNDS		1000
#define MANY		200
#define ID_LAST		32751

/* The time to fill the host, unless PHV_FULL_SECONDS gives more: the test takes it */
#define FULL_SECONDS	10

static int phv;

/* Does a domain of this name exist? */
static bool exists(const char *name)
{
	int fd = domain_create(phv, name, NULL);

	if (fd >= 0)
		close(fd);
	return fd == -EEXIST;
}

static int create_and_close(int rounds)
{
	int i, fd;

	for (i = 0; i < rounds; i++) {
		fd = domain_create(phv, "lifecycle", NULL);
		if (fd < 0) {
			ksft_print_msg("round %d: %s\n", i, strerror(-fd));
			break;
		}
		close(fd);
	}
	return i;
}

static void test_rounds(void)
{
	static struct leak_stock stock;
	bool counted;
	int done;

	create_and_close(20);
	counted = leak_take_stock(&stock);
	done = create_and_close(ROUNDS);
	ksft_test_result(done == ROUNDS && vmx_is(false),
			 "a domain is created and closed %d times\n", ROUNDS);
	if (counted)
		ksft_test_result(!leak_found(&stock, ROUNDS),
				 "no memory is lost by that\n");
	else
		ksft_test_result_skip("memory: needs root and slabinfo\n");
}

static void test_vmx(void)
{
	bool before, first, second, one_left, after;
	int a, b;

	if (!vmx_cpus_known()) {
		ksft_test_result_skip("VMX operation: only the emulator tells\n");
		return;
	}
	before = vmx_is(false);
	a = domain_create(phv, "first", NULL);
	first = vmx_is(true);
	b = domain_create(phv, "second", NULL);
	second = vmx_is(true);
	close(a);
	one_left = vmx_is(true);
	close(b);
	after = vmx_is(false);
	ksft_test_result(a >= 0 && b >= 0 && before && first && second &&
			 one_left && after,
			 "VMX is on with the first domain, off with the last\n");
}

static void test_names(void)
{
	__u32 id = 0;
	int fd, again;

	fd = domain_create(phv, "web", &id);
	ksft_test_result(fd >= 0 && id >= 1 && id <= ID_LAST,
			 "a domain has a number from 1 to %d: %u\n", ID_LAST, id);
	ksft_test_result(fcntl(fd, F_GETFD) == FD_CLOEXEC,
			 "its descriptor is close-on-exec\n");
	ksft_test_result(exists("web") && !exists("Web") && !exists("web1"),
			 "its name can't be taken twice\n");
	close(fd);

	again = domain_create(phv, "web", NULL);
	ksft_test_result(again >= 0, "the name is free when it is gone\n");
	close(again);
}

static void close_all(const int *fds, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int full_seconds(void)
{
	const char *seconds = getenv("PHV_FULL_SECONDS");

	return seconds ? atoi(seconds) : FULL_SECONDS;
}

/*
 * Creates domains d0, d1, ...; returns how many it could, and why no more:
 * *err is -ETIME when full_seconds() were not enough.
 */
static int create_many(int *fds, __u32 *ids, int count, int *err)
{
	time_t end = time(NULL) + full_seconds();
	char name[PHV_NAME_MAX];
	int i;

	*err = 0;
	for (i = 0; i < count; i++) {
		if (time(NULL) > end) {
			*err = -ETIME;
			break;
		}
		snprintf(name, sizeof(name), "d%d", i);
		fds[i] = domain_create(phv, name, &ids[i]);
		if (fds[i] < 0) {
			*err = fds[i];
			break;
		}
	}
	return i;
}

static bool all_different(const __u32 *ids, int count)
{
	static bool seen[ID_LAST + 1];
	int i;

	memset(seen, 0, sizeof(seen));
	for (i = 0; i < count; i++) {
		if (!ids[i] || ids[i] > ID_LAST || seen[ids[i]])
			return false;
		seen[ids[i]] = true;
	}
	return true;
}

static void test_many(void)
{
	int fds[MANY], created, err, i;
	__u32 ids[MANY];

	created = create_many(fds, ids, MANY, &err);
	ksft_test_result(created == MANY && all_different(ids, MANY),
			 "%d domains at once, each with its own number\n", MANY);

	/* First every third, then the rest from the end. */
	for (i = 0; i < created; i += 3) {
		close(fds[i]);
		fds[i] = -1;
	}
	ksft_test_result(!exists("d0") && exists("d1") && !exists("d198") &&
			 exists("d199") && vmx_is(true),
			 "some are closed, the others live\n");
	for (i = created - 1; i >= 0; i--)
		if (fds[i] >= 0)
			close(fds[i]);
	ksft_test_result(!exists("d1") && !exists("d199") && vmx_is(false),
			 "all are closed, in another order\n");
}

/* Fills the host with domains: each number is given once, then none is left. */
static void test_full(void)
{
	struct rlimit limit = { ID_LAST + 64, ID_LAST + 64 };
	static int fds[ID_LAST + 1];
	static __u32 ids[ID_LAST + 1];
	int created, err, again;
	__u32 id = 0;

	if (setrlimit(RLIMIT_NOFILE, &limit)) {
		ksft_test_result_skip("a full host: %d descriptors are not allowed\n",
				      ID_LAST);
		return;
	}
	created = create_many(fds, ids, ID_LAST + 1, &err);
	if (err == -ETIME) {
		close_all(fds, created);
		ksft_test_result_skip("a full host: only %d domains in %d s\n",
				      created, full_seconds());
		return;
	}
	if (created == ID_LAST) {
		close(fds[4711]);
		fds[4711] = -1;
	}
	again = domain_create(phv, "again", &id);
	ksft_test_result(created == ID_LAST && err == -ENOSPC &&
			 all_different(ids, created) && again >= 0 &&
			 id == ids[4711],
			 "%d domains, then ENOSPC; a number is given again\n",
			 created);
	close_all(fds, created);
	if (again >= 0)
		close(again);
}

static void test_dup(void)
{
	int fd = domain_create(phv, "dup", NULL), copy = dup(fd);
	bool alive, gone;

	close(fd);
	alive = exists("dup") && vmx_is(true);
	close(copy);
	gone = !exists("dup") && vmx_is(false);
	ksft_test_result(fd >= 0 && copy >= 0 && alive && gone,
			 "a domain lives until its last duplicate is closed\n");
}

/* A child that holds what it inherited until it is told to go. */
static pid_t start_holder(int *leash)
{
	int ends[2];
	pid_t pid;
	char c;

	if (pipe(ends))
		return -1;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		while (read(ends[0], &c, 1) > 0)
			;
		_exit(0);
	}
	close(ends[0]);
	*leash = ends[1];
	return pid;
}

static void test_fork(void)
{
	int fd = domain_create(phv, "fork", NULL), leash = -1;
	bool alive, gone;
	pid_t pid;

	pid = start_holder(&leash);
	close(fd);
	alive = exists("fork");
	close(leash);
	waitpid(pid, NULL, 0);
	gone = !exists("fork");
	ksft_test_result(fd >= 0 && pid > 0 && alive && gone,
			 "a domain lives as long as a child has it\n");
}

static void test_kill(void)
{
	int leash = -1, fd = domain_create(phv, "kill", NULL);
	pid_t pid = start_holder(&leash);
	bool alive;

	close(fd);
	alive = exists("kill");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(leash);
	ksft_test_result(fd >= 0 && pid > 0 && alive && !exists("kill") &&
			 vmx_is(false),
			 "a domain goes with its killed owner\n");
}

static bool send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(fd))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(sock, &msg, 0) == 1;
}

static int receive_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, 0) != 1)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

static void test_scm_rights(void)
{
	int fd = domain_create(phv, "sent", NULL), received, socks[2];
	bool sent, on_its_way, arrived, gone;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		ksft_exit_fail_msg("socketpair: %s\n", strerror(errno));
	sent = send_fd(socks[0], fd);
	close(fd);
	on_its_way = exists("sent") && vmx_is(true);
	received = receive_fd(socks[1]);
	close(socks[0]);
	close(socks[1]);
	arrived = received >= 0 && exists("sent");
	close(received);
	gone = !exists("sent") && vmx_is(false);
	ksft_test_result(fd >= 0 && sent && on_its_way && arrived && gone,
			 "a domain lives while its descriptor is sent away\n");
}

static void test_device_closed(void)
{
	int device = phv_open(), fd = domain_create(device, "alone", NULL);
	bool alive;

	close(device);
	alive = fd >= 0 && exists("alone") && vmx_is(true);
	close(fd);
	ksft_test_result(alive && !exists("alone"),
			 "a domain doesn't need the device that it is from\n");
}

static void test_no_descriptors(void)
{
	struct rlimit old, limit;
	int fd, lowest;

	getrlimit(RLIMIT_NOFILE, &old);
	lowest = dup(phv);
	close(lowest);
	limit = (struct rlimit){ lowest, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &limit);
	fd = domain_create(phv, "nofile", NULL);
	setrlimit(RLIMIT_NOFILE, &old);
	ksft_test_result(fd == -EMFILE && !exists("nofile") && vmx_is(false),
			 "without a free descriptor: EMFILE, and no domain\n");
}

int main(void)
{
	ksft_print_header();
	phv = test_open_phv();
	ksft_set_plan(18);

	test_rounds();
	test_vmx();
	test_names();
	test_many();
	test_dup();
	test_fork();
	test_kill();
	test_scm_rights();
	test_device_closed();
	test_no_descriptors();
	test_full();
	ksft_test_result(vmx_is(false) && !exists("web"),
			 "nothing is left in the end\n");
	ksft_finished();
}
