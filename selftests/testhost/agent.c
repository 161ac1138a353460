// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test host's agent, its process 1: speaks to `run` through the testport.
 *
 * Saves the machine if that is asked for; from there on (in the saved machine,
 * or straight on in one that is not to be saved) it sets the clock, unpacks the
 * payload, a tar archive in the input stream, into /, has prepare make the host
 * ready for it, runs the command that it holds, and gives back its output, the
 * files it left in /out, the kernel's log since then, and its exit status.
 *
 * The payload's part of the contract:
 *
 *	/run/testhost/command	the command's argument vector, each string with
 *				a NUL behind it
 *	/run/testhost/terminal	instead: a shell is wanted on the terminal;
 *				"ROWS COLUMNS TERM"
 *
 * What goes wrong here is said on the console, and ends the machine with
 * status 125 (the set-up's fault).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "testport.h"

#define COMMAND		"/run/testhost/command"
#define TERMINAL	"/run/testhost/terminal"
#define OUT		"/out"
#define PREPARE		"/usr/sbin/prepare"

#define STATUS_SETUP	125
#define STATUS_EXEC	126
#define STATUS_NOTFOUND	127

/* How long to look away from the terminal, ms; a poll of it costs up to 10. */
#define TTY_INTERVAL	50

static char buffer[65536];
static const sigset_t no_signals;

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("testhost: agent: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	testport_call(TESTPORT_CALL_EXIT, STATUS_SETUP);
	abort();
}

/* Reap @child, and every orphan that ends before it. */
static int wait_for(pid_t child)
{
	int status;
	pid_t pid;

	do {
		pid = waitpid(-1, &status, 0);
		if (pid < 0 && errno != EINTR)
			die("waitpid: %s", strerror(errno));
	} while (pid != child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	return pid;
}

static void pipe_or_die(int fds[2])
{
	if (pipe2(fds, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
}

/* A restored machine's clock stands where it was saved. */
static void set_clock(void)
{
	int64_t us = testport_call(TESTPORT_CALL_HOST_TIME, 0);
	struct timeval now = { .tv_sec = us / 1000000, .tv_usec = us % 1000000 };

	if (settimeofday(&now, NULL))
		die("settimeofday: %s", strerror(errno));
}

static void unpack_payload(void)
{
	int64_t left = testport_call(TESTPORT_CALL_IN_SIZE, 0);
	int fds[2], status;
	pid_t pid;

	if (left <= 0)
		die("no payload");
	pipe_or_die(fds);
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	pid = fork_or_die();
	if (!pid) {
		dup2(fds[0], STDIN_FILENO);
		execl("/bin/tar", "tar", "-x", "-C", "/", NULL);
		_exit(STATUS_NOTFOUND);
	}
	close(fds[0]);
	while (left > 0) {
		size_t size = left < (int64_t)sizeof(buffer) ?
			      (size_t)left : sizeof(buffer);
		ssize_t done;

		testport_read(buffer, size);
		for (size_t at = 0; at < size; at += done) {
			done = write(fds[1], buffer + at, size - at);
			if (done < 0)
				break;	/* tar has enough: see its status */
		}
		left -= size;
	}
	close(fds[1]);
	status = wait_for(pid);
	if (status)
		die("the payload can't be unpacked (tar: status %d)", status);
}

static void prepare_host(void)
{
	pid_t pid = fork_or_die();
	int status;

	if (!pid) {
		sigprocmask(SIG_SETMASK, &no_signals, NULL);
		execl(PREPARE, PREPARE, NULL);
		_exit(STATUS_NOTFOUND);
	}
	status = wait_for(pid);
	if (status)
		die(PREPARE ": status %d", status);
}

/* Pass on what can be read from @fd; false when there is no more to come. */
static bool pass_on(int fd, unsigned short port)
{
	ssize_t size = read(fd, buffer, sizeof(buffer));

	if (size <= 0)
		return size < 0 && (errno == EAGAIN || errno == EINTR);
	testport_write(port, buffer, size);
	if (port == TESTPORT_PORT_OUT)
		testport_call(TESTPORT_CALL_FLUSH, 0);
	return true;
}

/* The strings of COMMAND, NULL behind the last. */
static char **read_command(void)
{
	static char text[65536], *argv[1024];
	int fd = open(COMMAND, O_RDONLY | O_CLOEXEC), argc = 0;
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));

	if (size < 0)
		die(COMMAND ": %s", strerror(errno));
	if (!size || text[size - 1])
		die(COMMAND ": empty or too long");
	for (char *word = text; word < text + size; word += strlen(word) + 1) {
		if (argc == sizeof(argv) / sizeof(argv[0]) - 1)
			die(COMMAND ": too many arguments");
		argv[argc++] = word;
	}
	close(fd);
	return argv;
}

static void __attribute__((noreturn)) exec_command(char **argv)
{
	sigprocmask(SIG_SETMASK, &no_signals, NULL);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? STATUS_NOTFOUND : STATUS_EXEC);
}

/* SIGCHLD is blocked but in a ppoll(), which it has to interrupt. */
static void on_child(int signal)
{
	(void)signal;
}

/* Has @child ended?  It remains to be waited for; orphans are reaped here. */
static bool has_ended(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };

	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) &&
	       info.si_pid && info.si_pid != child) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
	return info.si_pid == child;
}

