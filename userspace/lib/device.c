// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of /dev/phv as functions.  Each returns a negative errno on
 * failure; uapi/phv.h says which ones and when.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "libphv.h"

/**
 * phv_open - open the module's device
 *
 * Return: a descriptor (close-on-exec), or -ENOENT, -ENXIO or -ENODEV when the
 * module is not loaded, -EACCES without permission, or another negative errno.
 */
int phv_open(void)
{
	int fd = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * phv_open_hint - what may be the cause when the device can't be opened
 * @err: the negative errno phv_open() gave
 *
 * Return: a question to the user, or NULL when the errno says all
 */
const char *phv_open_hint(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return "are you in group phv?";
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return "is phv.ko loaded?";
	default:
		return NULL;
	}
}

/**
 * phv_get_caps - ask what the processors can do
 * @device: descriptor of phv_open()
 * @caps: the answer
 *
 * Return: 0 or a negative errno
 */
int phv_get_caps(int device, struct phv_caps *caps)
{
	return ioctl(device, PHV_GET_CAPS, caps) ? -errno : 0;
}

/**
 * phv_create_domain - make an empty domain
 * @device: descriptor of phv_open()
 * @name: its name, see PHV_NAME_MAX
 * @id: its number is put here, unless NULL
 *
 * Return: the domain's descriptor (close-on-exec) or a negative errno;
 * -EINVAL too when the name is too long for the interface
 */
int phv_create_domain(int device, const char *name, __u32 *id)
{
	struct phv_create_domain args = { 0 };
	size_t length = strlen(name);
	int fd;

	if (length >= sizeof(args.name))
		return -EINVAL;
	memcpy(args.name, name, length);

	fd = ioctl(device, PHV_CREATE_DOMAIN, &args);
	if (fd < 0)
		return -errno;
	if (id)
		*id = args.id;
	return fd;
}
