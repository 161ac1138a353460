// SPDX-License-Identifier: GPL-2.0-only
/*
 * phvd, and those who do not keep to the rules: clients that want what is not theirs,
 * and workers that lie, or do nothing at all.
 *
 * The workers are the test's own.  They listen where a worker would, so that a phvd that
 * is started takes them for those of an earlier one.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net_phvd.h"
#include "phvtest.h"

#define WORKER_UID	2000000000U
#define NOBODY		65534U

/**
 * struct fake - a worker
 * @name: its domain; what it is asked is in the file of that name
 * @slot: what its user is made from
 * @state: what it says when it is found: members of an object; NULL: nothing
 * @answer: what it answers to each request, likewise
 * @user: what it becomes when it listens, if not 0
 * @flood: it leaves somebody behind who sends without end, and goes, when it is asked to
 *	"pause"
 * @end: what it says on consoles that it is given: why the domain has ended
 * @pid: its process
 */
struct fake {
	const char *name;
	unsigned int slot;
	const char *state;
	const char *answer;
	const char *end;
	uid_t user;
	bool flood;
	pid_t pid;
};

#define RUNNING	"\"state\":\"running\",\"memory\":4194304,\"vcpus\":1"

static int bind_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		ksft_exit_fail_msg("%s: %s\n", path, strerror(errno));
	return fd;
}

/* The last descriptor that a worker got; it keeps them all. */
static int last_fd = -1;

/* Reads a line, and takes the descriptors that come with it; false at the end. */
static bool read_line(int fd, char *line, size_t size)
{
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct cmsghdr *message;
	size_t length = 0;

	while (length < size - 1) {
		struct iovec vector = { line + length, 1 };
		struct msghdr header = {
			.msg_iov = &vector, .msg_iovlen = 1,
			.msg_control = control, .msg_controllen = sizeof(control),
		};

		if (recvmsg(fd, &header, 0) != 1)
			return false;
		message = CMSG_FIRSTHDR(&header);
		if (message && message->cmsg_type == SCM_RIGHTS)
			memcpy(&last_fd, CMSG_DATA(message), sizeof(last_fd));
		if (line[length++] == '\n')
			break;
	}
	line[length] = '\0';
	return true;
}

/* Has somebody else send on, but not for ever, whatever becomes of it; and goes. */
static void __attribute__((noreturn)) leave_flood(int fd, int got)
{
	static char lines[3 * 20000];
	unsigned int i;

	for (i = 0; i < sizeof(lines); i += 3)
		memcpy(lines + i, "{}\n", 3);
	if (fork()) {
		usleep(200000);
		_exit(0);
	}
	for (i = 0; i < 200 && write(fd, lines, sizeof(lines)) == sizeof(lines); i++)
		;
	dprintf(got, i == 200 ? "all of it\n" : "no more\n");
	_exit(0);
}

/* What a worker does with a request. */
static void serve(const struct fake *fake, int fd, const char *line, int got)
{
	const char *id = strstr(line, "\"id\":");

	if (fake->flood && strstr(line, "\"pause\""))
		leave_flood(fd, got);
	if (fake->end && strstr(line, "\"console\""))
		send(last_fd, fake->end, strlen(fake->end), MSG_NOSIGNAL);
	if (strstr(line, "\"hello\"") && fake->state)
		dprintf(fd, "{%s}\n", fake->state);
	else if (id && fake->answer)
		dprintf(fd, "{\"id\":%d,%s}\n", atoi(id + 5), fake->answer);
}

static void __attribute__((noreturn)) be_worker(const struct fake *fake, int listener, int ready)
{
	char line[4096], path[80];
	int got, fd;

	snprintf(path, sizeof(path), "%s/%s", directory, fake->name);
	got = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (setresgid(WORKER_UID + fake->slot, WORKER_UID + fake->slot,
		      WORKER_UID + fake->slot) ||
	    setresuid(WORKER_UID + fake->slot, WORKER_UID + fake->slot,
		      fake->user ? 0 : WORKER_UID + fake->slot) || listen(listener, 4))
		_exit(1);
	if (fake->user && (setresuid(0, 0, 0) || setresuid(fake->user, fake->user, fake->user)))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	close(ready);
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while (read_line(fd, line, sizeof(line))) {
			if (write(got, line, strlen(line)) < 0)
				_exit(1);
			serve(fake, fd, line, got);
		}
		close(fd);
	}
	_exit(0);
}

