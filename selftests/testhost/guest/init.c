// SPDX-License-Identifier: GPL-2.0-only
/*
 * Process 1 of the test host's guests: the /init of /guests/initrd-*.
 *
 * With phv.run="COMMAND" on the kernel's command line it runs that with sh -c,
 * stdin and output on the console, writes the exit status to xenstore, where
 * `vmctl run` takes it from (data/phv-exit-status, relative to the domain's own
 * node), and powers off.  Without, it runs a login shell there, and powers off
 * when that ends.  poweroff, halt and reboot of busybox do what they say, which
 * is how a control/shutdown from outside arrives as well.
 *
 * It is static, and the only thing of the initrd that isn't Debian's: mkguests
 * builds it.  Quick to start, as the time to it is measured.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define XENBUS		"/dev/xen/xenbus"
#define STATUS_NODE	"data/phv-exit-status"
#define STATUS_NOTFOUND	127

/* How long xenstore may take to answer, ms */
#define XENSTORE_TIMEOUT	5000

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("init: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void mount_or_complain(const char *type, const char *target)
{
	mkdir(target, 0755);
	if (mount(type, target, type, 0, NULL))
		complain("%s: %s", target, strerror(errno));
}

static void mount_all(void)
{
	mount_or_complain("proc", "/proc");
	mount_or_complain("sysfs", "/sys");
	mount_or_complain("devtmpfs", "/dev");
	mount_or_complain("devpts", "/dev/pts");
	mount_or_complain("tmpfs", "/dev/shm");
	mount_or_complain("tmpfs", "/run");
	mount_or_complain("tmpfs", "/tmp");
}

static void prepare_environment(void)
{
	setenv("PATH", "/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	setenv("PS1", "guest# ", 1);
	sethostname("guest", 5);
	if (chdir("/root"))
		complain("/root: %s", strerror(errno));
}

/* Read a small file as a string without its newline; false if there is none. */
static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (got < 0)
		return false;
	text[got] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/*
 * The value of @name= on the kernel's command line, NULL if there is none.  As
 * the kernel has it, quotes hold blanks together, can't be escaped, and those
 * around the value, or around name and value, are not part of it.
 */
static char *parameter(const char *name)
{
	static char line[8192];
	size_t length = strlen(name);

	if (!read_file("/proc/cmdline", line, sizeof(line)))
		return NULL;
	for (char *at = line, *next; *at; at = next) {
		bool quoted = false, outer = *at == '"';
		char *end;

		for (end = at; *end && (quoted || *end != ' '); end++)
			quoted ^= *end == '"';
		next = *end ? end + 1 : end;
		*end = '\0';
		at += outer;
		if (strncmp(at, name, length) || at[length] != '=')
			continue;
		at += length + 1;
		outer |= *at == '"';
		at += *at == '"';
		if (outer && end > at && end[-1] == '"')
			end[-1] = '\0';
		return at;
	}
	return NULL;
}

/*
 * The terminal: hvc0, be it the kernel's console (console=hvc0) or not; where there
 * is none, the last console that the kernel names.
 */
static const char *terminal(void)
{
	static char path[64] = "/dev/";
	char names[64];
	int fd = open("/dev/hvc0", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0) {
		close(fd);
		return "/dev/hvc0";
	}
	if (!read_file("/sys/class/tty/console/active", names, sizeof(names)) || !names[0])
		return "/dev/console";
	strcat(path, strrchr(names, ' ') ? strrchr(names, ' ') + 1 : names);
	return path;
}

/* A command's output goes out as it is; a shell wants its newlines made good. */
static void set_raw_output(int fd)
{
	struct termios termios;

	if (tcgetattr(fd, &termios))
		return;
	termios.c_oflag &= ~OPOST;
	tcsetattr(fd, TCSANOW, &termios);
}

static void use_terminal(int fd)
{
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static pid_t start(char *const argv[], const char *tty, bool raw)
{
	sigset_t none;
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	setsid();
	fd = open(tty, O_RDWR);
	if (fd >= 0) {
		ioctl(fd, TIOCSCTTY, 1);
		if (raw)
			set_raw_output(fd);
		use_terminal(fd);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
	complain("%s: %s", argv[0], strerror(errno));
	_exit(STATUS_NOTFOUND);
}

/* Disks and networks are told by xenstore, so none without it. */
static void load_drivers(const char *tty)
{
	static char *modprobe[] = { "modprobe", "-a", "xen-blkfront", "xen-netfront", NULL };

	if (!access(XENBUS, F_OK))
		waitpid(start(modprobe, tty, false), NULL, 0);
}

static bool answers(int fd, struct xsd_sockmsg *answer)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	char *at = (char *)answer;
	size_t left = sizeof(*answer);

	while (left) {
		ssize_t got;

		if (poll(&poll_fd, 1, XENSTORE_TIMEOUT) <= 0)
			return false;
		got = read(fd, at, left);
		if (got <= 0)
			return false;
		at += got;
		left -= got;
	}
	return true;
}

/* Write @value to @node of xenstore. */
static bool xenstore_write(const char *node, const char *value)
{
	struct {
		struct xsd_sockmsg header;
		char body[128];
	} message = { .header.type = XS_WRITE };
	struct xsd_sockmsg answer;
	size_t size = strlen(node) + 1;
	bool done = false;
	int fd;

	memcpy(message.body, node, size);	/* with its NUL: the value follows */
	memcpy(message.body + size, value, strlen(value));
	message.header.len = size + strlen(value);
	size = sizeof(message.header) + message.header.len;
	fd = open(XENBUS, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (write(fd, &message, size) == (ssize_t)size && answers(fd, &answer))
		done = answer.type == XS_WRITE;
	close(fd);
	return done;
}

static void tell_status(int status)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", status);
	if (!xenstore_write(STATUS_NODE, text) && status)
		complain("xenstore does not take it: exit status %d", status);
}

static void __attribute__((noreturn)) end(int how, const char *tty)
{
	int fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		tcdrain(fd);
	sync();
	reboot(how);
	for (;;)		/* halted, and not to be reported as a panic */
		pause();
}

/*
 * Reap until @child ends, and return its status; a request of busybox's
 * poweroff, halt or reboot ends the machine instead.
 */
static int serve(pid_t child, const sigset_t *signals, const char *tty)
{
	for (;;) {
		int status;
		pid_t pid;

		switch (sigwaitinfo(signals, NULL)) {
		case SIGUSR1:
			end(RB_HALT_SYSTEM, tty);
		case SIGUSR2:
			end(RB_POWER_OFF, tty);
		case SIGTERM:
			end(RB_AUTOBOOT, tty);
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid == child)
				return WIFEXITED(status) ? WEXITSTATUS(status) :
							   128 + WTERMSIG(status);
		}
	}
}

int main(void)
{
	char *run[] = { "sh", "-c", NULL, NULL }, *shell[] = { "sh", "-l", NULL };
	const char *tty;
	sigset_t signals;
	int status, fd;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	mount_all();
	prepare_environment();
	tty = terminal();
	fd = open(tty, O_RDWR | O_NOCTTY);
	if (fd >= 0)
		use_terminal(fd);
	load_drivers(tty);
	run[2] = parameter("phv.run");
	status = serve(start(run[2] ? run : shell, tty, run[2]), &signals, tty);
	if (run[2])
		tell_status(status);
	end(RB_POWER_OFF, tty);
}
