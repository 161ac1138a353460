/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TAP output for tests, with the names and exit statuses of the kernel's own
 * tools/testing/selftests/kselftest.h: in a kernel tree, that one can take the
 * place of this file.
 *
 * A program calls ksft_print_header() and ksft_set_plan(), one of the
 * ksft_test_result functions for each test of the plan, and ksft_finished().
 */
#ifndef __KSELFTEST_H
#define __KSELFTEST_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#endif

#ifndef __printf
#define __printf(a, b) __attribute__((format(printf, a, b)))
#endif

#ifndef __noreturn
#define __noreturn __attribute__((noreturn))
#endif

#define KSFT_PASS	0
#define KSFT_FAIL	1
#define KSFT_SKIP	4

/* What has come out so far; one program, one count. */
struct ksft_count {
	unsigned int plan;
	unsigned int passed;
	unsigned int failed;
	unsigned int skipped;
};

static struct ksft_count ksft_count;

static inline unsigned int ksft_test_num(void)
{
	return ksft_count.passed + ksft_count.failed + ksft_count.skipped;
}

static inline void ksft_print_header(void)
{
	/* A line is out before whatever it announces can hang the machine. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n");
}

/**
 * ksft_set_plan - say how many tests there will be
 * @plan: their number; a program that gives another number of results fails
 */
static inline void ksft_set_plan(unsigned int plan)
{
	ksft_count.plan = plan;
	printf("1..%u\n", plan);
}

static inline void ksft_print_cnts(void)
{
	printf("# Totals: pass:%u fail:%u skip:%u\n", ksft_count.passed,
	       ksft_count.failed, ksft_count.skipped);
}

static inline __printf(1, 2) void ksft_print_msg(const char *format, ...)
{
	va_list args;

	printf("# ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

/* For the functions below: errno outlives them, for "%m" in the next. */
static inline void ksft_result_line(const char *verdict, const char *directive,
				    const char *format, va_list args)
{
	int saved = errno;

	printf("%s %u %s", verdict, ksft_test_num(), directive);
	errno = saved;
	vprintf(format, args);
	errno = saved;
}

/**
 * ksft_test_result_pass - a test passed
 * @format: its name, with a newline, as in the functions that follow
 */
static inline __printf(1, 2) void ksft_test_result_pass(const char *format, ...)
{
	va_list args;

	ksft_count.passed++;
	va_start(args, format);
	ksft_result_line("ok", "", format, args);
	va_end(args);
}

static inline __printf(1, 2) void ksft_test_result_fail(const char *format, ...)
{
	va_list args;

	ksft_count.failed++;
	va_start(args, format);
	ksft_result_line("not ok", "", format, args);
	va_end(args);
}

static inline __printf(1, 2) void ksft_test_result_skip(const char *format, ...)
{
	va_list args;

	ksft_count.skipped++;
	va_start(args, format);
	ksft_result_line("ok", "# SKIP ", format, args);
	va_end(args);
}

/**
 * ksft_test_result - a test passed or failed
 * @condition: true if it passed
 * @fmt: its name, with a newline
 */
#define ksft_test_result(condition, fmt, ...) do {		\
	if (condition)						\
		ksft_test_result_pass(fmt, ##__VA_ARGS__);	\
	else							\
		ksft_test_result_fail(fmt, ##__VA_ARGS__);	\
} while (0)

static inline __noreturn void ksft_exit_pass(void)
{
	ksft_print_cnts();
	exit(KSFT_PASS);
}

static inline __noreturn void ksft_exit_fail(void)
{
	ksft_print_cnts();
	exit(KSFT_FAIL);
}

/**
 * ksft_exit_fail_msg - give up: the test can't go on
 * @format: why, with a newline
 */
static inline __noreturn __printf(1, 2)
void ksft_exit_fail_msg(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	ksft_exit_fail();
}

/**
 * ksft_exit_skip - this machine can't run the program's tests, or the rest
 * @format: why, with a newline
 *
 * Before the plan is set, all of the program is skipped; after it, the results
 * that are still due.
 */
static inline __noreturn __printf(1, 2)
void ksft_exit_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (ksft_count.plan) {
		ksft_count.skipped++;
		ksft_result_line("ok", "# SKIP ", format, args);
		va_end(args);
		ksft_print_cnts();
	} else {
		printf("1..0 # SKIP ");
		vprintf(format, args);
		va_end(args);
	}
	exit(ksft_count.failed ? KSFT_FAIL : KSFT_SKIP);
}

/**
 * ksft_finished - exit: passed if all of the plan passed or was skipped
 */
static inline __noreturn void ksft_finished(void)
{
	if (ksft_count.failed || ksft_test_num() != ksft_count.plan)
		ksft_exit_fail();
	if (!ksft_count.passed && ksft_count.skipped) {
		ksft_print_cnts();
		exit(KSFT_SKIP);
	}
	ksft_exit_pass();
}

#endif /* __KSELFTEST_H */