/*
 * Run the command with its output passed on.  What the command leaves running
 * in the background may keep the pipe open: that isn't waited for.
 */
static int run_command(char **argv)
{
	struct pollfd poll_fd = { .events = POLLIN };
	int fds[2];
	pid_t pid;

	pipe_or_die(fds);
	pid = fork_or_die();
	if (!pid) {
		setsid();
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDIN_FILENO);
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		exec_command(argv);
	}
	close(fds[1]);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	poll_fd.fd = fds[0];
	while (!has_ended(pid)) {
		if (ppoll(&poll_fd, 1, NULL, &no_signals) > 0 &&
		    !pass_on(fds[0], TESTPORT_PORT_OUT))
			poll_fd.fd = -1;
	}
	while (poll(&poll_fd, 1, 0) > 0 && pass_on(fds[0], TESTPORT_PORT_OUT))
		;
	close(fds[0]);
	return wait_for(pid);
}

static void set_terminal_size(struct winsize *size)
{
	FILE *file = fopen(TERMINAL, "re");
	char name[64] = "linux";

	if (!file)
		die("%s: %s", TERMINAL, strerror(errno));
	if (fscanf(file, "%hu %hu %63s", &size->ws_row, &size->ws_col, name) < 2)
		die("%s: not ROWS COLUMNS TERM", TERMINAL);
	fclose(file);
	setenv("TERM", name, 1);
}

/* Relay between the terminal and a login shell, until either ends. */
static int run_shell(void)
{
	static char *shell[] = { "sh", "-l", NULL };
	struct winsize size = { 0 };
	struct pollfd poll_fd = { .events = POLLIN };
	pid_t pid;

	set_terminal_size(&size);
	pid = forkpty(&poll_fd.fd, NULL, NULL, &size);
	if (pid < 0)
		die("forkpty: %s", strerror(errno));
	if (!pid)
		exec_command(shell);
	for (;;) {
		unsigned int key;
		char byte;

		if (poll(&poll_fd, 1, TTY_INTERVAL) > 0) {
			if (!pass_on(poll_fd.fd, TESTPORT_PORT_OUT))
				break;
			continue;
		}
		while ((key = testport_tty()) < TESTPORT_TTY_NONE) {
			byte = (char)key;
			if (write(poll_fd.fd, &byte, 1) < 0)
				break;
		}
		if (key == TESTPORT_TTY_EOF)
			break;
	}
	close(poll_fd.fd);	/* hangs up, should the shell still be there */
	return wait_for(pid);
}

static void send_files(void)
{
	int fds[2];
	pid_t pid;

	if (rmdir(OUT) == 0 || errno == ENOENT)
		return;
	pipe_or_die(fds);
	pid = fork_or_die();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		execl("/bin/tar", "tar", "-c", "-C", OUT, ".", NULL);
		_exit(STATUS_NOTFOUND);
	}
	close(fds[1]);
	while (pass_on(fds[0], TESTPORT_PORT_FILES))
		;
	close(fds[0]);
	if (wait_for(pid))
		fputs("testhost: agent: " OUT ": tar failed\n", stderr);
}

/*
 * The kernel's log from where @kmsg stands, in dmesg's form.  A record of
 * /dev/kmsg is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,...];TEXT\n" with lines
 * of keys behind it; non-printing characters are escaped in it.
 */
static void send_log(int kmsg)
{
	static const char lost[] = "testhost: agent: some of the log is lost\n";

	for (;;) {
		ssize_t size = read(kmsg, buffer, sizeof(buffer) - 1);
		unsigned long long us;
		char *text, time[32];

		if (size < 0 && errno == EPIPE) {
			testport_write(TESTPORT_PORT_LOG, lost, sizeof(lost) - 1);
			continue;
		}
		if (size <= 0)
			return;
		buffer[size] = '\0';
		text = strchr(buffer, ';');
		if (!text || sscanf(buffer, "%*u,%*u,%llu,", &us) != 1)
			continue;
		text++;
		size = strcspn(text, "\n");
		text[size++] = '\n';
		testport_write(TESTPORT_PORT_LOG, time,
			       snprintf(time, sizeof(time), "[%5llu.%06llu] ",
					us / 1000000, us % 1000000));
		testport_write(TESTPORT_PORT_LOG, text, size);
	}
}

static void prepare_environment(void)
{
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("PS1", "testhost# ", 1);
	if (chdir("/root"))
		die("/root: %s", strerror(errno));
	mkdir(OUT, 0777);
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_child };
	sigset_t child;
	int64_t error;
	int kmsg, status;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigaction(SIGCHLD, &action, NULL);
	error = testport_open();
	if (error)
		die("no testport: %s", strerror((int)-error));
	prepare_environment();
	error = testport_call(TESTPORT_CALL_SAVE, 0);
	if (error && error != -ENXIO)
		die("the machine can't be saved: %s", strerror((int)-error));

	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0 || lseek(kmsg, 0, SEEK_END))
		die("/dev/kmsg: %s", strerror(errno));
	set_clock();
	unpack_payload();
	prepare_host();
	status = access(TERMINAL, F_OK) ? run_command(read_command()) :
					  run_shell();
	send_files();
	send_log(kmsg);
	testport_call(TESTPORT_CALL_EXIT, status);
	die("the machine doesn't end");
}
