// SPDX-License-Identifier: GPL-2.0-only
/*
 * phvd - the backend daemon: options, and which of its two programs to be.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "phvd.h"

static int show_usage(FILE *stream)
{
	fprintf(stream, "usage: phvd [--directory DIR]\n"
		"       phvd --help | --version\n");
	return stream == stdout ? 0 : 2;
}

static int run_worker(int argc, char **argv)
{
	return argc == 4 ? worker_main(argv[2], (unsigned int)atoi(argv[3])) :
	       show_usage(stderr);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "directory", required_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	const char *directory = "/run/phv";
	int option;

	if (argc > 1 && !strcmp(argv[1], "--worker"))
		return run_worker(argc, argv);

	while ((option = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			directory = optarg;
			break;
		case 'h':
			return show_usage(stdout);
		case 'V':
			printf("phvd %s\n", PHV_VERSION);
			return 0;
		default:
			return show_usage(stderr);
		}
	}
	if (optind != argc || strlen(directory) > 64)
		return show_usage(stderr);
	if (geteuid()) {
		log_line("it is to be run by root");
		return 1;
	}
	return server_main(directory);
}
