// SPDX-License-Identifier: GPL-2.0-only
/*
 * A network without rights to one: passt(1) is the other side of the guest's packets,
 * and makes of them what a program may do on the host; see net_host.h.
 *
 * It is given a socket, becomes nobody, and ends when the worker does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "net_host.h"
#include "phvd.h"

#define PROGRAM		"passt"
/* Where its socket is when it starts */
#define SOCKET_FD	3

/* In the new process; it is nobody's child, so that nobody has to wait for it. */
static void exec_program(int fd, int group)
{
	/* Its map of the gateway's address would be a way to all that listens to the host. */
	static char * const words[] = {
		PROGRAM, "--fd", "3", "--foreground", "--quiet", "--mtu", "1500",
		"--no-map-gw", NULL
	};
	static char * const environment[] = { "PATH=/usr/local/bin:/usr/bin:/bin", NULL };
	sigset_t none;
	int null;

	cgroup_enter(group);
	fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd < 0 || null < 0 || dup2(fd, SOCKET_FD) < 0 || dup2(null, 0) < 0 ||
	    dup2(null, 1) < 0)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(PROGRAM, words, environment);
	log_line(PROGRAM ": %s", strerror(errno));
	_exit(1);
}

static int spawn(int fd, int group)
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (!child) {
		if (!fork())
			exec_program(fd, group);
		_exit(0);
	}
	return waitpid(child, NULL, 0) < 0 ? -errno : 0;
}

/**
 * net_user_open - start a network that needs no rights
 * @domain: the domain's name: what the program uses is charged to its control group
 * @why: what is wrong is put here
 *
 * Return: a socket, for the worker, with a packet's length before each packet; or a
 * negative errno. If the program can't be started, that is in the log, and there is nobody
 * at the other end.
 */
int net_user_open(const char *domain, char why[NET_WHY_MAX])
{
	int pair[2], group, err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		err = -errno;
		snprintf(why, NET_WHY_MAX, "net: user: %s", strerror(-err));
		return err;
	}
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	group = cgroup_create(domain);
	err = spawn(pair[1], group);
	close(pair[1]);
	if (group >= 0)
		close(group);
	if (!err)
		return pair[0];
	close(pair[0]);
	snprintf(why, NET_WHY_MAX, "net: user: %s", strerror(-err));
	return err;
}