/* Has a worker for the next phvd to find. */
static void start_fake(struct fake *fake)
{
	int listener, ready[2];
	char path[80], byte;

	snprintf(path, sizeof(path), "%s/domains/%s.sock", directory, fake->name);
	listener = bind_to(path);
	if (pipe(ready))
		ksft_exit_fail_msg("pipe\n");
	fflush(stdout);
	fake->pid = fork();
	if (!fake->pid) {
		close(ready[0]);
		be_worker(fake, listener, ready[1]);
	}
	close(listener);
	close(ready[1]);
	if (read(ready[0], &byte, 1))
		ksft_exit_fail_msg("no worker\n");
	close(ready[0]);
}

/* Is it there still, whether it is waited for or not? */
static bool is_alive(const struct fake *fake)
{
	return !waitpid(fake->pid, NULL, WNOHANG);
}

static void end_fake(struct fake *fake)
{
	kill(fake->pid, SIGKILL);
	waitpid(fake->pid, NULL, 0);
}

static bool wait_until(const char *command)
{
	unsigned int i;

	for (i = 0; i < 100 && sh("%s", command); i++)
		usleep(50000);
	return !status;
}

/* Has phvd said that of a domain? */
static bool wait_for_log(const char *name, const char *what)
{
	char command[200];

	snprintf(command, sizeof(command), "grep -q '%s: %s' %s/log", name, what, directory);
	return wait_until(command);
}

/* How often was a worker asked that? */
static unsigned int count_asked(const struct fake *fake, const char *verb)
{
	sh("grep -c '\"verb\":\"%s\"' %s/%s", verb, directory, fake->name);
	return (unsigned int)atoi(out);
}

/* A phvd that has found these workers. */
static void find_fakes(struct fake *fakes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		start_fake(&fakes[i]);
	start_phvd();
	sh("chmod 755 %s; chmod 666 %s/phvd.sock", directory, directory);
	for (i = 0; i < count; i++)
		if (fakes[i].state && !wait_for_log(fakes[i].name, "found"))
			ksft_print_msg("%s is not found\n", fakes[i].name);
}

/* Connects to phvd as some user. */
static int connect_as(uid_t user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/phvd.sock", directory);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (seteuid(user))
		ksft_exit_fail_msg("seteuid\n");
	err = connect(fd, (struct sockaddr *)&address, sizeof(address));
	if (seteuid(0) || err)
		ksft_exit_fail_msg("phvd is gone\n");
	return fd;
}

static void say(int fd, const char *request)
{
	char text[400];
	int n = snprintf(text, sizeof(text), "{\"version\":1,%s}\n", request);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		ksft_print_msg("phvd does not listen\n");
}

/* What phvd says next, "" for the end, or nothing for seconds. */
static const char *hear(int fd)
{
	static char answer[8192];
	ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);

	answer[n < 0 ? 0 : n] = '\0';
	return answer;
}

static const char *talk(uid_t user, const char *request)
{
	int fd = connect_as(user);
	const char *answer;

	say(fd, request);
	answer = hear(fd);
	close(fd);
	return answer;
}

/* Whoever waits for a domain's end does not end it. */
static void test_wait(void)
{
	struct fake fake = { .name = "w", .slot = 5, .state = RUNNING };
	char asked[100];
	bool good;

	snprintf(asked, sizeof(asked), "grep -q '\"verb\":\"end\"' %s/w", directory);
	find_fakes(&fake, 1);
	good = strstr(talk(NOBODY, "\"verb\":\"wait\",\"domain\":\"w\",\"force\":true,"
				   "\"timeout\":0"), "timed-out");
	ksft_test_result(good && !count_asked(&fake, "end") && is_alive(&fake),
			 "who waits for a domain's end does not end it\n");
	good = strstr(talk(0, "\"verb\":\"stop\",\"domain\":\"w\",\"force\":true,"
			      "\"wait\":false,\"timeout\":3"), "\"ok\":true");
	good = good && !count_asked(&fake, "end") && wait_until(asked);
	ksft_test_result(good && count_asked(&fake, "shutdown") == 1,
			 "a stop by force needs nobody to wait for it\n");
	end_phvd();
	end_fake(&fake);
}

