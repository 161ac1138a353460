/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The viewer: between this terminal, or whatever stdin and stdout are, and a
 * domain's console.  Used by the verbs console and run.
 */
#ifndef _TERMINAL_H
#define _TERMINAL_H

#include <stdbool.h>

/* How a look at a console ended. */
enum view_end {
	VIEW_DETACHED,	/* the user left */
	VIEW_ENDED,	/* the domain ended */
	VIEW_LOST,	/* the connection did */
	VIEW_SIGNAL,	/* a signal asked for it */
	VIEW_FAILED,	/* stdin or stdout failed; it was reported */
};

/**
 * struct view - what is known at the end
 * @how: how it ended
 * @reason: VIEW_ENDED: a word: why the domain ended
 * @text: VIEW_ENDED: the same in words
 * @preserved: VIEW_ENDED: the domain is still there
 * @status: VIEW_ENDED: the exit status that the guest set, or -1
 * @signal: VIEW_SIGNAL: the signal
 */
struct view {
	enum view_end how;
	char reason[16];
	char text[160];
	bool preserved;
	int status;
	int signal;
};

void view_console(int fd, bool writes, struct view *view);

#endif /* _TERMINAL_H */
