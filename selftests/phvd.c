// SPDX-License-Identifier: GPL-2.0-only
/*
 * phvd and vmctl: domains from their beginning to their end, and those who do not
 * keep to the rules.
 *
 * A phvd of its own is started in a directory of its own.  The guest is
 * guests/tiny.c.  The programs are found by PATH, or named by PHVD, VMCTL and
 * PHV_TINY in the environment.  With PHV_BOOT=1 it boots more of them.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "leak.h"
#include "phvtest.h"

static char directory[32], socket_path[64], tiny[256];
static const char *phvd, *vmctl;
static pid_t phvd_pid;

/* What a command wrote last, and its exit status. */
static char out[600000];
static int status;

/* Runs a shell command line; V is vmctl, T the options that every domain needs. */
static int __printf(1, 2) sh(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	status = read_command(out, sizeof(out), format, args);
	va_end(args);
	return status;
}

/* Did the last command end like that, and say that? */
static bool ended(int expected, const char *text)
{
	if (status == expected && (!text || strstr(out, text)))
		return true;
	ksft_print_msg("exit status %d, not %d: %.200s\n", status, expected, out);
	return false;
}

static bool wait_for(const char *command, const char *text)
{
	unsigned int i;

	for (i = 0; i < 100; i++) {
		sh("%s", command);
		if (strstr(out, text))
			return true;
		usleep(50000);
	}
	ksft_print_msg("no \"%s\" in: %.200s\n", text, out);
	return false;
}

static void start_phvd(void)
{
	phvd_pid = spawn_phvd(phvd, directory, NULL);
	if (!wait_for("$V pause none 2>&1", "no such domain"))
		ksft_exit_fail_msg("phvd doesn't start\n");
}

/* What is long enough for vmctl to start is N seconds, for commands and for us. */
static unsigned int moment = 1;

static void find_moment(void)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	sh("$V list");
	clock_gettime(CLOCK_MONOTONIC, &after);
	if ((after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec >
	    200000000)
		moment = 5;
	setenv("N", moment == 1 ? "1" : "5", 1);
}

static void end_phvd(int signal)
{
	kill(phvd_pid, signal);
	waitpid(phvd_pid, NULL, 0);
}

