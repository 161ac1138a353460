// SPDX-License-Identifier: GPL-2.0-only
/*
 * A short run of a fuzzer of user space's (userspace/fuzz), without libFuzzer: all inputs of
 * its corpus, then inputs made from those. Built with the sanitizers of addresses and
 * of undefined behaviour, which end the program when they find something; the input is
 * printed then, as a command that makes a file of it, for `fuzz_NAME FILE`.
 *
 * What is made follows from PHV_FUZZ_SEED. There are ROUNDS of them, or what
 * PHV_FUZZ_SECONDS has time for.
 */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUTS_MAX	64
#define SIZE_MAX_INPUT	8192
#ifndef ROUNDS
#define ROUNDS		4000
#endif

struct input {
	size_t size;
	__u8 data[SIZE_MAX_INPUT];
};

static struct input corpus[INPUTS_MAX], now;
static unsigned int inputs;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void));

/* Without stdio, which may be what is broken. */
static void tell(void)
{
	static const char digits[] = "0123456789abcdef";
	static char text[4 * SIZE_MAX_INPUT + 64];
	size_t at, i;

	at = (size_t)snprintf(text, sizeof(text), "# reproduce: printf '");
	for (i = 0; i < now.size; i++) {
		text[at++] = '\\';
		text[at++] = 'x';
		text[at++] = digits[now.data[i] >> 4];
		text[at++] = digits[now.data[i] & 15];
	}
	memcpy(text + at, "' >FILE\n", 8);
	if (write(STDOUT_FILENO, text, at + 8) < 0)
		return;
}

static void on_abort(int signal_number)
{
	tell();
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

static void test_one(const __u8 *data, size_t size)
{
	__u8 *copy = malloc(size ?: 1);

	/* Of its own size, so that what is behind it is noticed */
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static bool read_input(const char *name, struct input *input)
{
	FILE *file = fopen(name, "re");

	if (!file)
		return false;
	input->size = fread(input->data, 1, sizeof(input->data), file);
	fclose(file);
	return true;
}

/* corpus/NAME beside the program NAME */
static void read_corpus(void)
{
	char path[PATH_MAX], name[2 * PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	struct dirent *entry;
	DIR *dir;

	path[n < 0 ? 0 : n] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return;
	*slash = '\0';
	snprintf(name, sizeof(name), "%s/corpus/%s", path, slash + 1);
	dir = opendir(name);
	while (dir && inputs < INPUTS_MAX && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/corpus/%s/%s", path, slash + 1, entry->d_name);
		inputs += read_input(name, &corpus[inputs]);
	}
	if (dir)
		closedir(dir);
}

/* Another one's tail behind what there is of this one */
static void splice(__u64 *state)
{
	const struct input *other = &corpus[fuzz_below(state, inputs)];
	size_t at = fuzz_below(state, now.size + 1), from = fuzz_below(state, other->size + 1);
	size_t size = other->size - from;

	if (size > SIZE_MAX_INPUT - at)
		size = SIZE_MAX_INPUT - at;
	memcpy(now.data + at, other->data + from, size);
	now.size = at + size;
}

static void change(__u64 *state)
{
	static const __u8 numbers[] = { 0, 1, 2, 7, 8, 31, 32, 127, 128, 254, 255 };
	size_t at = fuzz_below(state, now.size), i;

	/* Rather not in what is empty */
	for (i = 0; i < 8 && !now.data[at]; i++)
		at = fuzz_below(state, now.size);
	switch (fuzz_below(state, 10)) {
	case 0 ... 2:
		now.data[at] ^= 1U << fuzz_below(state, 8);
		break;
	case 3 ... 4:
		now.data[at] = (__u8)fuzz_next(state);
		break;
	case 5 ... 6:
		now.data[at] = numbers[fuzz_below(state, ARRAY_SIZE(numbers))];
		break;
	case 7:
		memmove(now.data + at, now.data + at + 1, now.size - at - 1);
		now.size--;
		break;
	case 8:
		if (now.size == SIZE_MAX_INPUT)
			break;
		memmove(now.data + at + 1, now.data + at, now.size - at);
		now.size++;
		break;
	default:
		splice(state);
	}
}

static void make_input(__u64 seed, __u64 round)
{
	__u64 state = fuzz_part(seed, round);
	unsigned int changes = 1 + fuzz_below(&state, 4);

	now = corpus[fuzz_below(&state, inputs)];
	while (changes-- && now.size)
		change(&state);
}

int main(int argc, char **argv)
{
	__u64 seconds = fuzz_environment("PHV_FUZZ_SECONDS", 0), seed = fuzz_seed();
	__u64 end = fuzz_ms() + seconds * 1000, round;
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(2);
	__sanitizer_set_death_callback(tell);
	signal(SIGABRT, on_abort);
	for (i = 1; i < (unsigned int)argc && inputs < INPUTS_MAX; i++)
		inputs += read_input(argv[i], &corpus[inputs]);
	if (argc == 1)
		read_corpus();
	for (i = 0; i < inputs; i++) {
		now = corpus[i];
		test_one(now.data, now.size);
	}
	ksft_test_result(inputs, "the corpus: %u inputs\n", inputs);
	for (round = 0; inputs && (seconds ? fuzz_ms() < end : round < ROUNDS); round++) {
		make_input(seed, round);
		test_one(now.data, now.size);
	}
	ksft_test_result(round, "%llu inputs made from those, with the seed %llu\n", round, seed);
	ksft_finished();
}