/* What vmctl prints is a terminal's to read, and nothing that a guest had a say in is. */
static bool is_clean(void)
{
	const unsigned char *at = (const unsigned char *)out;

	for (; *at; at++)
		if ((*at < ' ' && *at != '\n') || *at == 0x7f ||
		    (*at == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f))
			return false;
	return true;
}

static void test_words(void)
{
	struct fake fakes[] = {
		{ .name = "words", .slot = 6, .state = RUNNING,
		  .answer = "\"ok\":false,\"error\":{\"code\":\"failed\","
			    "\"text\":\"a\\u001b[31m\\u007fb\"}" },
		{ .name = "last", .slot = 7, .state = RUNNING, .answer = "\"ok\":true",
		  .end = "e{\"reason\":\"crash\",\"text\":\"a\\u001b[1m\\u009b1m\\u0080b\"}" },
	};
	bool good;

	find_fakes(fakes, 2);
	sh("vmctl pause words 2>&1");
	good = status == 1 && is_clean() && said("a?[31m?b");
	sh("vmctl console last 2>&1 </dev/null");
	ksft_test_result(is_clean() && said("a?[1m?1m?b") && good,
			 "what a worker says has no control characters\n");
	end_phvd();
	end_fake(&fakes[0]);
	end_fake(&fakes[1]);
}

static bool open_module(int *phv)
{
	if (!module_is_loaded("phv") && phv_module_path() && !phv_load())
		phv_unload_at_exit();
	*phv = phv_open();
	return *phv >= 0;
}

/* vmctl asks the module first, so there has to be a domain. */
static void test_info(void)
{
	struct fake fakes[] = {
		{ .name = "odd", .slot = 8, .state = RUNNING,
		  .answer = "\"ok\":true,\"config\":{\"vcpu\":1,\"nets\":5},\"nets\":"
			    "[{\"sent\":{\"\\u007f31m\":\"\\u001b[31m\",\"none\":null},"
			    "\"received\":[]},{\"sent\":null,\"received\":7},[],null,\"x\"]" },
		{ .name = "odder", .slot = 9, .state = RUNNING,
		  .answer = "\"ok\":true,\"config\":{\"nets\":5},\"nets\":{}" },
	};
	int phv, domain[2];
	bool good;

	if (!open_module(&phv)) {
		ksft_test_result_skip("info: no phv.ko, or it can't be used here\n");
		return;
	}
	domain[0] = domain_create(phv, "odd", NULL);
	domain[1] = domain_create(phv, "odder", NULL);
	find_fakes(fakes, 2);
	sh("vmctl info odd 2>&1");
	good = !status && is_clean() && said("sent: ?31m ?[31m none -");
	sh("vmctl info odder 2>&1");
	ksft_test_result(good && !status, "info shows what a worker says, whatever it is\n");
	end_phvd();
	end_fake(&fakes[0]);
	end_fake(&fakes[1]);
	close(domain[0]);
	close(domain[1]);
	close(phv);
}

/* A worker that goes, while somebody else sends on in its place. */
static void test_flood(void)
{
	struct fake fake = { .name = "flood", .slot = 10, .state = RUNNING, .flood = true };
	char command[100];
	bool good;

	find_fakes(&fake, 1);
	sh("vmctl pause flood 2>&1");
	good = status == 1 && said("gone");
	sh("vmctl pause none 2>&1");
	good = good && status == 3;
	snprintf(command, sizeof(command), "grep -q 'no more\\|all of it' %s/flood", directory);
	good = wait_until(command) && good;
	ksft_test_result(good && sh("grep -q 'no more' %s/flood", directory) == 0,
			 "phvd does not listen to who is gone for ever\n");
	end_phvd();
	end_fake(&fake);
}

/* A process that is no worker any more, or has the number of one that was. */
static void test_other_process(void)
{
	struct fake fakes[] = {
		{ .name = "other", .slot = 11, .user = NOBODY },
		{ .name = "real", .slot = 12, .state = RUNNING },
	};
	bool good;

	find_fakes(fakes, 2);
	sh("timeout 10 vmctl destroy other 2>&1");
	good = status == 3 && is_alive(&fakes[0]);
	sh("ls %s/domains", directory);
	good = good && !strstr(out, "other") && strstr(out, "real");
	sh("timeout 10 vmctl destroy real 2>&1");
	ksft_test_result(good && !status && !is_alive(&fakes[1]),
			 "a process that is no worker is not killed\n");
	end_phvd();
	end_fake(&fakes[0]);
	end_fake(&fakes[1]);
}