static unsigned int count_files(const char *format, ...)
{
	char path[80];
	unsigned int count = 0;
	va_list args;
	DIR *dir;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	dir = opendir(path);
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* Pages of a process that are its own and in memory. */
static long resident(pid_t pid)
{
	long all, pages = 0, shared = 0;
	char path[40];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%ld %ld %ld", &all, &pages, &shared) != 3)
		pages = 0;
	if (file)
		fclose(file);
	return pages - shared;
}

/* Ends. */

static void test_ends(void)
{
	static const struct {
		const char *command;
		int status;
		const char *text;
	} ends[] = {
		{ "poweroff", 0, "tiny: poweroff" },
		{ "s5", 0, "tiny: s5" },
		{ "reboot", 9, "tiny: reboot" },
		{ "halt", 10, "tiny: halt" },
		{ "crash", 8, "vmctl: run: t: the guest says that it has crashed" },
		{ "fault", 8, "vmctl: run: t: triple fault on vCPU 0" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ends); i++) {
		sh("$V run t $T --cmdline %s </dev/null 2>&1", ends[i].command);
		ksft_test_result(ended(ends[i].status, ends[i].text),
				 "run: %s exits with %d\n", ends[i].command,
				 ends[i].status);
	}
	sh("$V list");
	ksft_test_result(ended(0, NULL) && !strstr(out, " t "), "nothing is left of them\n");
	sh("$V run t $T --cmdline nothing </dev/null 2>&1");
	ksft_test_result(ended(8, "ones\nvmctl: run: t: vCPU 0: there is no memory at 0xf8000000"),
			 "what is nowhere reads as ones, and a write there is the end\n");
	sh("$V run t $T --cmdline suspend </dev/null 2>&1");
	ksft_test_result(ended(0, "called off"), "a suspension is called off\n");
}

static void test_policies(void)
{
	bool good;

	sh("$V run t $T --cmdline crash --on-crash preserve </dev/null 2>&1");
	good = ended(8, "crashed");
	sh("$V list");
	good = good && ended(0, "crashed");
	sh("$V console t </dev/null 2>&1");
	good = good && ended(8, "tiny: crash");
	sh("$V destroy t 2>&1");
	good = good && ended(0, NULL);
	sh("$V list");
	ksft_test_result(good && !strstr(out, "crashed"),
			 "what crashed is kept if that is wanted\n");

	sh("(timeout 20 $V run t $T --cmdline reboot --on-reboot restart </dev/null | "
	   "head -n 3) 2>&1");
	good = ended(0, "tiny: reboot\ntiny: reboot\ntiny: reboot\n");
	ksft_test_result(good && wait_for("$V list; echo end", "OWNER\nend"),
			 "what reboots is restarted, until whoever runs it is gone\n");
}

static void test_errors(void)
{
	static const struct {
		const char *command;
		int status;
		const char *text;
	} errors[] = {
		{ "$V run t --kernel /none", 1, "--kernel: /none: No such file or directory" },
		{ "$V run t --kernel /dev/null", 1, "not a regular file" },
		{ "$V run t --kernel /proc/self/maps", 1, "t: kernel image" },
		{ "$V create 1t $T", 2, "name" },
		{ "$V create t $T --memory 1000", 2, "t: memory: 1000 bytes" },
		{ "$V create t $T --memory x", 2, "--memory: x: not a size" },
		{ "$V create t $T --vcpus 129", 2, "--vcpus: 129" },
		{ "$V create t", 2, "no --kernel" },
		{ "$V create t $T --frobnicate", 2, "usage: vmctl create" },
		{ "$V start", 2, "usage: vmctl start" },
		{ "$V start none", 3, "none: no such domain" },
		{ "$V destroy 77", 3, "77: no such domain" },
		{ "$V console none", 3, "none: no such domain" },
		{ "$V stop --timeout x none", 2, "usage: vmctl stop" },
		{ "$V info none", 3, "none: no such domain" },
		{ "PHVD_SOCKET=/none $V pause t", 1,
		  "/none: No such file or directory (does phvd run?)" },
		{ "$V run -n t $T", 0, "ELF32" },
		{ "$V run -n t --kernel /proc/self/maps", 1, "kernel image" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		sh("%s 2>&1 </dev/null", errors[i].command);
		ksft_test_result(ended(errors[i].status, errors[i].text), "%s: %d\n",
				 errors[i].command, errors[i].status);
	}
}

/* A domain's states, and what can be done in them. */
static void test_states(void)
{
	bool good;

	sh("$V create s $T --vcpus 2 --cmdline spin 2>&1");
	good = ended(0, NULL);
	sh("$V list");
	good = good && strstr(out, "paused");
	sh("$V create s $T 2>&1");
	ksft_test_result(good && ended(1, "s: File exists"),
			 "what is created is paused, and can't be created again\n");
	sh("$V start s 2>&1");
	good = ended(0, NULL);
	sh("$V start s 2>&1");
	good = good && ended(1, "s: it is running");
	sh("$V unpause s 2>&1");
	good = good && ended(1, "s: it is running");
	sh("$V pause s 2>&1");
	good = good && ended(0, NULL);
	sh("$V list");
	good = good && strstr(out, "paused");
	sh("$V stop s 2>&1");
	good = good && ended(1, "it is paused");
	sh("$V unpause s 2>&1");
	good = good && ended(0, NULL);
	sh("$V list --json | tr -d '[:space:]'");
	good = good && ended(0, "\"name\":\"s\"") && strstr(out, "\"schema\":1") &&
	       strstr(out, "\"state\":\"running\"") && strstr(out, "\"vcpus\":2");
	ksft_test_result(good, "start, pause, unpause\n");
	sh("$V info --json s | tr -d '[:space:]'");
	good = ended(0, "\"cmdline\":\"spin\"");
	sh("$V info $($V list | sed -n 's/^ *\\([0-9]*\\)  s .*/\\1/p')");
	ksft_test_result(good && ended(0, "running"), "info, by number, too\n");
	sh("$V info --vmcs s | grep -c 'guest CR0 .* PE\\|the processor would enter it\\|^vcpu'");
	good = ended(0, "5\n");
	sh("$V info --vmcs --json s | tr -d '[:space:]' | "
	   "grep -o '\"0x681e\":\\|\"failures\":\\[\\]' | wc -l");
	good = good && ended(0, "4\n");
	sh("$V info --vmcs none 2>&1");
	good = good && ended(3, "none: no such domain");
	sh("$V list");
	ksft_test_result(good && ended(0, "running"), "info --vmcs, while it runs\n");
	sh("$V stop --timeout 1 s 2>&1");
	good = ended(7, "s: it has not ended");
	sh("$V stop --force --timeout 1 s 2>&1");
	good = good && ended(0, NULL);
	sh("$V stop s 2>&1");
	ksft_test_result(good && ended(3, NULL), "stop has a time limit, and force\n");
}

static void test_users(void)
{
	bool good;

	sh("chmod 755 %s; chmod 666 %s", directory, socket_path);
	sh("$V create s $T --cmdline spin 2>&1");
	good = ended(0, NULL);
	sh("$AS_NOBODY $V pause s 2>&1");
	good = good && ended(4, "s: it is another user's");
	sh("$AS_NOBODY $V console s 2>&1");
	good = good && ended(4, "s: it is another user's");
	sh("$AS_NOBODY $V destroy s 2>&1");
	good = good && ended(4, "s: it is another user's");
	sh("$AS_NOBODY $V list 2>&1");
	good = good && ended(0, " s ");
	sh("$AS_NOBODY $V info --json s 2>&1 | tr -d '[:space:]'");
	good = good && ended(0, "\"vcpu\":null") && !strstr(out, "cmdline");
	sh("chmod 600 %s; $AS_NOBODY $V pause s 2>&1", socket_path);
	good = good && ended(4, "are you in group phv?");
	ksft_test_result(good, "a domain is its owner's\n");
	/* What the module tells it tells everybody. */
	sh("$AS_NOBODY $V list 2>&1");
	ksft_test_result(ended(0, " s "), "that it is there is no secret\n");
	sh("$V destroy s");
	sh("chmod 666 %s; $AS_NOBODY $V create n $T --cmdline spin 2>&1", socket_path);
	good = ended(0, NULL);
	sh("$AS_NOBODY $V info --vmcs n 2>&1");
	good = good && ended(4, "n: VMCS");
	sh("$AS_NOBODY $V destroy n 2>&1");
	ksft_test_result(good && ended(0, NULL), "its VMCS is for root\n");
	sh("chmod 600 %s", socket_path);
}

/* Consoles. */

static void test_console(void)
{
	bool good;

	sh("(echo abc; sleep $N; echo q) | timeout $((20 * N)) $V run e $T --cmdline echo 2>&1");
	ksft_test_result(ended(0, "tiny: echo\nabc\nq"), "what is typed arrives\n");

	sh("$V create e $T --cmdline echo && $V start e");
	sh("(echo first; sleep $((4 * N))) | timeout -s INT $((4 * N)) $V console e >%s/first & "
	   "sleep $N; (echo second; sleep $((2 * N))) | "
	   "timeout -s INT $((2 * N)) $V console e >%s/second 2>&1; "
	   "wait; cat %s/first; echo ---; cat %s/second", directory, directory, directory,
	   directory);
	good = ended(0, "tiny: echo\nfirst\n---\n") && strstr(out, "[read-only: another") &&
	       strstr(strstr(out, "---"), "tiny: echo\nfirst\n");
	ksft_test_result(good, "several look, one writes\n");

	sh("(sleep $((6 * N))) | timeout -s INT $((6 * N)) $V console e >%s/first 2>&1 & "
	   "sleep $N; (echo forced; sleep $((2 * N))) | "
	   "timeout -s INT $((2 * N)) $V console --force e; "
	   "wait; cat %s/first", directory, directory);
	good = ended(0, "forced\n") && strstr(out, "[another viewer writes now]") &&
	       strstr(out, "[you may write now]");
	ksft_test_result(good, "writing is taken by force, and given back\n");
	sh("(echo q; sleep $N) | $V console e >/dev/null 2>&1");
	ksft_test_result(wait_for("$V list; echo end", "OWNER\nend"),
			 "a domain ends with nobody looking\n");
}

static bool is_flood(const char *text)
{
	char line[80];
	unsigned int i;

	for (i = 0; i < 4096; i++) {
		snprintf(line, sizeof(line), "%08x%055d\n", i, 0);
		memset(line + 8, '.', 55);
		if (strncmp(text + 64 * i, line, 64)) {
			ksft_print_msg("line %u: %.64s\n", i, text + 64 * i);
			return false;
		}
	}
	return !text[64 * 4096];
}

static void test_flood(void)
{
	const char *begin;

	sh("$V run f $T --cmdline flood </dev/null");
	begin = strstr(out, "tiny: flood\n");
	ksft_test_result(begin && is_flood(begin + 12), "256 KiB arrive, each byte\n");
	sh("$V run f $T --cmdline flood </dev/null | (sleep 3; cat)");
	begin = strstr(out, "tiny: flood\n");
	ksft_test_result(begin && is_flood(begin + 12), "they wait for who is slow\n");
}

/* Who ends, and who does not. */

static int worker_of(const char *name)
{
	sh("$V list --json | tr -d '[:space:]' | "
	   "sed 's/.*\"name\":\"%s\"[^}]*\"pid\":\\([0-9]*\\).*/\\1/'", name);
	return atoi(out);
}

/* Without phvd, or with one that does not answer, the module's word is there. */
static void test_kernels_word(void)
{
	bool good;
	int pid;

	sh("$V create k $T --vcpus 2 --cmdline spin && $V start k");
	pid = worker_of("k");
	sh("$V info --json k | tr -d '[:space:]'");
	good = ended(0, "\"cmdline\":\"spin\"") && strstr(out, "\"owner\":0,") &&
	       strstr(out, "\"memory\":4194304,") &&
	       strstr(out, "\"vcpu\":[{\"id\":0,\"state\":") && strstr(out, "{\"id\":1,") &&
	       strstr(out, "\"VMCALL\":");
	sh("$V info k");
	good = good && ended(0, "vcpu 1 ") && strstr(out, " VMCALL ");
	ksft_test_result(good, "info has the vCPUs' counters\n");

	end_phvd(SIGKILL);
	sh("$V list --json | tr -d '[:space:]'");
	good = ended(0, "\"name\":\"k\"") && strstr(out, "\"vcpus\":2,\"owner\":null") &&
	       worker_of("k") == pid;
	sh("$V info k");
	good = good && ended(0, " VMCALL ") && !strstr(out, "cmdline");
	sh("$V list");
	good = good && ended(0, " k ");
	sh("$V pause k 2>&1");
	good = good && ended(1, "does phvd run?");
	ksft_test_result(good, "list and info go on without phvd\n");
	start_phvd();
	sh("$V pause k");
	kill(phvd_pid, SIGSTOP);
	sh("$V list");
	good = ended(0, " k ");
	kill(phvd_pid, SIGCONT);
	sh("$V destroy k");
	ksft_test_result(good && ended(0, NULL), "list does not wait for ever\n");
}

/* Who listens sees a domain from its beginning to its end, phvd or not. */
static void test_events(void)
{
	char text[200];
	pid_t pid;
	bool good;
	int i;

	sh("$V events --json >%s/events 2>&1 & echo $!", directory);
	pid = atoi(out);
	for (i = 0; i < 100; i++) {
		/* Nobody tells when it has begun to listen. */
		sh("$V create e%d $T --cmdline poweroff; $V destroy e%d; "
		   "grep -c destroyed %s/events", i, i, directory);
		if (atoi(strrchr(out, '\n') ? out : ""))
			break;
	}
	sh("$V run ev $T --cmdline crash </dev/null 2>&1");
	snprintf(text, sizeof(text), "tr -d ' ' <%s/events", directory);
	good = wait_for(text, "\"event\":\"destroyed\",\"name\":\"ev\"");
	for (i = 0; i < 4; i++) {
		static const char * const events[] = {
			"\"event\":\"created\",\"name\":\"ev\"",
			"\"event\":\"started\",\"name\":\"ev\"",
			"\"event\":\"shutdown\",\"name\":\"ev\"",
			"\"event\":\"destroyed\",\"name\":\"ev\"",
		};
		const char *at = strstr(out, events[i]);

		good = good && at && (i == 3 || strstr(at, events[i + 1]));
	}
	good = good && strstr(out, "\"reason\":\"crash\"") && strstr(out, "\"schema\":1");
	kill(pid, SIGKILL);
	ksft_test_result(good, "events tell a domain's life\n");
}

static void test_worker_killed(void)
{
	int pid;
	bool good;

	sh("for d in a b; do $V create $d $T --cmdline spin && $V start $d; done");
	pid = worker_of("a");
	good = pid > 1 && !kill(pid, SIGKILL);
	good = good && wait_for("$V list | grep -c ' a '; echo end", "0\nend");
	sh("$V info b");
	ksft_test_result(good && ended(0, "running") &&
			 count_files("%s/domains", directory) == 3,
			 "a worker that dies takes its domain along, and no other\n");
	sh("$V destroy b");
	sh("(timeout $((20 * N)) $V run a $T --cmdline spin </dev/null 2>&1; echo status $?) & "
	   "sleep $N; kill -9 $($V list --json | tr -d '[:space:]' | "
	   "sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); wait");
	ksft_test_result(ended(0, "a: its worker has died\nstatus 1"),
			 "whoever looked is told\n");
}

static void test_bound(void)
{
	sh("$V run a $T --cmdline spin </dev/null >/dev/null 2>&1 & sleep $N; kill -9 $!");
	ksft_test_result(wait_for("$V list; echo end", "OWNER\nend"),
			 "a domain that is run ends with vmctl\n");
	sh("timeout -s TERM $N $V run a $T --cmdline spin </dev/null 2>&1");
	ksft_test_result(strstr(out, "destroyed") && wait_for("$V list; echo end", "OWNER\nend"),
			 "a signal ends both\n");
	/* It waits until the domain's name is free, but not for a phvd that hangs. */
	sh("$V run a $T --cmdline spin </dev/null >/dev/null 2>&1 & sleep 1; kill -STOP %d; "
	   "kill $!; sleep 1; kill $!; sleep 1; "
	   "grep State: /proc/$!/status | grep -v Z || echo gone; kill -CONT %d",
	   phvd_pid, phvd_pid);
	ksft_test_result(strstr(out, "gone") && wait_for("$V list; echo end", "OWNER\nend"),
			 "a second signal ends vmctl alone\n");
}

static void test_restart(int signal)
{
	bool good;
	int pid;

	sh("$V create r $T --cmdline echo && $V start r");
	sh("(sleep $((3 * N)); echo hello; sleep $N) | "
	   "timeout -s INT $((5 * N)) $V console r >%s/first &", directory);
	sleep(moment);	/* it is to be there before phvd goes */
	pid = worker_of("r");
	end_phvd(signal);
	good = pid > 1 && !kill(pid, 0);
	start_phvd();
	good = good && wait_for("$V list", "running") && worker_of("r") == pid;
	sleep(4 * moment);
	sh("cat %s/first", directory);
	good = good && strstr(out, "hello");
	sh("(echo q; sleep $N) | $V console r 2>&1");
	good = good && strstr(out, "hello\nq");
	good = good && wait_for("$V list; echo end", "OWNER\nend");
	ksft_test_result(good && count_files("%s/domains", directory) == 2,
			 "phvd that ends by signal %d loses no domain\n", signal);
}

static bool has_own_namespace(int pid, const char *type)
{
	char path[64], own[64] = "", other[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, type);
	if (readlink(path, other, sizeof(other) - 1) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", type);
	return readlink(path, own, sizeof(own) - 1) > 0 && strcmp(own, other);
}

static void test_sandbox(void)
{
	char path[64];
	int pid;
	bool good;

	sh("$V create x $T --cmdline spin && $V start x");
	pid = worker_of("x");
	sh("cat /proc/%d/status", pid);
	good = ended(0, "\nCapEff:\t0000000000000000\n") &&
	       strstr(out, "\nCapPrm:\t0000000000000000\n") &&
	       strstr(out, "\nCapBnd:\t0000000000000000\n") &&
	       strstr(out, "\nNoNewPrivs:\t1\n") && strstr(out, "\nSeccomp:\t2\n") &&
	       strstr(out, "\nUid:\t2000000000\t2000000000\t2000000000\t2000000000\n") &&
	       strstr(out, "\nGid:\t2000000000\t2000000000\t2000000000\t2000000000\n") &&
	       strstr(out, "\nGroups:\t \n");
	ksft_test_result(good, "a worker has no rights\n");
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	good = count_files("%s", path) == 2 && has_own_namespace(pid, "net") &&
	       has_own_namespace(pid, "mnt") && has_own_namespace(pid, "ipc");
	ksft_test_result(good, "it sees no files and no network\n");
	sh("$V destroy x");
}

/* Those who do not keep to the protocol. */

static int connect_phvd(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 5 };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		ksft_exit_fail_msg("phvd is gone\n");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* What phvd answers to these bytes: text, "" for the end of the connection. */
static const char *talk(const char *bytes, size_t size)
{
	static char answer[4096];
	int fd = connect_phvd();
	ssize_t n;

	send(fd, bytes, size, MSG_NOSIGNAL);
	n = recv(fd, answer, sizeof(answer) - 1, 0);
	answer[n < 0 ? 0 : n] = '\0';
	close(fd);
	return n < 0 && errno == EAGAIN ? "silence" : answer;
}

static void test_protocol(void)
{
	static const struct {
		const char *request;
		const char *answer;	/* a part of it; NULL: the connection ends */
	} talks[] = {
		{ "{\"version\":1,\"verb\":\"list\"}\n", "\"ok\":true" },
		{ "{\"version\":2,\"verb\":\"list\"}\n", "\"code\":\"unsupported\"" },
		{ "{\"verb\":\"list\"}\n", "\"code\":\"unsupported\"" },
		{ "{\"version\":1}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":7}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"build\"}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"pause\"}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"pause\",\"domain\":{}}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"pause\",\"domain\":\"x\\u0000\"}\n",
		  "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"create\"}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"create\",\"config\":[]}\n", "\"code\":\"usage\"" },
		{ "{\"version\":1,\"verb\":\"create\",\"config\":{\"name\":\"x\"}}\n",
		  "kernel or initrd is missing" },
		{ "{\"version\":1,\"verb\":\"create\",\"config\":{\"name\":\"x\",\"y\":1}}\n",
		  "y: unknown" },
		{ "{\"version\":1,\"verb\":\"create\",\"config\":{\"name\":\"../x\"}}\n",
		  "name" },
		{ "{\"version\":1,\"verb\":\"create\",\"fds\":1,\"config\":{\"name\":\"x\"}}\n", NULL },
		{ "{\"version\":1,\"verb\":\"list\",\"fds\":-1}\n", NULL },
		{ "[]\n", NULL },
		{ "\n", NULL },
		{ "{\"version\":1,\"verb\":\"list\"} x\n", NULL },
		{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", NULL },
		{ "\xff\xfe\n", NULL },
	};
	bool good = true;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(talks); i++) {
		const char *answer = talk(talks[i].request, strlen(talks[i].request));

		if (talks[i].answer ? !!strstr(answer, talks[i].answer) : !*answer)
			continue;
		ksft_print_msg("to %.60s: %.100s\n", talks[i].request, answer);
		good = false;
	}
	ksft_test_result(good, "requests are checked\n");
}

static void test_garbage(void)
{
	static char large[200000];
	unsigned int seed = 1, i, j;
	bool good;
	int fd;

	memset(large, 'x', sizeof(large));
	good = !*talk(large, sizeof(large));
	for (i = 0; i < 200; i++) {
		for (j = 0; j < 2000; j++)
			large[j] = (char)rand_r(&seed);
		fd = connect_phvd();
		send(fd, large, 1 + rand_r(&seed) % 2000, MSG_NOSIGNAL);
		close(fd);
	}
	sh("$V pause none 2>&1");
	ksft_test_result(good && ended(3, "none"), "garbage does no harm\n");
}

/* Sends more descriptors than anybody wants. */
static void test_descriptors(void)
{
	char control[CMSG_SPACE(100 * sizeof(int))] = { 0 };
	char request[] = "{\"version\":1,\"verb\":\"list\",\"fds\":100}\n";
	struct iovec vector = { request, sizeof(request) - 1 };
	struct msghdr header = {
		.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *message = CMSG_FIRSTHDR(&header);
	unsigned int before, i, j;
	int fd;

	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(100 * sizeof(int));
	for (i = 0; i < 100; i++)
		((int *)CMSG_DATA(message))[i] = 0;
	sh("$V list");
	usleep(100000);
	before = count_files("/proc/%d/fd", phvd_pid);
	for (j = 0; j < 20; j++) {
		fd = connect_phvd();
		sendmsg(fd, &header, MSG_NOSIGNAL);
		close(fd);
	}
	sh("$V pause none 2>&1");
	usleep(100000);
	ksft_test_result(ended(3, "none") && count_files("/proc/%d/fd", phvd_pid) == before,
			 "descriptors that nobody wants are closed\n");
}

/* Neither phvd nor the kernel has more of anything after many boots. */
static void test_many(void)
{
	unsigned int boots = getenv("PHV_BOOT") ? 200 : 20, files, i;
	static struct leak_stock stock;
	bool counted, good = true;
	long memory;

	sh("for i in 1 2 3 4 5; do $V run t $T --cmdline poweroff </dev/null; done");
	usleep(100000);
	files = count_files("/proc/%d/fd", phvd_pid);
	memory = resident(phvd_pid);
	counted = leak_take_stock(&stock);
	for (i = 0; i < boots && good; i += 10) {
		sh("for i in 0 1 2 3 4 5 6 7 8 9; do "
		   "$V run t $T --cmdline poweroff </dev/null 2>&1 || echo failed; done");
		good = ended(0, "tiny") && !strstr(out, "failed");
	}
	ksft_test_result(good, "%u boots in a row\n", boots);
	usleep(100000);
	ksft_test_result(count_files("/proc/%d/fd", phvd_pid) == files &&
			 count_files("%s/domains", directory) == 2 &&
			 resident(phvd_pid) - memory < boots / 2,
			 "they leave no files, no sockets, and phvd as it was\n");
	/* Fewer would have to leave less than a page each, and other things come and go. */
	if (boots < 100)
		ksft_test_result_skip("memory: with PHV_BOOT=1\n");
	else if (counted)
		ksft_test_result(!leak_found(&stock, boots), "they leave the kernel as it was\n");
	else
		ksft_test_result_skip("memory: this kernel can't be asked\n");
}

static void find_programs(void)
{
	char self[300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 20);

	self[n < 0 ? 0 : n] = '\0';
	setenv("AS_NOBODY", strcat(self, " --as-nobody"), 1);
	*strrchr(self, '/') = '\0';
	phvd = getenv("PHVD") ?: "phvd";
	vmctl = getenv("VMCTL") ?: "vmctl";
	snprintf(tiny, sizeof(tiny), "%s/tiny", self);
	if (getenv("PHV_TINY"))
		snprintf(tiny, sizeof(tiny), "%s", getenv("PHV_TINY"));
	if (run_command("%s --version >/dev/null", phvd) ||
	    run_command("%s version >/dev/null", vmctl))
		ksft_exit_skip("no phvd or no vmctl in PATH; PHVD and VMCTL may name them\n");
	snprintf(directory, sizeof(directory), "/tmp/phvd-test.XXXXXX");
	if (!mkdtemp(directory))
		ksft_exit_fail_msg("no directory\n");
	snprintf(socket_path, sizeof(socket_path), "%s/phvd.sock", directory);
	setenv("V", vmctl, 1);
	setenv("PHVD_SOCKET", socket_path, 1);
	snprintf(self, sizeof(self), "--memory 4M --kernel %s", tiny);
	setenv("T", self, 1);
}

static void clean_up(void)
{
	if (phvd_pid > 0)
		kill(phvd_pid, SIGTERM);
	run_command("rm -rf %s", directory);
}

/* phvd --as-nobody COMMAND...: run it without any rights */
static int as_nobody(char **argv)
{
	if (setgid(65534) || setuid(65534))
		return 126;
	execvp(argv[0], argv);
	return 127;
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--as-nobody"))
		return as_nobody(argv + 2);
	ksft_print_header();
	test_need_root();
	find_programs();
	close(test_open_phv());
	atexit(clean_up);
	ksft_set_plan(62);
	start_phvd();
	find_moment();
	test_ends();
	test_policies();
	test_errors();
	test_states();
	test_users();
	test_console();
	test_flood();
	test_kernels_word();
	test_events();
	test_worker_killed();
	test_bound();
	test_restart(SIGTERM);
	test_restart(SIGKILL);
	test_sandbox();
	test_protocol();
	test_garbage();
	test_descriptors();
	test_many();
	end_phvd(SIGTERM);
	phvd_pid = 0;
	ksft_finished();
}
