// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starts a daemon when it is wanted: activate SOCKET MODULE LOG DAEMON [ARGUMENT]...
 *
 * Listens on SOCKET, as systemd does for a socket unit; it is for root and the
 * group that is called as the module is.  With the first one who connects it loads
 * the kernel module MODULE and becomes DAEMON, which takes the socket over
 * (sd_listen_fds(3)); its output goes to LOG.  So a test host whose command has no
 * use for the daemon starts none, and its module is left alone.
 *
 * Returns as soon as somebody can connect; what waits is a child.  Called by
 * prepare.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a daemon that is started so has its first socket. */
#define LISTEN_FD	3

static void listen_at(const char *path, const char *group_name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct group *group = getgrnam(group_name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		errx(1, "%s: no socket", path);
	memcpy(address.sun_path, path, strlen(path));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    chown(path, 0, group ? group->gr_gid : 0) || chmod(path, 0660) ||
	    listen(fd, 64))
		err(1, "%s", path);
	if (fd != LISTEN_FD) {
		if (dup2(fd, LISTEN_FD) < 0)
			err(1, "%s", path);
		close(fd);
	}
}

static void open_log(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0 || null < 0)
		err(1, "%s", path);
	dup2(null, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

static void load_module(const char *name)
{
	pid_t pid = fork();

	if (!pid) {
		close(LISTEN_FD);
		execlp("modprobe", "modprobe", name, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);	/* the daemon will say what it misses */
}

int main(int argc, char **argv)
{
	struct pollfd poll_fd = { .fd = LISTEN_FD, .events = POLLIN };
	char pid[16];

	if (argc < 5)
		errx(2, "usage: activate SOCKET MODULE LOG DAEMON [ARGUMENT]...");
	listen_at(argv[1], argv[2]);
	open_log(argv[3]);
	if (fork())
		return 0;
	setsid();
	while (poll(&poll_fd, 1, -1) != 1)
		;
	load_module(argv[2]);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execv(argv[4], argv + 4);
	err(1, "%s", argv[4]);
}