/* A worker that wants to be taken for another's domain. */
static void test_number(void)
{
	char state[100], answer[100];
	struct fake fakes[] = {
		{ .name = "true", .slot = 13, .state = state, .answer = "\"ok\":true" },
		{ .name = "false", .slot = 14, .state = RUNNING, .answer = answer },
	};
	int phv, domain = -1;
	__u32 id = 31000;
	unsigned int i;
	bool good;

	/* With the module, the number is one that there is; it knows whose. */
	if (open_module(&phv)) {
		domain = domain_create(phv, "true", &id);
		close(phv);
	}
	snprintf(state, sizeof(state), RUNNING ",\"domain\":%u", id);
	snprintf(answer, sizeof(answer), "\"ok\":true}\n{\"domain\":%u", id);
	find_fakes(fakes, 2);
	sh("vmctl pause false");
	for (i = 0; i < 100 && is_alive(&fakes[1]); i++)
		usleep(20000);
	sh("vmctl pause %u", id);
	good = !status && count_asked(&fakes[0], "pause") == 1;
	ksft_test_result(good && is_alive(&fakes[0]) && i < 100,
			 "a domain's number is not another's\n");
	end_phvd();
	end_fake(&fakes[0]);
	end_fake(&fakes[1]);
	close(domain);
}

/* A worker that has not yet said what it is. */
static void test_unknown(void)
{
	struct fake fake = { .name = "unknown", .slot = 15 };
	bool good;

	find_fakes(&fake, 1);
	sh("timeout 10 vmctl net-attach unknown tap=phvbadx 2>&1");
	good = status == 5 && said("found") && sh("test -e /sys/class/net/phvbadx");
	sh("timeout 10 vmctl pause unknown 2>&1");
	good = good && status == 5;
	sh("timeout 10 vmctl destroy unknown 2>&1");
	ksft_test_result(good && !status && !is_alive(&fake) && !count_asked(&fake, "net-attach"),
			 "a domain that is not known can be destroyed only\n");
	end_phvd();
	end_fake(&fake);
}

/* A worker that does not take connections, for now: others have filled its queue. */
static void test_later(void)
{
	struct fake fake = { .name = "later", .slot = 16, .state = RUNNING };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fds[32];
	size_t i;
	bool good;

	start_fake(&fake);
	kill(fake.pid, SIGSTOP);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/domains/later.sock", directory);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(fds[i], (struct sockaddr *)&address, sizeof(address));
	}
	start_phvd();
	sh("timeout 10 vmctl destroy later 2>&1");
	good = status == 5 && !access(address.sun_path, F_OK);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	kill(fake.pid, SIGCONT);
	good = wait_for_log("later", "found") && good;
	sh("timeout 10 vmctl destroy later 2>&1");
	ksft_test_result(good && !status && !is_alive(&fake),
			 "a worker that can't be reached at once is tried again\n");
	end_phvd();
	end_fake(&fake);
}

/*
 * The unit that comes with phvd lets it have what it needs: all phvds here run with no more
 * capabilities than that says, see net_phvd.c. What else it forbids is only read.
 */
