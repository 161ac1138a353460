/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * console - a domain's console: the guest's ring, the scrollback, and viewers.
 *
 * All output of the guest, by the ring and otherwise, is one stream of bytes, the
 * last CONSOLE_SCROLLBACK of which are kept.  A new viewer gets these, then what
 * comes.  One viewer writes.  The guest's output waits for the one who writes, so
 * that nothing is lost, but not if that one takes nothing for CONSOLE_PATIENCE;
 * the guest waits for no other viewer.
 *
 * All functions are the main thread's, but for console_put(), which is for any.
 */
#ifndef _CONSOLE_H
#define _CONSOLE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

#include <linux/types.h>

#include <viewer.h>

#define CONSOLE_SCROLLBACK	65536
#define CONSOLE_PATIENCE	10000000	/* us */

struct xencons_interface;
struct viewer;

/* Flags of console_add_viewer() */
#define CONSOLE_READ_ONLY	1	/* it never writes */
#define CONSOLE_FORCE		2	/* it writes, even if another does */
#define CONSOLE_BOUND		4	/* the domain ends when it goes without a word */

/**
 * struct console - a console
 * @event: the event loop
 * @viewers: who looks at it, the longest first
 * @writer: the one who writes, or NULL
 * @bound_gone: called when a bound viewer is gone without a word
 * @ended: called once all viewers have all, after console_end()
 * @end: why the domain ended: a JSON text, or NULL
 * @ring: the guest's ring, or NULL
 * @kick: eventfd by which the guest says that it has done something to the ring
 * @call: eventfd by which we do
 * @kick_source: @kick in the event loop
 * @wake: eventfd by which console_put() says that there is something new
 * @patience: the event loop's source for the end of the writer's time, or NULL
 * @draining: the guest has ended: the room that is kept for that may be used
 * @stalled_at: the writer's place when it began
 * @lock: protects what is marked (l)
 * @room: (l) there may be room again
 * @buffer: (l) the scrollback; the byte at place n of the stream is at
 *	n % CONSOLE_SCROLLBACK
 * @head: (l) number of bytes in the stream
 * @floor: (l) bytes from this place on can't be overwritten
 */
struct console {
	sd_event *event;
	struct viewer *viewers;
	struct viewer *writer;
	void (*bound_gone)(struct console *console);
	void (*ended)(struct console *console);
	char *end;
	struct xencons_interface *ring;
	int kick;
	int call;
	sd_event_source *kick_source;
	int wake;
	sd_event_source *patience;
	bool draining;
	__u64 stalled_at;

	pthread_mutex_t lock;
	pthread_cond_t room;
	char *buffer;
	__u64 head;
	__u64 floor;
};

int console_init(struct console *console, sd_event *event);
int console_connect(struct console *console, void *ring, int kick, int call);
void console_disconnect(struct console *console);
size_t console_put(struct console *console, const void *data, size_t size,
		   bool wait);
int console_add_viewer(struct console *console, int fd, unsigned int flags,
		       bool *writes);
void console_end(struct console *console, const char *end);

#endif /* _CONSOLE_H */
