// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tests with a guest on phv: the ioctls are what they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

#define RUN_SIZE 0x1000

static int phv_open(struct vm *vm)
{
	static unsigned int number;
	struct phv_create_domain create = { .flags = 0 };
	int device;

	snprintf(create.name, sizeof(create.name), "test-%d-%u", getpid(),
		 number++);
	device = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return -errno;
	vm->fd = ioctl(device, PHV_CREATE_DOMAIN, &create);
	close(device);
	if (vm->fd < 0)
		return -errno;
	vm->id = create.id;
	return 0;
}

static long phv_vm_ioctl(struct vm *vm, unsigned long request, unsigned long arg)
{
	long ret = ioctl(vm->fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static long phv_vcpu_ioctl(struct vcpu *vcpu, unsigned long request,
			   unsigned long arg)
{
	long ret = ioctl(vcpu->fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static int phv_vcpu_open(struct vcpu *vcpu)
{
	vcpu->fd = phv_vm_ioctl(vcpu->vm, PHV_CREATE_VCPU, vcpu->id);
	if (vcpu->fd < 0)
		return vcpu->fd;
	vcpu->run = mmap(NULL, RUN_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			 vcpu->fd, 0);
	return vcpu->run == MAP_FAILED ? -errno : 0;
}

static void phv_vcpu_close(struct vcpu *vcpu)
{
	munmap(vcpu->run, RUN_SIZE);
	close(vcpu->fd);
}

static void phv_close(struct vm *vm)
{
	close(vm->fd);
}

const struct backend backend_phv = {
	.name		= "phv",
	.open		= phv_open,
	.vm_ioctl	= phv_vm_ioctl,
	.vcpu_ioctl	= phv_vcpu_ioctl,
	.vcpu_open	= phv_vcpu_open,
	.vcpu_close	= phv_vcpu_close,
	.close		= phv_close,
};
