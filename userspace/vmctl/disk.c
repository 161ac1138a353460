// SPDX-License-Identifier: GPL-2.0-only
/*
 * Disks: the value of --disk, and vmctl disk-attach, disk-detach and disk-resize.
 *
 * The words of a disk are in the order of its parts: what is about a file stands behind
 * it, and extent= begins another one.
 */
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <config.h>

#include "attach.h"
#include "client.h"
#include "nbd.h"
#include "vmctl.h"

#define DETACH_TIMEOUT	10	/* s */
#define TEXT_MAX	4096

/**
 * struct parser - a disk, as far as it was read
 * @attachment: what is made of it
 * @disk: its description for phvd
 * @extents: those that are complete
 * @file: the file of the extent that is being read
 * @extent: that extent
 * @read_only: it may not be written
 * @format: the file's format, or NULL for raw
 * @cache: 'd' without the host's cache, 'c' with it, 0 as it is best
 */
struct parser {
	struct attachment *attachment;
	struct json_object *disk;
	struct json_object *extents;
	const char *file;
	struct json_object *extent;
	bool read_only;
	const char *format;
	char cache;
};

static int bad(const char *word, const char *hint)
{
	report("--disk: %s: %s", word, hint);
	return EXIT_USAGE;
}

static void add_size(struct json_object *json, const char *key, unsigned long long bytes)
{
	json_object_object_add(json, key, json_object_new_int64((int64_t)bytes));
}

static void begin_extent(struct parser *parser, const char *file)
{
	parser->file = file;
	parser->extent = json_object_new_object();
	parser->read_only = false;
	parser->format = NULL;
	parser->cache = 0;
}

/* A block device is used without the host's cache, in sectors of its own size. */
static void set_cache(struct parser *parser, int fd)
{
	struct stat status;
	int sector, physical;
	unsigned int bytes;

	if (fstat(fd, &status))
		return;
	if (S_ISBLK(status.st_mode) && !ioctl(fd, BLKSSZGET, &sector) &&
	    !ioctl(fd, BLKPBSZGET, &bytes)) {
		physical = bytes > 4096 ? 4096 : (int)bytes;
		if (!json_object_object_get_ex(parser->disk, "sector-size", NULL))
			add_size(parser->disk, "sector-size", sector);
		if (!json_object_object_get_ex(parser->disk, "physical-sector-size", NULL))
			add_size(parser->disk, "physical-sector-size", physical);
		if (!parser->cache)
			parser->cache = 'd';
	}
	if (parser->cache == 'd')
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT);
}

/* The file's descriptor is the last one of the attachment's. */
static int open_extent(struct parser *parser)
{
	struct attachment *attachment = parser->attachment;
	int status, fd;

	if (!parser->format && !nbd_is_uri(parser->file))
		return attach_file(attachment, "disk", parser->file,
				   parser->read_only ? O_RDONLY : O_RDWR);
	if (attachment->nr_fds == PROTO_FDS_MAX)
		return bad(parser->file, "too many files");
	status = nbd_open(parser->file, parser->format, parser->read_only, &fd);
	if (!status)
		attachment->fds[attachment->nr_fds++] = fd;
	return status;
}

static int end_extent(struct parser *parser)
{
	struct attachment *attachment = parser->attachment;
	int status = open_extent(parser);

	if (status) {
		json_object_put(parser->extent);
		return status;
	}
	set_cache(parser, attachment->fds[attachment->nr_fds - 1]);
	json_object_object_add(parser->extent, "fd",
			       json_object_new_int((int)attachment->nr_fds - 1));
	json_object_object_add(parser->extent, "read-only",
			       json_object_new_boolean(parser->read_only));
	json_object_array_add(parser->extents, parser->extent);
	return EXIT_OK;
}

/* A word with a value. */
static int take_value(struct parser *parser, const char *word, const char *value)
{
	static const char * const sizes[] = {
		"offset", "size", "sector-size", "physical-sector-size",
	};
	unsigned long long bytes;
	size_t i;
	int status;

	if (!strcmp(word, "name")) {
		json_object_object_add(parser->disk, word, json_object_new_string(value));
		return EXIT_OK;
	}
	if (!strcmp(word, "format")) {
		parser->format = strcmp(value, "raw") ? value : NULL;
		return parser->format && strcmp(value, "qcow2") ?
		       bad(value, "raw or qcow2") : EXIT_OK;
	}
	if (!strcmp(word, "extent")) {
		status = end_extent(parser);
		begin_extent(parser, value);
		return status;
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (strcmp(word, sizes[i]))
			continue;
		if (config_parse_size(value, &bytes) || bytes > INT64_MAX)
			return bad(value, "not a size (512, 4K, 2G)");
		add_size(i < 2 ? parser->extent : parser->disk, word, bytes);
		return EXIT_OK;
	}
	return bad(word, "unknown");
}

static int take_word(struct parser *parser, char *word)
{
	char *value = strchr(word, '=');

	if (value) {
		*value = '\0';
		return take_value(parser, word, value + 1);
	}
	if (!strcmp(word, "ro"))
		parser->read_only = true;
	else if (!strcmp(word, "direct") || !strcmp(word, "cached"))
		parser->cache = *word;
	else
		return bad(word, "unknown");
	return EXIT_OK;
}

