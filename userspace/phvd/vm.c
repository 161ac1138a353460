// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domain itself; see vm.h.
 *
 * A vCPU's thread is in PHV_RUN, or waits in park(), or looks at why PHV_RUN came
 * back.  What it finds there was chosen by the guest.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>

#include <libphv.h>
#include <vmcs.h>

#include "entry.h"
#include "phvd.h"
#include "vm.h"

/* Where guests write messages before they have a console, a byte at a time */
#define DEBUG_PORT		0xe9

#define STACK_SIZE		(128 << 10)

/* Pages without memory that a guest may read */
#define NOTHINGS_MAX		64

/* The run page of the thread's vCPU, for the signal handler. */
static __thread struct phv_run *own_run;

static void on_kick(int signal)
{
	(void)signal;
	if (own_run)
		own_run->immediate_exit = 1;
}

static void signal_fd(int fd)
{
	__u64 one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return;		/* it is signalled */
}

/* How many vCPUs have a thread; with the lock, or before there are any. */
static unsigned int threads(const struct vm *vm)
{
	unsigned int i, count = 0;

	for (i = 0; i < vm->vcpus; i++)
		count += vm->vcpu[i].started;
	return count;
}

/* Makes the threads of all vCPUs look at what is wanted; with the lock. */
static void kick(struct vm *vm)
{
	unsigned int i;

	for (i = 0; i < vm->vcpus; i++)
		if (vm->vcpu[i].started)
			pthread_kill(vm->vcpu[i].thread, SIGUSR1);
}

/* Notes why the guest does not go on; the first reason counts. */
static void __printf(3, 4) end(struct vm *vm, enum vm_end why, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&vm->lock);
	if (!vm->end) {
		vm->end = why;
		va_start(args, format);
		vsnprintf(vm->why, sizeof(vm->why), format, args);
		va_end(args);
	}
	vm->go = false;
	kick(vm);
	pthread_mutex_unlock(&vm->lock);
	signal_fd(vm->notice);
}

/* Waits until the vCPU is to run; false when its thread is to end. */
static bool park(struct vm_vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	bool quit;

	pthread_mutex_lock(&vm->lock);
	/* Before the look at what is wanted: a signal from now on stays seen. */
	vcpu->run->immediate_exit = 0;
	if (!vm->go && !vm->quit) {
		vm->parked++;
		pthread_cond_broadcast(&vm->changed);
		while (!vm->go && !vm->quit)
			pthread_cond_wait(&vm->changed, &vm->lock);
		vm->parked--;
		vcpu->run->immediate_exit = 0;
	}
	quit = vm->quit;
	pthread_mutex_unlock(&vm->lock);
	return !quit;
}

/* Puts what the guest writes on the console; false when the thread is to park. */
static bool put_output(struct vm_vcpu *vcpu)
{
	const struct phv_run *run = vcpu->run;
	__u32 length = run->console.length;

	if (length > sizeof(run->console.data))
		length = sizeof(run->console.data);
	while (vcpu->output < length) {
		vcpu->output += console_put(vcpu->vm->console,
					    run->console.data + vcpu->output,
					    length - vcpu->output, true);
		if (vcpu->output < length && run->immediate_exit)
			return false;
	}
	vcpu->output = 0;
	return true;
}

static void handle_io(struct vm_vcpu *vcpu)
{
	struct phv_run *run = vcpu->run;
	char byte = (char)run->io.data;

	if (!run->io.write) {
		run->io.data = ~0U;
	} else if (run->io.port == DEBUG_PORT) {
		while (!console_put(vcpu->vm->console, &byte, 1, true) &&
		       !run->immediate_exit)
			;
	} else if (run->io.port == ACPI_SLEEP_PORT &&
		   (run->io.data & 0xff) == ACPI_SLEEP_S5) {
		end(vcpu->vm, VM_POWEROFF, "powered off");
	}
}

