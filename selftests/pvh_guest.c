// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stock kernel as a domain, see pvh_guest.h.
 *
 * Each vCPU has a thread; the caller's looks after the console. A thread that
 * sees the guest's end says so, and the caller gets the others out of PHV_RUN.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/hvm/params.h>
#include <xen/io/console.h>
#include <xen/sched.h>

#include "phvtest.h"
#include "pvh_guest.h"

#define KICK_SIGNAL	SIGUSR1

static const char * const end_names[] = {
	[PVH_RUNNING]		= "running",
	[PVH_POWEROFF]		= "poweroff",
	[PVH_REBOOT]		= "reboot",
	[PVH_SUSPEND]		= "suspend",
	[PVH_CRASH]		= "crash",
	[PVH_OTHER_SHUTDOWN]	= "shutdown for an odd reason",
	[PVH_HALTED]		= "halted",
	[PVH_TRIPLE_FAULT]	= "triple fault",
	[PVH_TIMEOUT]		= "timeout",
	[PVH_ERROR]		= "error",
};

/**
 * pvh_end_name - a word for why a guest has ended
 * @end: pvh_guest.end
 */
const char *pvh_end_name(enum pvh_end end)
{
	return end_names[end];
}

static void kick_handler(int signal)
{
	(void)signal;
}

/* The first one to say it is right. */
static void end_guest(struct pvh_guest *guest, enum pvh_end end)
{
	const __u64 one = 1;

	pthread_mutex_lock(&guest->mutex);
	if (guest->end == PVH_RUNNING)
		guest->end = end;
	pthread_mutex_unlock(&guest->mutex);
	if (write(guest->done, &one, sizeof(one)) < 0)
		perror("eventfd");
}

static void __printf(2, 3) fail_guest(struct pvh_guest *guest, const char *format, ...)
{
	struct phv_error error;
	va_list args;

	va_start(args, format);
	vsnprintf(error.text, sizeof(error.text), format, args);
	va_end(args);
	pthread_mutex_lock(&guest->mutex);
	if (guest->end == PVH_RUNNING)
		guest->error = error;
	pthread_mutex_unlock(&guest->mutex);
	end_guest(guest, PVH_ERROR);
}

static void take_output(struct pvh_guest *guest, const char *text, size_t size)
{
	size_t room;

	pthread_mutex_lock(&guest->mutex);
	room = sizeof(guest->output) - 1 - guest->output_size;
	memcpy(guest->output + guest->output_size, text, size < room ? size : room);
	guest->output_size += size < room ? size : room;
	if (guest->config->echo) {
		fwrite(text, 1, size, stdout);
		fflush(stdout);
	}
	pthread_mutex_unlock(&guest->mutex);
}

/* Linux waits while the ring is full: it is always emptied, wanted or not. */
static void drain_console(struct pvh_guest *guest)
{
	struct xencons_interface *ring =
		guest_memory_at(&guest->memory, GUEST_CONSOLE_GFN << 12, GUEST_PAGE_SIZE);
	__u32 cons = ring->out_cons;
	__u32 prod = __atomic_load_n(&ring->out_prod, __ATOMIC_ACQUIRE);
	char text[sizeof(ring->out)];
	size_t size = 0;

	if (cons == prod)
		return;
	while (cons != prod && size < sizeof(text))
		text[size++] = ring->out[MASK_XENCONS_IDX(cons++, ring->out)];
	__atomic_store_n(&ring->out_cons, cons, __ATOMIC_RELEASE);
	phv_evtchn_send(guest->domain, guest->console_port);
	take_output(guest, text, size);
}

static enum pvh_end shutdown_end(__u32 reason)
{
	switch (reason) {
	case SHUTDOWN_poweroff:
		return PVH_POWEROFF;
	case SHUTDOWN_reboot:
		return PVH_REBOOT;
	case SHUTDOWN_suspend:
		return PVH_SUSPEND;
	case SHUTDOWN_crash:
		return PVH_CRASH;
	default:
		return PVH_OTHER_SHUTDOWN;
	}
}

