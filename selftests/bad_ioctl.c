// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ioctls of domains and vCPUs with arguments that they can't want. What is only
 * wrong in a member of a struct has its test beside the right uses; here is what
 * all ioctls have in common: numbers, pointers, descriptors that go away.
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vm.h"

static struct vm *vm;
static struct vcpu *vcpu;

static void guest_return(void)
{
}

static void make_domain(void)
{
	need_phv();
	vm = vm_create();
	vcpu = vm_add_guest(vm, 0, guest_return);
}

static long call(int fd, unsigned long request, unsigned long arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* Those with a pointer, and what is done with it. */
struct pointer_ioctl {
	unsigned long request;
	bool vcpu;		/* of a vCPU, else of a domain */
	bool written;		/* the kernel writes it */
};

static const struct pointer_ioctl pointer_ioctls[] = {
	{ PHV_ADD_MEMORY, false, false },
	{ PHV_CHANGE_MEMORY, false, false },
	{ PHV_REMOVE_MEMORY, false, false },
	{ PHV_GET_DIRTY, false, false },
	{ PHV_GET_CPUID, false, true },
	{ PHV_SET_CPUID, false, false },
	{ PHV_SET_MSR_POLICY, false, false },
	{ PHV_SET_PORTS, false, false },
	{ PHV_SET_IRQFD, false, false },
	{ PHV_GET_REGS, true, true },
	{ PHV_SET_REGS, true, false },
	{ PHV_GET_CONTROL, true, true },
	{ PHV_SET_CONTROL, true, false },
	{ PHV_GET_MSRS, true, false },
	{ PHV_SET_MSRS, true, false },
	{ PHV_GET_VMCS, true, false },
	{ PHV_GET_XSAVE, true, true },
	{ PHV_SET_XSAVE, true, false },
	{ PHV_GET_LAPIC, true, true },
	{ PHV_SET_LAPIC, true, false },
	{ PHV_GET_EVENTS, true, true },
	{ PHV_SET_EVENTS, true, false },
	{ PHV_GET_COUNTERS, true, true },
};

static int fd_of(const struct pointer_ioctl *p)
{
	return p->vcpu ? vcpu->fd : vm->fd;
}

static void bad_pointers(void)
{
	/* the last bytes of a page, with nothing behind it */
	u8 *end = mmap(NULL, 0x2000, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const u64 bad[] = {
		0, 8, (u64)end + 0x1000 - 4, 0x00007ffffffff000UL,
		0xffff800000000000UL, 0xffffffff81000000UL, ~7UL, BIT(62),
	};
	unsigned int i, j;

	make_domain();
	munmap(end + 0x1000, 0x1000);
	for (i = 0; i < ARRAY_SIZE(pointer_ioctls); i++) {
		const struct pointer_ioctl *p = &pointer_ioctls[i];

		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			long ret = call(fd_of(p), p->request, bad[j]);

			if (ret != -EFAULT)
				test_fail("ioctl %#lx, pointer %#llx: %ld",
					  p->request, bad[j], ret);
		}
	}
	vcpu_finish(vcpu);
}

static void read_only_pointers(void)
{
	void *page = mmap(NULL, 0x3000, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	unsigned int i;

	make_domain();
	for (i = 0; i < ARRAY_SIZE(pointer_ioctls); i++) {
		const struct pointer_ioctl *p = &pointer_ioctls[i];

		if (p->written && call(fd_of(p), p->request, (u64)page) != -EFAULT)
			test_fail("ioctl %#lx wrote to read-only memory",
				  p->request);
	}
	vcpu_finish(vcpu);
}

/* All of one bits, and all of others: no error but -EINVAL or one of the few. */
static void filled_structs(void)
{
	static const u8 fills[] = { 0xff, 0x80, 0x7f, 0x55, 0xaa };
	static u8 area[0x4000] __aligned(0x1000);
	unsigned int i, j;

	make_domain();
	for (i = 0; i < ARRAY_SIZE(pointer_ioctls); i++) {
		const struct pointer_ioctl *p = &pointer_ioctls[i];

		if (p->written && p->request != PHV_GET_CPUID &&
		    p->request != PHV_GET_XSAVE)
			continue;
		for (j = 0; j < ARRAY_SIZE(fills); j++) {
			long ret;

			memset(area, fills[j], sizeof(area));
			ret = call(fd_of(p), p->request, (u64)area);
			if (ret != -EINVAL)
				test_fail("ioctl %#lx full of %#x: %ld",
					  p->request, fills[j], ret);
		}
	}
	vcpu_finish(vcpu);
}

/* Those that this domain, which is not Xen's, knows without a structure. */
static bool is_xen_by_value(unsigned int nr)
{
	unsigned int request = _IO(PHV_IOC, nr);

	return request == PHV_EVTCHN_UNBIND || request == PHV_EVTCHN_SEND ||
	       request == PHV_XEN_RESUME;
}

/* Numbers that are another descriptor's, or nobody's; sizes that are not theirs. */
static void numbers(void)
{
	static u8 area[0x4000];
	unsigned int i, nr;
	int device;

	make_domain();
	device = open(PHV_DEVICE, O_RDWR);
	for (i = 0; i < ARRAY_SIZE(pointer_ioctls); i++) {
		const struct pointer_ioctl *p = &pointer_ioctls[i];
		unsigned long request = p->request;
		int other = p->vcpu ? vm->fd : vcpu->fd;

		check_eq(call(other, request, (u64)area), -ENOTTY);
		check_eq(call(device, request, (u64)area), -ENOTTY);
		/* of another size */
		request += 8UL << _IOC_SIZESHIFT;
		check_eq(call(fd_of(p), request, (u64)area), -ENOTTY);
		/* in the other direction */
		request = p->request ^ (3UL << _IOC_DIRSHIFT);
		check_eq(call(fd_of(p), request, (u64)area), -ENOTTY);
	}
	for (nr = 0x30; nr < 0x100; nr++) {
		check_eq(call(vm->fd, _IO(PHV_IOC, nr), 0), is_xen_by_value(nr) ? -ENXIO : -ENOTTY);
		check_eq(call(vcpu->fd, _IO(PHV_IOC, nr), 0), -ENOTTY);
	}
	check_eq(call(vm->fd, PHV_RUN, 0), -ENOTTY);
	check_eq(call(vcpu->fd, PHV_CREATE_VCPU, 0), -ENOTTY);
	check_eq(call(vm->fd, 0, 0), -ENOTTY);
	check_eq(call(vcpu->fd, ~0U, 0), -ENOTTY);
	vcpu_finish(vcpu);
}

/* Arguments by value */
static void values(void)
{
	static const unsigned long vectors[] = { 0, 15, 256, 0x10055, BIT(32), ~0UL };
	static const unsigned long ids[] = {
		PHV_MAX_VCPUS, PHV_MAX_VCPUS + 1, 0x80000000, 0xffffffff, BIT(32),
		~0UL,
	};
	unsigned int i;

	make_domain();
	for (i = 0; i < ARRAY_SIZE(vectors); i++)
		check_eq(call(vcpu->fd, PHV_INTERRUPT, vectors[i]), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(ids); i++)
		check_eq(call(vm->fd, PHV_CREATE_VCPU, ids[i]), -EINVAL);
	check_eq(call(vm->fd, PHV_CREATE_VCPU, 0), -EEXIST);
	vcpu_finish(vcpu);
}

/* What is no ioctl */
static void other_calls(void)
{
	struct pollfd poll_fd;
	char c = 0;

	make_domain();
	check(read(vm->fd, &c, 1) < 0);
	check(write(vm->fd, &c, 1) < 0);
	check(read(vcpu->fd, &c, 1) < 0);
	check(write(vcpu->fd, &c, 1) < 0);
	check(pread(vcpu->fd, &c, 1, 0) < 0);
	check(ftruncate(vcpu->fd, 0) < 0);
	check(mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, vm->fd, 0) == MAP_FAILED);
	poll_fd = (struct pollfd) { .fd = vcpu->fd, .events = POLLIN };
	check(poll(&poll_fd, 1, 0) >= 0);
	vcpu_finish(vcpu);
}

/* No descriptor to be had: nothing is made. */
static void no_descriptors(void)
{
	int spare[1024];
	unsigned int count = 0;

	make_domain();
	while (count < ARRAY_SIZE(spare)) {
		spare[count] = dup(0);
		if (spare[count] < 0)
			break;
		count++;
	}
	check(count < ARRAY_SIZE(spare));
	check_eq(call(vm->fd, PHV_CREATE_VCPU, 1), -EMFILE);
	close(spare[0]);
	check_eq(call(vm->fd, PHV_CREATE_VCPU, 1), 0);
	vcpu_finish(vcpu);
}

/* Threads that call everything while the descriptors are replaced under them. */
static bool stop;

static void *caller(void *arg)
{
	static u8 areas[4][0x4000] __aligned(64);
	unsigned int n = (u64)arg, i;

	while (!READ_ONCE(stop)) {
		for (i = 0; i < ARRAY_SIZE(pointer_ioctls); i++) {
			const struct pointer_ioctl *p = &pointer_ioctls[i];

			/* nothing that ends in memory of the program */
			if (p->request == PHV_ADD_MEMORY ||
			    p->request == PHV_GET_DIRTY)
				continue;
			memset(areas[n], 0, 64);
			ioctl(fd_of(p), p->request, areas[n]);
		}
		ioctl(vcpu->fd, PHV_INTERRUPT, 0x55);
		ioctl(vcpu->fd, PHV_NMI, 0);
		vcpu->run->immediate_exit = n & 1;
		ioctl(vcpu->fd, PHV_RUN, 0);
	}
	return NULL;
}

static void closed_under_way(void)
{
	pthread_t thread[4];
	unsigned int i;

	make_domain();
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		check_eq(pthread_create(&thread[i], NULL, caller,
					(void *)(u64)i), 0);
	for (i = 0; i < 40; i++) {
		struct vm *other = vm_create();
		struct vcpu *another = vm_add_guest(other, 0, guest_return);

		/* the numbers stay, what they stand for goes */
		check(dup2(other->fd, vm->fd) == vm->fd);
		check(dup2(another->fd, vcpu->fd) == vcpu->fd);
		munmap(another->run, 0x1000);
		close(another->fd);
		close(other->fd);
		sched_yield();
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < ARRAY_SIZE(thread); i++)
		check_eq(pthread_join(thread[i], NULL), 0);
}

static const struct test tests[] = {
	{ "bad pointers give EFAULT", .host = bad_pointers },
	{ "read-only memory does where results go",
	  .host = read_only_pointers },
	{ "structs full of ones and the like give EINVAL",
	  .host = filled_structs },
	{ "unknown numbers give ENOTTY", .host = numbers },
	{ "values out of range give EINVAL", .host = values },
	{ "there is nothing but ioctls and the run page", .host = other_calls },
	{ "a vCPU is not made without a descriptor", .host = no_descriptors },
	{ "descriptors close under ioctls", .host = closed_under_way },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