/* The guest gives memory back: what was there goes to the host. */
static void handle_release(struct vm_vcpu *vcpu)
{
	const struct phv_run *run = vcpu->run;
	__u32 i, count = run->release.count;

	if (count > ARRAY_SIZE(run->release.extent))
		count = ARRAY_SIZE(run->release.extent);
	for (i = 0; i < count; i++) {
		__u64 gfn = run->release.extent[i].gfn;
		__u64 pages = run->release.extent[i].pages;

		if (gfn < 1ULL << 40 && pages < 1ULL << 40)
			guest_memory_discard(&vcpu->vm->memory, gfn * GUEST_PAGE_SIZE,
					     pages * GUEST_PAGE_SIZE);
	}
}

static void handle_shutdown(struct vm_vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	__u32 reason = vcpu->run->shutdown.reason;

	switch (reason) {
	case SHUTDOWN_poweroff:
		end(vm, VM_POWEROFF, "powered off");
		break;
	case SHUTDOWN_reboot:
		end(vm, VM_REBOOT, "asks for a reboot");
		break;
	case SHUTDOWN_suspend:
		/* There is nowhere to go from here: it was called off. */
		phv_xen_resume(vm->fd, 1);
		break;
	case SHUTDOWN_crash:
		end(vm, VM_CRASH, "the guest says that it has crashed");
		break;
	case SHUTDOWN_watchdog:
		end(vm, VM_CRASH, "its watchdog has run out");
		break;
	case SHUTDOWN_soft_reset:
		end(vm, VM_CRASH, "it asks for a soft reset, which there is not");
		break;
	default:
		end(vm, VM_CRASH, "it shut down for reason %u", reason);
	}
}

static void handle_entry_failed(struct vm_vcpu *vcpu)
{
	char text[VMCS_TEXT_MAX + 16];

	entry_failure(vcpu, text, sizeof(text));
	end(vcpu->vm, VM_CRASH, "vCPU %u: the processor refuses its state: %s",
	    vcpu->number, text);
}

/*
 * Where there is nothing, guests of Xen read ones, and some go there.  So there is a
 * page of ones from then on, which can't be written: what a write does nobody can say
 * without taking the instruction apart, so it ends the domain, as does all too much
 * of this. For memory that the guest itself has given back the module has such a page.
 */
static bool read_nothing(struct vm *vm, __u64 addr, __u32 access)
{
	int err = -ENOSPC;

	addr &= -GUEST_PAGE_SIZE;
	if (access != PHV_ACCESS_READ || guest_memory_at(&vm->memory, addr, GUEST_PAGE_SIZE))
		return false;
	pthread_mutex_lock(&vm->lock);
	if (vm->nothings < NOTHINGS_MAX)
		err = phv_add_memory(vm->fd, addr, GUEST_PAGE_SIZE, vm->nothing,
				     PHV_MEMORY_READONLY);
	vm->nothings += !err;
	pthread_mutex_unlock(&vm->lock);
	return !err || err == -EEXIST;	/* another vCPU was quicker */
}

static void handle_memory(struct vm_vcpu *vcpu)
{
	__u64 addr = vcpu->run->memory.guest_addr;
	__u32 access = vcpu->run->memory.access;

	if (!read_nothing(vcpu->vm, addr, access))
		end(vcpu->vm, VM_CRASH, "vCPU %u: there is no memory at %#llx (access %#x)",
		    vcpu->number, (unsigned long long)addr, access);
}

/* Looks at why PHV_RUN came back with 0. */
static void handle_exit(struct vm_vcpu *vcpu)
{
	const struct phv_run *run = vcpu->run;
	struct vm *vm = vcpu->vm;

	switch (run->exit_reason) {
	case PHV_EXIT_IO:
		handle_io(vcpu);
		break;
	case PHV_EXIT_XEN_CONSOLE:
		put_output(vcpu);
		break;
	case PHV_EXIT_XEN_RELEASE:
		handle_release(vcpu);
		break;
	case PHV_EXIT_XEN_SHUTDOWN:
		handle_shutdown(vcpu);
		break;
	case PHV_EXIT_HALTED:
		end(vm, VM_HALT, "halted");
		break;
	case PHV_EXIT_SHUTDOWN:
		end(vm, VM_CRASH, "triple fault on vCPU %u", vcpu->number);
		break;
	case PHV_EXIT_MEMORY:
		handle_memory(vcpu);
		break;
	case PHV_EXIT_ENTRY_FAILED:
		handle_entry_failed(vcpu);
		break;
	case PHV_EXIT_UNHANDLED:
		end(vm, VM_CRASH, "vCPU %u: exit for reason %#x, qualification %#llx",
		    vcpu->number, run->entry.reason,
		    (unsigned long long)run->entry.qualification);
		break;
	default:
		end(vm, VM_FAILED, "vCPU %u: exit %u is unknown", vcpu->number,
		    run->exit_reason);
	}
}