/* Returns whether the vCPU goes on. */
static bool handle_exit(struct pvh_vcpu *vcpu)
{
	struct pvh_guest *guest = vcpu->guest;
	struct phv_run *run = vcpu->run;

	switch (run->exit_reason) {
	case PHV_EXIT_XEN_CONSOLE:
		take_output(guest, (char *)run->console.data, run->console.length);
		return true;
	case PHV_EXIT_XEN_RELEASE:
		return true;
	case PHV_EXIT_IO:
		if (run->io.port != ACPI_SLEEP_PORT || !run->io.write ||
		    (run->io.data & 0xff) != ACPI_SLEEP_S5) {
			run->io.data = ~0U;
			return true;
		}
		end_guest(guest, PVH_POWEROFF);
		return false;
	case PHV_EXIT_XEN_SHUTDOWN:
		end_guest(guest, shutdown_end(run->shutdown.reason));
		return false;
	case PHV_EXIT_HALTED:
		end_guest(guest, PVH_HALTED);
		return false;
	case PHV_EXIT_SHUTDOWN:
		end_guest(guest, PVH_TRIPLE_FAULT);
		return false;
	case PHV_EXIT_MEMORY:
		fail_guest(guest, "vCPU %u: access %u to %#llx, where there is no memory",
			   vcpu->number, run->memory.access,
			   (unsigned long long)run->memory.guest_addr);
		return false;
	case PHV_EXIT_ENTRY_FAILED:
	case PHV_EXIT_UNHANDLED:
		fail_guest(guest, "vCPU %u: exit %u: reason %#x, error %u, qualification %#llx",
			   vcpu->number, run->exit_reason, run->entry.reason, run->entry.error,
			   (unsigned long long)run->entry.qualification);
		return false;
	default:
		fail_guest(guest, "vCPU %u: exit %u", vcpu->number, run->exit_reason);
		return false;
	}
}

static void *vcpu_thread(void *arg)
{
	struct pvh_vcpu *vcpu = arg;
	struct pvh_guest *guest = vcpu->guest;
	int ret;

	do {
		ret = phv_run(vcpu->fd);
		if (ret == -EINTR)
			return NULL;
		if (ret) {
			fail_guest(guest, "vCPU %u: PHV_RUN: %s", vcpu->number, strerror(-ret));
			return NULL;
		}
		__atomic_add_fetch(&guest->user_exits, 1, __ATOMIC_RELAXED);
	} while (handle_exit(vcpu));
	return NULL;
}

static void stop_vcpus(struct pvh_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->config->vcpus; i++) {
		struct pvh_vcpu *vcpu = &guest->vcpu[i];

		if (!vcpu->started)
			continue;
		vcpu->run->immediate_exit = 1;
		pthread_kill(vcpu->thread, KICK_SIGNAL);
		pthread_join(vcpu->thread, NULL);
	}
}

/* For who looks for the cause: where the vCPUs are. They have stopped. */
static void show_vcpus(const struct pvh_guest *guest)
{
	struct phv_control control;
	struct phv_events events;
	struct phv_regs regs;
	unsigned int i;

	for (i = 0; i < guest->config->vcpus; i++) {
		int fd = guest->vcpu[i].fd;

		if (ioctl(fd, PHV_GET_REGS, &regs) || ioctl(fd, PHV_GET_CONTROL, &control) ||
		    ioctl(fd, PHV_GET_EVENTS, &events))
			continue;
		ksft_print_msg("vCPU %u: rip %#llx rsp %#llx rflags %#llx cr3 %#llx activity %u\n",
			       i, regs.rip, regs.gpr[4], regs.rflags, control.cr3,
			       events.activity);
	}
}

