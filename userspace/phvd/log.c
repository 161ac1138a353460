// SPDX-License-Identifier: GPL-2.0-only
/*
 * What phvd has to say: lines on the standard error output, from where systemd
 * takes them into the journal.  Callable from any thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "phvd.h"

static char prefix[64] = "phvd: ";

/**
 * log_name - put a domain's name before each line from now on
 * @domain: the name
 */
void log_name(const char *domain)
{
	snprintf(prefix, sizeof(prefix), "phvd: %s: ", domain);
}

/**
 * log_line - write a line
 * @format: as for printf(), without newline
 *
 * It is one write(2), and control characters in it are replaced: what a guest
 * has a say in can't forge a line.
 */
void log_line(const char *format, ...)
{
	char line[512];
	size_t length = strlen(prefix), i;
	va_list args;
	int n;

	memcpy(line, prefix, length);
	va_start(args, format);
	n = vsnprintf(line + length, sizeof(line) - length - 1, format, args);
	va_end(args);
	if (n < 0)
		return;
	length += (size_t)n < sizeof(line) - length - 1 ? (size_t)n :
		  sizeof(line) - length - 2;
	for (i = 0; i < length; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return;	/* there is nobody else to tell */
}
