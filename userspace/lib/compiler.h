/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's words for what C and the compiler can do.
 */
#ifndef _COMPILER_H
#define _COMPILER_H

#include <assert.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#ifndef BIT
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#endif

#ifndef __packed
#define __packed __attribute__((packed))
#endif

#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif

#endif /* _COMPILER_H */