static void count_exits(struct pvh_guest *guest)
{
	struct phv_counters counters;
	unsigned int i, n;

	for (i = 0; i < guest->config->vcpus; i++) {
		if (ioctl(guest->vcpu[i].fd, PHV_GET_COUNTERS, &counters))
			continue;
		for (n = 0; n < ARRAY_SIZE(counters.exits); n++)
			guest->exits += counters.exits[n];
	}
}

static void look_after(struct pvh_guest *guest)
{
	struct pollfd fds[] = {
		{ .fd = guest->console_kick, .events = POLLIN },
		{ .fd = guest->done, .events = POLLIN },
	};
	time_t end = time(NULL) + guest->config->timeout;
	__u64 count;

	while (!fds[1].revents) {
		time_t now = time(NULL);
		int ready = now < end ? poll(fds, ARRAY_SIZE(fds), (end - now) * 1000) : 0;

		if (ready < 0 && errno != EINTR)
			return fail_guest(guest, "poll: %s", strerror(errno));
		if (!ready)
			return end_guest(guest, PVH_TIMEOUT);
		if (fds[0].revents && read(fds[0].fd, &count, sizeof(count)) < 0)
			return fail_guest(guest, "eventfd: %s", strerror(errno));
		drain_console(guest);
	}
}

static int open_config_file(struct pvh_guest *guest, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? phv_fail(&guest->error, -errno, "%s: %s", path, strerror(errno)) : fd;
}

static int load_kernel(struct pvh_guest *guest)
{
	const struct pvh_config *config = guest->config;
	struct boot_options options = {
		.vcpus = config->vcpus, .cmdline = config->cmdline, .initrd_fd = -1,
	};
	static struct image image;
	int fd, ret;

	fd = open_config_file(guest, config->kernel);
	if (fd < 0)
		return fd;
	ret = image_open(&image, fd, config->protocol, &guest->error);
	close(fd);
	if (ret)
		return ret;
	if (config->initrd) {
		options.initrd_fd = open_config_file(guest, config->initrd);
		ret = options.initrd_fd < 0 ? options.initrd_fd : 0;
	}
	if (!ret)
		ret = boot_build(&guest->boot, &image, &guest->memory, &options, &guest->error);
	image_close(&image);
	if (options.initrd_fd >= 0)
		close(options.initrd_fd);
	return ret;
}

/* Steps of making the domain; each leaves words in guest->error. */

static int make_domain(struct pvh_guest *guest)
{
	const struct pvh_config *config = guest->config;
	char name[PHV_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "pvh-%d", getpid());
	guest->domain = domain_create(config->phv, name, NULL);
	if (guest->domain < 0)
		return phv_fail(&guest->error, guest->domain, "create domain: %s",
				strerror(-guest->domain));
	ret = guest_memory_lay_out(&guest->memory, config->memory, config->vcpus);
	if (!ret)
		ret = guest_memory_map(&guest->memory);
	if (!ret)
		ret = guest_memory_add(&guest->memory, guest->domain);
	if (ret)
		return phv_fail(&guest->error, ret, "memory: %s", strerror(-ret));
	return load_kernel(guest);
}

static int make_xen(struct pvh_guest *guest)
{
	const struct boot *boot = &guest->boot;
	int ret;

	guest->frames = mmap(NULL, PHV_XEN_FRAMES(PVH_GRANT_FRAMES) * GUEST_PAGE_SIZE,
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guest->frames == MAP_FAILED)
		return phv_fail(&guest->error, -ENOMEM, "frames: no memory");
	ret = phv_xen_setup(guest->domain, guest->frames, PVH_GRANT_FRAMES,
			    guest->config->xen_flags, guest_memory_pages(&guest->memory));
	if (ret)
		return phv_fail(&guest->error, ret, "PHV_XEN_SETUP: %s", strerror(-ret));
	ret = phv_xen_set_memory_map(guest->domain, boot->map, boot->map_entries);
	if (ret)
		return phv_fail(&guest->error, ret, "memory map: %s", strerror(-ret));
	ret = phv_set_ports(guest->domain, ACPI_SLEEP_PORT, 1, PHV_PORTS_USER, -1);
	if (ret)
		return phv_fail(&guest->error, ret, "ports: %s", strerror(-ret));
	return 0;
}

