// SPDX-License-Identifier: GPL-2.0-only
/*
 * The viewer; see terminal.h.
 *
 * On a terminal, all keys go to the guest but the escape, ^], which detaches.
 * Otherwise stdin is passed on to its end, and stdout gets the guest's bytes as
 * they are.  What vmctl itself has to say goes to stderr.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <proto.h>
#include <viewer.h>

#include "client.h"
#include "terminal.h"
#include "vmctl.h"

#define ESCAPE		0x1d	/* ^] */

static struct termios saved;
static bool is_raw;

static void restore(void)
{
	if (is_raw)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved);
	is_raw = false;
}

static void make_raw(void)
{
	static bool registered;
	struct termios raw;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &saved))
		return;
	if (!registered)
		atexit(restore);
	registered = true;
	raw = saved;
	cfmakeraw(&raw);
	is_raw = !tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
}

/* What goes wrong is said on a terminal that is itself again. */
static void fail(struct view *view, const char *object)
{
	int err = -errno;

	restore();
	report_errno(err, object, NULL);
	view->how = VIEW_FAILED;
}

/* A line of vmctl's own, in the middle of the guest's. */
static void __printf(1, 2) notice(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s[", is_raw ? "\r\n" : "");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "]%s\n", is_raw ? "\r" : "");
}

static bool write_all(int fd, const char *data, size_t size)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (size) {
		n = write(fd, data, size);
		if (n < 0 && errno == EAGAIN)
			poll(&poll_fd, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		else if (n > 0)
			data += n, size -= n;
	}
	return true;
}

/* A worker's object, in UTF-8; or NULL. */
static struct json_object *parse(const char *data)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *json;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
	json = json_tokener_parse_ex(tokener, data, -1);
	json_tokener_free(tokener);
	return json;
}

/* Reads why the domain ended. */
static void take_end(struct view *view, const char *data)
{
	struct json_object *json = parse(data);
	long long status = -1;
	const char *text;

	view->how = VIEW_ENDED;
	view->status = -1;
	if (json && json_object_is_type(json, json_type_object)) {
		if (json_get_text(json, "reason", &text))
			copy_clean(view->reason, sizeof(view->reason), text);
		if (json_get_text(json, "text", &text))
			copy_clean(view->text, sizeof(view->text), text);
		json_get_flag(json, "preserved", &view->preserved);
		if (json_get_number(json, "status", 0, 255, &status))
			view->status = (int)status;
	}
	json_object_put(json);
}

/* Takes a packet of the worker's; false when there will be no more. */
static bool take_packet(int fd, struct view *view)
{
	char packet[VIEWER_PACKET_MAX + 1];
	ssize_t size = recv(fd, packet, VIEWER_PACKET_MAX, 0);

	if (size < 0 && errno == EINTR)
		return true;
	if (size <= 0) {
		view->how = VIEW_LOST;
		return false;
	}
	packet[size] = '\0';
	switch (packet[0]) {
	case VIEWER_DATA:
		if (write_all(STDOUT_FILENO, packet + 1, size - 1))
			return true;
		fail(view, "standard output");
		return false;
	case VIEWER_LOST:
		notice("too slow: %d bytes were lost", atoi(packet + 1));
		return true;
	case VIEWER_WRITER:
		notice(packet[1] == '1' ? "you may write now" :
		       "another viewer writes now");
		return true;
	case VIEWER_END:
		take_end(view, packet + 1);
		return false;
	default:
		return true;
	}
}

/**
 * struct input - what the user wrote
 * @open: there may be more
 * @detach: the user wants to leave, once this is sent
 * @packet: what is to be sent, with its type
 * @size: bytes there, 0 for none
 */
struct input {
	bool open;
	bool detach;
	char packet[VIEWER_PACKET_MAX];
	size_t size;
};

static bool read_input(struct input *input, struct view *view)
{
	ssize_t size = read(STDIN_FILENO, input->packet + 1, sizeof(input->packet) - 1);
	char *escape;

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (size < 0 && errno != EIO) {
		fail(view, "standard input");
		return false;
	}
	if (size <= 0) {
		input->open = false;
		return true;
	}
	escape = is_raw ? memchr(input->packet + 1, ESCAPE, size) : NULL;
	if (escape) {
		size = escape - (input->packet + 1);
		input->detach = true;
	}
	input->packet[0] = VIEWER_DATA;
	input->size = size ? size + 1 : 0;
	return true;
}

/* Sends what the user wrote, as far as the worker takes it. */
static void send_input(int fd, struct input *input)
{
	if (send(fd, input->packet, input->size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
	    errno != EAGAIN)
		input->size = 0;
}

static int watch_signals(sigset_t *signals)
{
	sigemptyset(signals);
	sigaddset(signals, SIGHUP);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGTERM);
	sigprocmask(SIG_BLOCK, signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, signals, SFD_CLOEXEC);
}

/* From here on they end vmctl again; those that have come already have done their work. */
static void unwatch_signals(int fd, const sigset_t *signals)
{
	const struct timespec none = { 0 };

	while (sigtimedwait(signals, NULL, &none) > 0)
		;
	sigprocmask(SIG_UNBLOCK, signals, NULL);
	close(fd);
}

static void take_signal(int fd, struct view *view)
{
	struct signalfd_siginfo info = { 0 };

	if (read(fd, &info, sizeof(info)) < 0)
		return;
	view->how = VIEW_SIGNAL;
	view->signal = (int)info.ssi_signo;
}

static void relay(int fd, int signals, struct view *view)
{
	static struct input input;
	struct pollfd fds[3] = {
		{ .fd = fd }, { .events = POLLIN }, { .fd = signals, .events = POLLIN },
	};

	input = (struct input){ .open = true };
	for (;;) {
		if (input.detach && !input.size) {
			view->how = VIEW_DETACHED;
			return;
		}
		fds[0].events = POLLIN | (input.size ? POLLOUT : 0);
		fds[1].fd = input.open && !input.size ? STDIN_FILENO : -1;
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0)
			continue;
		if (fds[2].revents) {
			take_signal(signals, view);
			return;
		}
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
			if (!take_packet(fd, view))
				return;
		}
		if (fds[0].revents & POLLOUT)
			send_input(fd, &input);
		if (fds[1].revents && !read_input(&input, view))
			return;
	}
}

/**
 * view_console - show a console, and pass on what the user writes
 * @fd: the socket to the worker, which is closed afterwards
 * @writes: the user may write
 * @view: how it ended
 */
void view_console(int fd, bool writes, struct view *view)
{
	char detach = VIEWER_DETACH;
	sigset_t watched;
	int signals = watch_signals(&watched);

	*view = (struct view){ .how = VIEW_LOST, .status = -1 };
	make_raw();
	if (!writes)
		notice("read-only: another viewer writes");
	relay(fd, signals, view);
	restore();
	if (view->how == VIEW_DETACHED)
		send(fd, &detach, 1, MSG_NOSIGNAL);
	unwatch_signals(signals, &watched);
	close(fd);
}
