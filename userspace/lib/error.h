/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What went wrong, in words: for functions of libphv the errno of which would
 * not tell a user what to do.  They put the cause here and return the negative
 * errno; the caller says which domain it was about.
 */
#ifndef _ERROR_H
#define _ERROR_H

#include "compiler.h"

struct phv_error {
	char text[240];
};

/* error.c; evaluates to @err, so that a function can return it */
int phv_fail(struct phv_error *error, int err, const char *format, ...) __printf(3, 4);

#endif /* _ERROR_H */
