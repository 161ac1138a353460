/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nbd - disks that are not plain files: images of a format of their own, and those that
 * somebody serves by the NBD protocol.
 *
 * What lives here: programs that know these are started with the rights of the user, and
 * make a file of them (nbdfuse, qemu-nbd), which is opened. They end when the last
 * descriptor of the file is closed: that is phvd's, with the domain.
 */
#ifndef _NBD_H
#define _NBD_H

#include <stdbool.h>

bool nbd_is_uri(const char *text);

/**
 * nbd_open - open an image, or what a URI names
 * @what: the image's file, or the URI
 * @format: the image's format, NULL for a URI
 * @read_only: it will not be written
 * @fd: its descriptor is put here
 *
 * Return: an enum exit_status
 */
int nbd_open(const char *what, const char *format, bool read_only, int *fd);

#endif /* _NBD_H */