/**
 * disk_parse - read the value of --disk, and open its files
 * @attachment: filled
 * @text: FILE[,name=xvdX][,ro][,offset=N][,size=N][,direct|cached]
 *	[,format=raw|qcow2][,extent=FILE…][,sector-size=N][,physical-sector-size=N];
 *	a FILE may be the URI of an NBD export
 *
 * Return: an enum exit_status
 */
int disk_parse(struct attachment *attachment, const char *text)
{
	struct parser parser = { .attachment = attachment };
	char copy[TEXT_MAX], *word, *next = copy;
	int status = EXIT_OK;

	if (strlen(text) >= sizeof(copy) || !*text || *text == ',')
		return bad(text, "which file?");
	memcpy(copy, text, strlen(text) + 1);
	attachment->nr_fds = 0;
	attachment->request = client_verb("disk-attach", NULL);
	parser.disk = json_object_new_object();
	parser.extents = json_object_new_array();
	json_object_object_add(parser.disk, "extents", parser.extents);
	json_object_object_add(attachment->request, "disk", parser.disk);
	begin_extent(&parser, strsep(&next, ","));
	while (!status && (word = strsep(&next, ",")))
		status = take_word(&parser, word);
	return status ?: end_extent(&parser);
}

/**
 * verb_disk_attach - vmctl disk-attach DOMAIN FILE[,WORD...]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_disk_attach(int argc, char **argv)
{
	struct attachment attachment;
	struct proto phvd;
	int status;

	if (argc != 3)
		return usage_error();
	status = disk_parse(&attachment, argv[2]);
	if (status)
		return status;
	status = client_open(&phvd);
	if (!status)
		status = attach_send(&phvd, argv[1], &attachment);
	proto_close(&phvd);
	return status;
}

/* Is there still a disk of that name? */
static int look(struct proto *phvd, const char *domain, const char *name, bool *there)
{
	struct json_object *disks, *disk;
	struct proto_message reply;
	const char *text;
	int status;
	size_t i;

	*there = false;
	status = client_call(phvd, client_verb("info", domain), NULL, 0, &reply);
	if (status)
		return status;
	if (json_object_object_get_ex(reply.json, "disks", &disks) &&
	    json_object_is_type(disks, json_type_array)) {
		for (i = 0; i < json_object_array_length(disks); i++) {
			disk = json_object_array_get_idx(disks, i);
			*there |= json_object_is_type(disk, json_type_object) &&
				  json_get_text(disk, "name", &text) && !strcmp(text, name);
		}
	}
	proto_message_free(&reply);
	return EXIT_OK;
}

static int ask_and_wait(struct proto *phvd, const char *domain, const char *name, bool force,
			long timeout)
{
	struct json_object *json = client_verb("disk-detach", domain);
	struct proto_message reply;
	bool there = true;
	long waited;
	int status;

	json_object_object_add(json, "name", json_object_new_string(name));
	json_object_object_add(json, "force", json_object_new_boolean(force));
	status = client_call(phvd, json, NULL, 0, &reply);
	if (status)
		return status;
	proto_message_free(&reply);
	for (waited = 0; !status && there && waited <= timeout * 10; waited++) {
		if (waited)
			usleep(100000);
		status = look(phvd, domain, name, &there);
	}
	if (status || !there)
		return status;
	report("%s: %s: the guest does not let go of it (--force takes it away)", domain,
	       name);
	return EXIT_TIMED_OUT;
}

/**
 * verb_disk_detach - vmctl disk-detach [--force] [--timeout S] DOMAIN NAME
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_disk_detach(int argc, char **argv)
{
	static const struct option options[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "timeout", required_argument, NULL, 't' },
		{ NULL, 0, NULL, 0 }
	};
	long timeout = DETACH_TIMEOUT;
	bool force = false;
	struct proto phvd;
	int option, status;
	char *end;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'f') {
			force = true;
			continue;
		}
		if (option != 't')
			return usage_error();
		timeout = strtol(optarg, &end, 10);
		if (*optarg < '0' || *optarg > '9' || *end || timeout > 1000000)
			return usage_error();
	}
	if (optind + 2 != argc)
		return usage_error();
	status = client_open(&phvd);
	if (!status)
		status = ask_and_wait(&phvd, argv[optind], argv[optind + 1], force, timeout);
	proto_close(&phvd);
	return status;
}

/**
 * verb_disk_resize - vmctl disk-resize DOMAIN NAME [SIZE]
 * @argc: number of words
 * @argv: the words, the verb first
 *
 * Return: an enum exit_status
 */
int verb_disk_resize(int argc, char **argv)
{
	struct proto_message reply;
	unsigned long long bytes;
	struct json_object *json;
	struct proto phvd;
	int status;

	if (argc != 3 && argc != 4)
		return usage_error();
	if (argc == 4 && (config_parse_size(argv[3], &bytes) || bytes > INT64_MAX))
		return bad(argv[3], "not a size (512M, 2G)");
	status = client_open(&phvd);
	if (!status) {
		json = client_verb("disk-resize", argv[1]);
		json_object_object_add(json, "name", json_object_new_string(argv[2]));
		if (argc == 4)
			add_size(json, "size", bytes);
		status = client_call(&phvd, json, NULL, 0, &reply);
		if (!status)
			proto_message_free(&reply);
	}
	proto_close(&phvd);
	return status;
}