static void *run_vcpu(void *data)
{
	struct vm_vcpu *vcpu = data;
	int err;

	own_run = vcpu->run;
	while (park(vcpu)) {
		if (vcpu->output && !put_output(vcpu))
			continue;
		err = phv_run(vcpu->fd);
		if (!err)
			handle_exit(vcpu);
		else if (err == -EFAULT)
			end(vcpu->vm, VM_FAILED, "vCPU %u: the host has no memory for it",
			    vcpu->number);
		else if (err != -EINTR)
			end(vcpu->vm, VM_FAILED, "vCPU %u: PHV_RUN: %s", vcpu->number,
			    strerror(-err));
	}
	own_run = NULL;
	return NULL;
}

/**
 * vm_init - make an empty domain, without anything of the module's
 * @vm: it
 * @console: where its output is to go
 *
 * Return: 0 or a negative errno
 */
int vm_init(struct vm *vm, struct console *console)
{
	struct sigaction action = { .sa_handler = on_kick };

	*vm = (struct vm){ .fd = -1, .console = console };
	pthread_mutex_init(&vm->lock, NULL);
	pthread_cond_init(&vm->changed, NULL);
	sigaction(SIGUSR1, &action, NULL);
	vm->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return vm->notice < 0 ? -errno : 0;
}

/* The domain and its memory, with the kernel in it. */
static int build_memory(struct vm *vm, const struct config *config,
			const struct image *image, int initrd, struct boot *boot,
			struct phv_error *error)
{
	const struct boot_options options = {
		.vcpus = config->vcpus, .cmdline = config->cmdline, .console = "hvc0",
		.initrd_fd = initrd,
	};
	int err;

	err = guest_memory_lay_out(&vm->memory, config->memory, config->vcpus);
	if (err)
		return phv_fail(error, err, "memory: no way to lay out %lluK: %s",
				config->memory >> 10, strerror(-err));
	err = guest_memory_map(&vm->memory);
	if (err)
		return phv_fail(error, err, "memory: no %lluM to be had: %s",
				config->memory >> 20, strerror(-err));
	err = boot_build(boot, image, &vm->memory, &options, error);
	if (err)
		return err;
	err = guest_memory_add(&vm->memory, vm->fd);
	if (err)
		return phv_fail(error, err, "memory: adding it to the domain: %s",
				strerror(-err));
	vm->nothing = mmap(NULL, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->nothing == MAP_FAILED) {
		vm->nothing = NULL;
		return phv_fail(error, -errno, "memory: %s", strerror(errno));
	}
	memset(vm->nothing, 0xff, GUEST_PAGE_SIZE);
	return 0;
}

/* Grants that every domain has: the console's and xenstore's pages. */
static void grant_special(struct vm *vm)
{
	grant_entry_v1_t *grants = (void *)((char *)vm->frames + GUEST_PAGE_SIZE);

	grants[GNTTAB_RESERVED_CONSOLE] = (grant_entry_v1_t){
		.flags = GTF_permit_access, .frame = GUEST_CONSOLE_GFN,
	};
	grants[GNTTAB_RESERVED_XENSTORE] = (grant_entry_v1_t){
		.flags = GTF_permit_access, .frame = GUEST_STORE_GFN,
	};
}

