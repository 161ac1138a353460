/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: numbers that follow from a seed, and what the environment asks for.
 *
 * PHV_FUZZ_SEED is the seed; PHV_FUZZ_SECONDS how long to look for something. Without them a
 * fuzzer does the same few things in each run.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/types.h>

#include "phvtest.h"

/* The next number of a sequence (splitmix64): any seed is as good as any other. */
static inline __u64 fuzz_next(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* A number below @limit, which is not 0. */
static inline __u64 fuzz_below(__u64 *state, __u64 limit)
{
	return fuzz_next(state) % limit;
}

static inline bool fuzz_one_in(__u64 *state, __u64 n)
{
	return !fuzz_below(state, n);
}

/* A sequence of its own for part @part of what follows from @seed. */
static inline __u64 fuzz_part(__u64 seed, __u64 part)
{
	__u64 state = seed ^ part * 0xd1342543de82ef95;

	return fuzz_next(&state);
}

static inline __u64 fuzz_environment(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static inline __u64 fuzz_seed(void)
{
	return fuzz_environment("PHV_FUZZ_SEED", 1);
}

/* Milliseconds since some time. */
static inline __u64 fuzz_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

/**
 * fuzz_log_complaint - has the kernel complained?
 * @kmsg: of kmsg_open()
 * @text: what it says is put here
 * @size: its size
 *
 * Return: true if so, in what was logged since the last call.
 */
static inline bool fuzz_log_complaint(int kmsg, char *text, size_t size)
{
	static const char * const complaints[] = {
		"WARNING: ", "BUG: ", "INFO: ", "UBSAN: ", "KASAN: ", "KCSAN: ", "phv: ",
		"general protection", "Call Trace", "kmemleak: ", "DEBUG_LOCKS",
	};
	static char log[65536];
	unsigned int i;
	char *line;

	if (kmsg < 0)
		return false;
	kmsg_read(kmsg, "", log, sizeof(log));
	for (line = strtok(log, "\n"); line; line = strtok(NULL, "\n"))
		for (i = 0; i < ARRAY_SIZE(complaints); i++)
			if (strstr(line, complaints[i])) {
				snprintf(text, size, "%s", line);
				return true;
			}
	return false;
}

#endif /* FUZZ_H */
