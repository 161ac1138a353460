// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wording errors, see error.h.
 */
#include <stdarg.h>
#include <stdio.h>

#include "error.h"

/**
 * phv_fail - say what went wrong
 * @error: where the words go
 * @err: negative errno
 * @format: as for printf(), without newline; "%m" is not understood
 *
 * Return: @err
 */
int phv_fail(struct phv_error *error, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return err;
}