/* Makes it a Xen domain. */
static int build_xen(struct vm *vm, const struct boot *boot, struct phv_error *error)
{
	static const __u32 ports[] = { ACPI_SLEEP_PORT, DEBUG_PORT };
	size_t size = PHV_XEN_FRAMES(VM_GRANT_FRAMES) * GUEST_PAGE_SIZE, i;
	int err;

	vm->frames = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->frames == MAP_FAILED) {
		vm->frames = NULL;
		return phv_fail(error, -errno, "memory: no grant table: %s", strerror(errno));
	}
	grant_special(vm);
	err = phv_xen_setup(vm->fd, vm->frames, VM_GRANT_FRAMES, PHV_XEN_SCRATCH,
			    guest_memory_pages(&vm->memory));
	if (err)
		return phv_fail(error, err, "PHV_XEN_SETUP: %s", strerror(-err));
	err = phv_xen_set_memory_map(vm->fd, boot->map, boot->map_entries);
	if (err)
		return phv_fail(error, err, "PHV_XEN_SET_MEMORY_MAP: %s", strerror(-err));
	for (i = 0; i < ARRAY_SIZE(ports); i++) {
		err = phv_set_ports(vm->fd, ports[i], 1, PHV_PORTS_USER, -1);
		if (err)
			return phv_fail(error, err, "port %#x: %s", ports[i], strerror(-err));
	}
	return 0;
}

static int start_thread(struct vm_vcpu *vcpu)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	int err;

	/* The main thread's signals are not theirs. */
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	sigdelset(&all, SIGSYS);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&vcpu->thread, &attributes, run_vcpu, vcpu);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	vcpu->started = !err;
	return -err;
}

static int build_vcpu(struct vm *vm, unsigned int number, const struct boot *boot)
{
	struct vm_vcpu *vcpu = &vm->vcpu[number];
	int err;

	vcpu->fd = phv_create_vcpu(vm->fd, number);
	if (vcpu->fd < 0)
		return vcpu->fd;
	err = phv_map_run(vcpu->fd, &vcpu->run);
	if (!err && !number)
		err = phv_set_boot_state(vcpu->fd, &boot->regs, &boot->control);
	return err ?: start_thread(vcpu);
}

static int build_vcpus(struct vm *vm, unsigned int count, const struct boot *boot,
		       struct phv_error *error)
{
	unsigned int i;
	int err;

	vm->vcpu = calloc(count, sizeof(*vm->vcpu));
	if (!vm->vcpu)
		return phv_fail(error, -ENOMEM, "no memory");
	vm->vcpus = count;
	for (i = 0; i < count; i++)
		vm->vcpu[i] = (struct vm_vcpu){ .vm = vm, .number = i, .fd = -1 };
	for (i = 0; i < count; i++) {
		err = build_vcpu(vm, i, boot);
		if (err)
			return phv_fail(error, err, "vCPU %u: %s", i, strerror(-err));
	}
	return 0;
}

static int create_domain(struct vm *vm, const char *name, int device,
			 struct phv_error *error)
{
	vm->fd = phv_create_domain(device, name, &vm->id);
	if (vm->fd >= 0)
		return 0;
	if (vm->fd == -EBUSY)
		return phv_fail(error, -EBUSY,
				"another hypervisor has VMX on; the kernel log names it");
	if (vm->fd == -EEXIST)
		return phv_fail(error, -EEXIST, "the module has a domain of this name");
	return phv_fail(error, vm->fd, "the module makes no domain: %s",
			strerror(-vm->fd));
}

/**
 * vm_build - make a domain ready to run; its vCPUs are paused
 * @vm: what vm_init() or vm_destroy() left
 * @config: what it is to be
 * @device: descriptor of /dev/phv
 * @kernel: descriptor of the kernel's image
 * @initrd: descriptor of the initial ramdisk, or -1
 * @error: what went wrong is put here
 *
 * Return: 0 or a negative errno; vm_destroy() clears away what there is then
 */
int vm_build(struct vm *vm, const struct config *config, int device, int kernel,
	     int initrd, struct phv_error *error)
{
	struct image image;
	struct boot boot;
	int err;

	vm->device = device;
	err = create_domain(vm, config->name, device, error);
	if (err)
		return err;
	err = image_open(&image, kernel, config->boot, error);
	if (err)
		return err;
	err = build_memory(vm, config, &image, initrd, &boot, error);
	image_close(&image);
	if (err)
		return err;
	err = build_xen(vm, &boot, error);
	if (err)
		return err;
	return build_vcpus(vm, config->vcpus, &boot, error);
}

/**
 * vm_unpause - let the vCPUs run
 * @vm: a domain that is built
 */