static void test_unit(void)
{
	struct fake fake = { .name = "unit", .slot = 17, .state = RUNNING,
			     .answer = "\"ok\":true" };
	bool good;

	run_command("modprobe -a tun nf_tables bridge 2>/dev/null");
	if (access(PHVD_UNIT, F_OK)) {
		ksft_test_result_skip("the unit: it is not installed\n");
		ksft_test_result_skip("passt's control group: likewise\n");
		ksft_test_result_skip("a control group's end: likewise\n");
		return;
	}
	sh("grep -q '^DeviceAllow=/dev/net/tun rw' " PHVD_UNIT " && "
	   "grep -q '^RestrictAddressFamilies=.*AF_INET AF_INET6' " PHVD_UNIT);
	good = !status;
	find_fakes(&fake, 1);
	sh("timeout 10 vmctl net-attach unit tap=phvbad0,bridge=phvbadbr 2>&1");
	good = !status && good;
	if (status)
		ksft_print_msg("%s\n", out);
	good = good && !sh("test -e /sys/class/net/phvbadbr/brif/phvbad0");
	ksft_test_result(good, "what the unit allows is enough for a TAP and a bridge\n");
	sh("command -v passt && test -e /sys/fs/cgroup/cgroup.controllers");
	if (status) {
		ksft_test_result_skip("passt's control group: no passt, or no such groups\n");
	} else {
		/* An older one wants a way out. */
		sh("modprobe dummy; ip link add phvdummy type dummy; "
		   "ip addr add 192.0.2.7/24 dev phvdummy; ip link set phvdummy up; "
		   "ip route add default via 192.0.2.1; timeout 10 vmctl net-attach unit user 2>&1");
		if (status)
			ksft_print_msg("%s\n", out);
		sh("sleep 1; cat /proc/$(pidof passt)/cgroup 2>&1");
		good = strstr(out, "/unit.domain");
		if (!good)
			ksft_print_msg("%s\n", out);
		ksft_test_result(good, "passt is in its domain's control group\n");
		sh("ip link del phvdummy");
	}
	sh("timeout 10 vmctl destroy unit");
	ksft_test_result(wait_until("! find /sys/fs/cgroup -name unit.domain | grep -q ."),
			 "which is gone with it\n");
	end_phvd();
	end_fake(&fake);
}

static unsigned int count_fds(int pid)
{
	sh("ls /proc/%d/fd | wc -l", pid);
	return (unsigned int)atoi(out);
}

/* Who sends a hundred requests at once is not served before others are. */
static void test_turns(void)
{
	static char requests[100 * 80];
	struct fake fake = { .name = "turns", .slot = 18, .state = RUNNING };
	const char *one = "{\"version\":1,\"verb\":\"stop\",\"domain\":\"turns\",\"wait\":false}\n";
	char asked[100];
	int fds[9], missed;
	size_t i;

	find_fakes(&fake, 1);
	for (i = 0; i < 100; i++)
		strcat(requests, one);
	for (i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = connect_as(0);
		say(fds[i], "\"verb\":\"list\"");
		hear(fds[i]);
	}
	/* They come while it does not look, so that it sees them all at once. */
	kill(phvd_process(), SIGSTOP);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		if (i == 4)
			send(fds[i], requests, strlen(requests), MSG_NOSIGNAL);
		else
			say(fds[i], "\"verb\":\"memory\",\"domain\":\"turns\"");
	kill(phvd_process(), SIGCONT);
	snprintf(asked, sizeof(asked), "test $(grep -c 'shutdown\\|memory' %s/turns) = 108",
		 directory);
	wait_until(asked);
	missed = status;
	sh("sed -n '/\"memory\"/=' %s/turns | tail -n 1", directory);
	ksft_test_result(!missed && atoi(out) < 30,
			 "others get their turn, those of a hundred requests, too\n");
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	end_phvd();
	end_fake(&fake);
}

/* Requests that nobody waits for any more, of a worker that does not answer. */
static void test_abandoned(void)
{
	struct fake fake = { .name = "silent", .slot = 19, .state = RUNNING };
	unsigned int before, i;
	bool good;
	int fd;

	find_fakes(&fake, 1);
	before = count_fds(phvd_process());
	for (i = 0; i < 80; i++) {
		fd = connect_as(0);
		say(fd, "\"verb\":\"console\",\"domain\":\"silent\"");
		usleep(5000);
		close(fd);
	}
	usleep(200000);
	good = count_fds(phvd_process()) <= before + 2;
	sh("timeout 10 vmctl pause silent 2>&1");
	good = good && status == 5;
	sh("timeout 10 vmctl destroy silent 2>&1");
	ksft_test_result(good && !status, "requests that nobody waits for are few, and hold nothing\n");
	end_phvd();
	end_fake(&fake);
}

static unsigned long long cpu_time(void)
{
	clockid_t clock;
	struct timespec time = { 0 };

	if (!clock_getcpuclockid(phvd_process(), &clock))
		clock_gettime(clock, &time);
	return time.tv_sec * 1000ULL + time.tv_nsec / 1000000;
}