static int make_vcpus(struct pvh_guest *guest)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < guest->config->vcpus; i++) {
		struct pvh_vcpu *vcpu = &guest->vcpu[i];

		vcpu->guest = guest;
		vcpu->number = i;
		vcpu->fd = phv_create_vcpu(guest->domain, i);
		ret = vcpu->fd < 0 ? vcpu->fd : phv_map_run(vcpu->fd, &vcpu->run);
	}
	if (!ret)
		ret = phv_set_boot_state(guest->vcpu[0].fd, &guest->boot.regs,
					 &guest->boot.control);
	if (ret)
		return phv_fail(&guest->error, ret, "vCPUs: %s", strerror(-ret));
	return 0;
}

static int make_console(struct pvh_guest *guest)
{
	int ret = phv_evtchn_alloc(guest->domain, &guest->console_port);

	if (!ret)
		ret = phv_evtchn_bind(guest->domain, guest->console_port, guest->console_kick,
				      -1);
	if (!ret)
		ret = phv_xen_set_param(guest->domain, HVM_PARAM_CONSOLE_EVTCHN,
					guest->console_port);
	if (!ret)
		ret = phv_xen_set_param(guest->domain, HVM_PARAM_CONSOLE_PFN,
					GUEST_CONSOLE_GFN);
	if (ret)
		return phv_fail(&guest->error, ret, "console: %s", strerror(-ret));
	return 0;
}

static int start_vcpus(struct pvh_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->config->vcpus; i++) {
		struct pvh_vcpu *vcpu = &guest->vcpu[i];
		int ret = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);

		if (ret)
			return phv_fail(&guest->error, -ret, "thread: %s", strerror(ret));
		vcpu->started = true;
	}
	return 0;
}

static void release(struct pvh_guest *guest)
{
	unsigned int i;

	for (i = 0; i < guest->config->vcpus; i++) {
		if (guest->vcpu[i].run)
			munmap(guest->vcpu[i].run, sizeof(struct phv_run));
		if (guest->vcpu[i].fd > 0)
			close(guest->vcpu[i].fd);
	}
	if (guest->domain > 0)
		close(guest->domain);
	if (guest->frames && guest->frames != MAP_FAILED)
		munmap(guest->frames, PHV_XEN_FRAMES(PVH_GRANT_FRAMES) * GUEST_PAGE_SIZE);
	guest_memory_unmap(&guest->memory);
	close(guest->console_kick);
	close(guest->done);
	pthread_mutex_destroy(&guest->mutex);
}

/**
 * pvh_run - boot a guest, and wait for its end
 * @guest: what becomes of it
 * @config: what is to be booted
 *
 * Return: 0 if it has run, whatever the end; else a negative errno, and
 * guest->error says what failed
 */
int pvh_run(struct pvh_guest *guest, const struct pvh_config *config)
{
	const struct sigaction action = { .sa_handler = kick_handler };
	int ret;

	memset(guest, 0, sizeof(*guest));
	guest->config = config;
	guest->console_kick = eventfd(0, EFD_CLOEXEC);
	guest->done = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&guest->mutex, NULL);
	sigaction(KICK_SIGNAL, &action, NULL);

	ret = make_domain(guest);
	if (!ret)
		ret = make_xen(guest);
	if (!ret)
		ret = make_vcpus(guest);
	if (!ret)
		ret = make_console(guest);
	if (!ret)
		ret = start_vcpus(guest);
	if (!ret)
		look_after(guest);
	stop_vcpus(guest);
	if (!ret) {
		drain_console(guest);
		count_exits(guest);
		if (guest->end == PVH_TIMEOUT || guest->end == PVH_ERROR ||
		    guest->end == PVH_TRIPLE_FAULT)
			show_vcpus(guest);
	}
	release(guest);
	return ret;
}