void vm_unpause(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	vm->go = !vm->end;
	pthread_cond_broadcast(&vm->changed);
	pthread_mutex_unlock(&vm->lock);
}

/**
 * vm_pause - have all vCPUs stop; they have when it returns
 * @vm: a domain, built or in part
 */
void vm_pause(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
	vm->go = false;
	kick(vm);
	while (vm->parked < threads(vm))
		pthread_cond_wait(&vm->changed, &vm->lock);
	pthread_mutex_unlock(&vm->lock);
}

static void end_threads(struct vm *vm)
{
	unsigned int i;

	pthread_mutex_lock(&vm->lock);
	vm->quit = true;
	vm->go = false;
	kick(vm);
	pthread_cond_broadcast(&vm->changed);
	pthread_mutex_unlock(&vm->lock);
	for (i = 0; i < vm->vcpus; i++)
		if (vm->vcpu[i].started)
			pthread_join(vm->vcpu[i].thread, NULL);
}

/**
 * vm_destroy - end the domain and give back all that it had
 * @vm: a domain, built or in part; may be built again afterwards
 */
void vm_destroy(struct vm *vm)
{
	unsigned int i;

	end_threads(vm);
	for (i = 0; i < vm->vcpus; i++) {
		if (vm->vcpu[i].run)
			munmap(vm->vcpu[i].run, sizeof(*vm->vcpu[i].run));
		if (vm->vcpu[i].fd >= 0)
			close(vm->vcpu[i].fd);
	}
	free(vm->vcpu);
	if (vm->fd >= 0)
		close(vm->fd);
	guest_memory_unmap(&vm->memory);
	if (vm->frames)
		munmap(vm->frames, PHV_XEN_FRAMES(VM_GRANT_FRAMES) * GUEST_PAGE_SIZE);
	if (vm->nothing)
		munmap(vm->nothing, GUEST_PAGE_SIZE);
	vm->nothing = NULL;
	vm->nothings = 0;
	vm->vcpu = NULL;
	vm->vcpus = 0;
	vm->fd = -1;
	vm->frames = NULL;
	vm->memory = (struct guest_memory){ 0 };
	vm->quit = false;
	vm->end = VM_GOES_ON;
}

/**
 * vm_bind_channel - take domain 0's end of a channel that the guest has made
 * @vm: a domain that is built
 * @port: the guest's port, from wherever
 * @channel: filled; vm_unbind_channel() ends it
 *
 * Return: 0, -EINVAL when the port is not for domain 0 or not free, or another
 * negative errno
 */
int vm_bind_channel(struct vm *vm, __u32 port, struct vm_channel *channel)
{
	int err;

	channel->port = port;
	channel->kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = channel->kick < 0 || channel->call < 0 ? -errno : 0;
	if (!err)
		err = phv_evtchn_bind(vm->fd, port, channel->kick, channel->call);
	if (!err)
		return 0;
	if (channel->kick >= 0)
		close(channel->kick);
	if (channel->call >= 0)
		close(channel->call);
	return err;
}

/**
 * vm_unbind_channel - give domain 0's end of a channel up
 * @vm: the domain
 * @channel: its channel, the guest's end of which may be gone
 */
void vm_unbind_channel(struct vm *vm, struct vm_channel *channel)
{
	phv_evtchn_unbind(vm->fd, channel->port);
	close(channel->kick);
	close(channel->call);
}

/**
 * vm_open_channel - make an event channel between the guest and this process
 * @vm: a domain that is built
 * @channel: filled; its eventfds are the caller's
 *
 * Return: 0 or a negative errno
 */
int vm_open_channel(struct vm *vm, struct vm_channel *channel)
{
	__u32 port;
	int err = phv_evtchn_alloc(vm->fd, &port);

	return err ?: vm_bind_channel(vm, port, channel);
}

/**
 * vm_page - a page of the guest's memory
 * @vm: a domain that is built
 * @gfn: guest frame number
 *
 * Return: the page in this process, or NULL if there is none
 */
void *vm_page(struct vm *vm, __u64 gfn)
{
	return guest_memory_at(&vm->memory, gfn * GUEST_PAGE_SIZE, GUEST_PAGE_SIZE);
}