/* A phvd that has no descriptors left for some time. */
static void test_descriptors(void)
{
	struct fake fake = { .name = "poor", .slot = 20, .state = RUNNING };
	struct rlimit limit, few;
	unsigned int i, used;
	unsigned long long time;
	bool good = true;
	int fds[8];

	find_fakes(&fake, 1);
	used = count_fds(phvd_process());
	prlimit(phvd_process(), RLIMIT_NOFILE, NULL, &limit);
	few = limit;
	for (i = 1; i < 8; i++) {
		few.rlim_cur = used + i;
		prlimit(phvd_process(), RLIMIT_NOFILE, &few, NULL);
		sh("timeout 1 vmctl console poor </dev/null 2>&1");
		good = good && is_alive(&fake);
	}
	ksft_test_result(good, "a worker does not die of phvd's lack of descriptors\n");
	few.rlim_cur = used;
	prlimit(phvd_process(), RLIMIT_NOFILE, &few, NULL);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connect_as(0);
	time = cpu_time();
	sleep(2);
	time = cpu_time() - time;
	prlimit(phvd_process(), RLIMIT_NOFILE, &limit, NULL);
	say(fds[0], "\"verb\":\"list\"");
	good = strstr(hear(fds[0]), "poor");
	ksft_test_result(good && time < 500, "nor does phvd spin, for %llu ms\n", time);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	end_phvd();
	end_fake(&fake);
}

/* Users that take all connections. */
static void test_full(void)
{
	int fds[320];
	unsigned int i;

	start_phvd();
	sh("chmod 755 %s; chmod 666 %s/phvd.sock", directory, directory);
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = connect_as(1000 + i / 64);
	ksft_test_result(strstr(talk(0, "\"verb\":\"list\""), "\"ok\":true"),
			 "root is not kept out by other users\n");
	for (i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	end_phvd();
}

/* Is it there, and up? -1, 0, or 1. */
static int link_state(const char *name)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	err = ioctl(fd, SIOCGIFFLAGS, &request);
	close(fd);
	return err ? -1 : !!(request.ifr_flags & IFF_UP);
}

static int open_persistent(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETPERSIST, 1))
		ksft_print_msg("%s: %s\n", name, strerror(errno));
	return fd;
}

/* A worker that says that its interface is gone, and keeps the TAP. */
static void test_kept(void)
{
	struct fake fakes[] = {
		{ .name = "keeps", .slot = 21, .state = RUNNING,
		  .answer = "\"ok\":true}\n{\"net-gone\":0" },
		{ .name = "keeps-too", .slot = 22, .state = RUNNING,
		  .answer = "\"ok\":true}\n{\"net-gone\":0" },
	};
	unsigned int i;
	bool good;

	if (access("/dev/net/tun", F_OK)) {
		ksft_test_result_skip("no TAPs\n");
		ksft_test_result_skip("no TAPs\n");
		return;
	}
	find_fakes(fakes, 2);
	sh("timeout 10 vmctl net-attach keeps tap=phvbad1 2>&1");
	good = !status;
	for (i = 0; i < 100 && link_state("phvbad1") >= 0; i++)
		usleep(50000);
	ksft_test_result(good && i < 100 && is_alive(&fakes[0]),
			 "a TAP that a worker keeps is gone all the same\n");
	close(open_persistent("phvbad2"));
	sh("timeout 10 vmctl net-attach keeps-too tap=phvbad2,queues=1 2>&1");
	good = !status;
	for (i = 0; i < 100 && link_state("phvbad2"); i++)
		usleep(50000);
	ksft_test_result(good && i < 100, "one that stays is taken down\n");
	end_phvd();
	end_fake(&fakes[0]);
	end_fake(&fakes[1]);
	i = (unsigned int)open_persistent("phvbad2");
	ioctl((int)i, TUNSETPERSIST, 0);
	close((int)i);
}

int main(void)
{
	ksft_print_header();
	test_need_root();
	if (run_command("phvd --version >/dev/null"))
		ksft_exit_skip("no phvd in PATH\n");
	make_directory();
	ksft_set_plan(19);
	start_phvd();	/* it makes its directories */
	end_phvd();
	test_wait();
	test_words();
	test_info();
	test_flood();
	test_other_process();
	test_number();
	test_unknown();
	test_later();
	test_unit();
	test_turns();
	test_abandoned();
	test_descriptors();
	test_full();
	test_kept();
	sh("rm -rf %s", directory);
	ksft_finished();
}
