/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * load - what programs that measure by themselves share: ioload.c and netload.c.
 *
 * They say "begin NAME", give the host time to look at its counters, do what is measured,
 * and say "row NAME OPERATIONS TIME INTERRUPTS": see bench/stock.c, which reads that.
 */
#ifndef _LOAD_H
#define _LOAD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK		150000	/* us, for the host to look */

/* The TSC's time, which is a number of instructions in the emulated test host. */
static inline uint64_t rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* How often interrupts came whose line in /proc/interrupts has the word, on all CPUs. */
static inline uint64_t interrupts(const char *word)
{
	FILE *file = fopen("/proc/interrupts", "re");
	uint64_t sum = 0;
	char line[4096];

	while (file && fgets(line, sizeof(line), file)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(at, word))
			continue;
		for (at++; ; at = end) {
			unsigned long long number = strtoull(at, &end, 10);

			if (end == at || (*end != ' ' && *end != '\n'))
				break;
			sum += number;
		}
	}
	if (file)
		fclose(file);
	return sum;
}

static inline void say_begin(const char *name)
{
	printf("begin %s\n", name);
	fflush(stdout);
	usleep(LOOK);
}

static inline void say_row(const char *name, uint64_t count, uint64_t time, uint64_t interrupts)
{
	printf("row %s %llu %llu %llu\n", name, (unsigned long long)count,
	       (unsigned long long)time, (unsigned long long)interrupts);
	fflush(stdout);
	usleep(LOOK);
}

#endif /* _LOAD_H */
