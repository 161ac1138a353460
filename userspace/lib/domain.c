// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of a domain and of its vCPUs as functions.  Each returns a
 * negative errno on failure; uapi/phv.h says which ones and when, and what the
 * arguments are.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "compiler.h"
#include "libphv.h"

static int call(int fd, unsigned long request, unsigned long arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static int call_with(int fd, unsigned long request, const void *arg)
{
	return call(fd, request, (unsigned long)arg);
}

static __u64 user_addr(const void *pointer)
{
	return (unsigned long)pointer;
}

/**
 * phv_add_memory - PHV_ADD_MEMORY
 * @domain: descriptor of the domain
 * @guest_addr: first guest-physical address
 * @size: bytes
 * @host: the memory
 * @flags: PHV_MEMORY_*
 */
int phv_add_memory(int domain, __u64 guest_addr, __u64 size, const void *host, __u32 flags)
{
	const struct phv_memory memory = {
		.guest_addr = guest_addr, .size = size,
		.user_addr = user_addr(host), .flags = flags,
	};

	return call_with(domain, PHV_ADD_MEMORY, &memory);
}

/**
 * phv_set_ports - PHV_SET_PORTS
 * @domain: descriptor of the domain
 * @first: first port
 * @count: ports
 * @action: PHV_PORTS_*
 * @eventfd: for PHV_PORTS_DOORBELL, else -1
 */
int phv_set_ports(int domain, __u32 first, __u32 count, __u32 action, int eventfd)
{
	const struct phv_ports ports = {
		.first = first, .count = count, .action = action, .eventfd = eventfd,
	};

	return call_with(domain, PHV_SET_PORTS, &ports);
}

/**
 * phv_xen_setup - PHV_XEN_SETUP
 * @domain: descriptor of the domain
 * @frames: PHV_XEN_FRAMES(@grant_frames) pages: shared_info, grant table, its status
 * @grant_frames: their number
 * @flags: PHV_XEN_*
 * @max_pages: most memory that the domain may have
 */
int phv_xen_setup(int domain, void *frames, __u32 grant_frames, __u32 flags,
		  __u64 max_pages)
{
	const struct phv_xen_setup setup = {
		.frames_addr = user_addr(frames), .grant_frames = grant_frames,
		.flags = flags, .max_pages = max_pages,
	};

	return call_with(domain, PHV_XEN_SETUP, &setup);
}

/**
 * phv_xen_get_param - PHV_XEN_GET_PARAM
 * @domain: descriptor of the domain
 * @index: HVM_PARAM_*
 * @value: the answer
 */
int phv_xen_get_param(int domain, __u32 index, __u64 *value)
{
	struct phv_xen_param param = { .index = index };
	int ret = call_with(domain, PHV_XEN_GET_PARAM, &param);

	if (!ret)
		*value = param.value;
	return ret;
}

/**
 * phv_xen_set_param - PHV_XEN_SET_PARAM
 * @domain: descriptor of the domain
 * @index: HVM_PARAM_*
 * @value: new value
 */
int phv_xen_set_param(int domain, __u32 index, __u64 value)
{
	const struct phv_xen_param param = { .index = index, .value = value };

	return call_with(domain, PHV_XEN_SET_PARAM, &param);
}

/**
 * phv_xen_set_memory_map - PHV_XEN_SET_MEMORY_MAP
 * @domain: descriptor of the domain
 * @map: the lines
 * @count: their number
 */
int phv_xen_set_memory_map(int domain, const struct phv_xen_memory_entry *map,
			   __u32 count)
{
	const struct phv_xen_memory_map arg = {
		.count = count, .entries = user_addr(map),
	};

	return call_with(domain, PHV_XEN_SET_MEMORY_MAP, &arg);
}

/**
 * phv_xen_resume - PHV_XEN_RESUME
 * @domain: descriptor of the domain
 * @cancelled: 1 when the suspend was called off, 0 after a restore
 */
int phv_xen_resume(int domain, unsigned int cancelled)
{
	return call(domain, PHV_XEN_RESUME, cancelled);
}

/**
 * phv_evtchn_alloc - PHV_EVTCHN_ALLOC
 * @domain: descriptor of the domain
 * @port: the guest's port
 */
int phv_evtchn_alloc(int domain, __u32 *port)
{
	struct phv_evtchn evtchn = { .kick = -1, .call = -1 };
	int ret = call_with(domain, PHV_EVTCHN_ALLOC, &evtchn);

	if (!ret)
		*port = evtchn.port;
	return ret;
}

/**
 * phv_evtchn_bind - PHV_EVTCHN_BIND
 * @domain: descriptor of the domain
 * @port: the guest's port
 * @kick: eventfd that the guest signals, or -1
 * @call_fd: eventfd that signals the guest, or -1
 */
int phv_evtchn_bind(int domain, __u32 port, int kick, int call_fd)
{
	const struct phv_evtchn evtchn = { .port = port, .kick = kick, .call = call_fd };

	return call_with(domain, PHV_EVTCHN_BIND, &evtchn);
}

/**
 * phv_evtchn_unbind - PHV_EVTCHN_UNBIND
 * @domain: descriptor of the domain
 * @port: the guest's port
 */
int phv_evtchn_unbind(int domain, __u32 port)
{
	return call(domain, PHV_EVTCHN_UNBIND, port);
}

/**
 * phv_evtchn_send - PHV_EVTCHN_SEND
 * @domain: descriptor of the domain
 * @port: the guest's port
 */
int phv_evtchn_send(int domain, __u32 port)
{
	return call(domain, PHV_EVTCHN_SEND, port);
}

/**
 * phv_create_vcpu - PHV_CREATE_VCPU
 * @domain: descriptor of the domain
 * @number: the vCPU's
 *
 * Return: a descriptor (close-on-exec) or a negative errno
 */
int phv_create_vcpu(int domain, unsigned int number)
{
	return call(domain, PHV_CREATE_VCPU, number);
}

/**
 * phv_map_run - map a vCPU's run page
 * @vcpu: descriptor of the vCPU
 * @run: the page; munmap() of sizeof(struct phv_run) gives it back
 *
 * Return: 0 or a negative errno
 */
int phv_map_run(int vcpu, struct phv_run **run)
{
	void *page = mmap(NULL, sizeof(**run), PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	if (page == MAP_FAILED)
		return -errno;
	*run = page;
	return 0;
}

/**
 * phv_run - PHV_RUN
 * @vcpu: descriptor of the vCPU
 */
int phv_run(int vcpu)
{
	return call(vcpu, PHV_RUN, 0);
}

/* The members that a boot protocol speaks of; the rest is as it is at reset. */
static void take_boot_state(struct phv_control *control, const struct phv_control *boot)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(control->segment); i++)
		control->segment[i] = boot->segment[i];
	control->gdt_base = boot->gdt_base;
	control->gdt_limit = boot->gdt_limit;
	control->idt_base = boot->idt_base;
	control->idt_limit = boot->idt_limit;
	control->cr0 = boot->cr0;
	control->cr3 = boot->cr3;
	control->cr4 = boot->cr4;
	control->efer = boot->efer;
	control->dr6 = boot->dr6;
	control->dr7 = boot->dr7;
}

/**
 * phv_set_boot_state - put a vCPU where the boot protocol wants it to start
 * @vcpu: descriptor of vCPU 0, which has not run yet
 * @regs: registers, as boot_build() made them
 * @control: segments and control registers, the same
 *
 * The other vCPUs wait to be started by it, as they are made.
 *
 * Return: 0 or a negative errno
 */
int phv_set_boot_state(int vcpu, const struct phv_regs *regs,
		       const struct phv_control *control)
{
	struct phv_control state;
	int ret;

	ret = call_with(vcpu, PHV_GET_CONTROL, &state);
	if (ret)
		return ret;
	take_boot_state(&state, control);
	ret = call_with(vcpu, PHV_SET_CONTROL, &state);
	if (ret)
		return ret;
	return call_with(vcpu, PHV_SET_REGS, regs);
}
