// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctl fuzzer's calls: a table of what there is to call, how each field gets its number, and
 * how it is done.
 *
 * Called by ioctl_fuzz.c. The state (descriptors, memory) is shared by the threads of a process,
 * without locks: that they get into each other's way is the purpose. Nothing here touches a
 * region but through the kernel, as it may not be there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <phv.h>
#include <phv_netlink.h>

#include "fuzz.h"
#include "guest/guest.h"
#include "ioctl_fuzz.h"

#define PAGE		0x1000UL
#define REGION_SIZE	0x400000UL
#define CODE_PAGES	4
#define RUN_PAGES	((u8 *)0x0fffff0000UL)
#define REGIONS		((u8 *)0x1000000000UL)

/* Descriptors by kind; -1 where there is none. */
static int slots[FD_KINDS][FUZZ_SLOTS];

/* Both ends of a socket that descriptors are sent through. */
static int mail[2] = { -1, -1 };

/*
 * What guests find in their memory, at the start of a page and where a reset begins:
 * 16-bit code, but most bytes of it are harmless in other modes.
 */
static const u8 guest_code[] = {
	0xff, 0x06, 0x00, 0x10,			/* incw 0x1000 */
	0xa1, 0x00, 0x20,			/* mov 0x2000, %ax */
	0xe6, 0xf4,				/* out %al, $0xf4 */
	0xe4, 0xf5,				/* in $0xf5, %al */
	0x66, 0x31, 0xc0,			/* xor %eax, %eax */
	0x0f, 0xa2,				/* cpuid */
	0xbe, 0x00, 0x30,			/* mov $0x3000, %si */
	0xb9, 0x04, 0x00,			/* mov $4, %cx */
	0xba, 0xf6, 0x00,			/* mov $0xf6, %dx */
	0xf3, 0x6e,				/* rep outsb */
	0x66, 0xb8, 0x11, 0x00, 0x00, 0x00,	/* mov $17, %eax */
	0x0f, 0x01, 0xc1,			/* vmcall */
	0x83, 0x06, 0x00, 0x20, 0x01,		/* addw $1, 0x2000 */
	0x83, 0x3e, 0x00, 0x20, 0x20,		/* cmpw $32, 0x2000 */
	0x72, 0xce,				/* jb, back to the first */
	0xf4,					/* hlt */
	0xeb, 0xcb,				/* jmp, likewise */
};

static const u8 reset_code[] = { 0xe9, 0x0d, 0xf0 };	/* jmp to the start of the page */

static u8 code_page[PAGE];

/* Numbers for fields */

static u64 make_number(u64 *random, u64 limit)
{
	return fuzz_one_in(random, 40) ? fuzz_next(random) : fuzz_below(random, limit);
}

/* Some value that is a limit, or close to one, of something. */
static u64 make_value(u64 *random, u64 param)
{
	u64 bit = BIT(fuzz_below(random, 64));

	(void)param;
	switch (fuzz_below(random, 8)) {
	case 0:
		return fuzz_next(random);
	case 1:
		return bit;
	case 2:
		return bit - 1;
	case 3:
		return -bit;
	case 4:
		return fuzz_below(random, 0x10000) << 12;
	default:
		return fuzz_below(random, 32);
	}
}

static u64 make_reserved(u64 *random, u64 param)
{
	(void)param;
	return fuzz_one_in(random, 40) ? make_value(random, 0) : 0;
}

/* Flags of @mask, seldom others. */
static u64 make_flags(u64 *random, u64 mask)
{
	if (fuzz_one_in(random, 40))
		return fuzz_next(random);
	return fuzz_one_in(random, 2) ? 0 : fuzz_next(random) & mask;
}

/* A descriptor's slot: mostly of the right kind, and the first ones. */
static u64 make_fd(u64 *random, u64 kind)
{
	u64 index = fuzz_below(random, 3);

	if (fuzz_one_in(random, 25))
		kind = fuzz_below(random, FD_KINDS);
	if (kind == FD_VCPU && fuzz_one_in(random, 2))
		index += 3;
	else if (kind == FD_DOMAIN)
		index %= 2;
	return FUZZ_FD(kind, index);
}

/* Or none, for those that can go without. */
static u64 make_fd_or_none(u64 *random, u64 kind)
{
	return fuzz_one_in(random, 3) ? FUZZ_FD(FD_NONE, 0) : make_fd(random, kind);
}

static u64 make_region(u64 *random)
{
	return fuzz_one_in(random, 40) ? fuzz_below(random, FUZZ_REGIONS + 2) :
					 fuzz_below(random, FUZZ_REGIONS);
}

/* Guest memory: page-aligned for the most part. */
static u64 make_pointer(u64 *random, u64 param)
{
	static const u64 offsets[] = { 0, 0, 0, PAGE, 4 * PAGE, 0x100000, 0x200000, 0x3ff000 };
	u64 offset = offsets[fuzz_below(random, ARRAY_SIZE(offsets))];

	(void)param;
	if (fuzz_one_in(random, 40))
		offset += fuzz_below(random, PAGE);
	return FUZZ_POINTER(make_region(random), offset);
}

/* Where an argument is: the thread's own memory; seldom somewhere else, even across an end. */
static u64 make_buffer(u64 *random, u64 param)
{
	(void)param;
	if (!fuzz_one_in(random, 12))
		return FUZZ_OWN;
	return FUZZ_POINTER(make_region(random), fuzz_one_in(random, 2) ? 0 :
			    REGION_SIZE - 8 * fuzz_below(random, 16));
}

static u64 make_guest_addr(u64 *random, u64 param)
{
	static const u64 places[] = {
		0, 0, 0, PAGE, 0x4000, 0x10000, 0x100000, 0x200000, 0xfffff000, 0xfee00000,
		0xfe000000, 0x100000000, BIT(39), BIT(46), BIT(52),
	};
	u64 place = places[fuzz_below(random, ARRAY_SIZE(places))];

	(void)param;
	return fuzz_one_in(random, 40) ? make_value(random, 0) : place;
}

static u64 make_size(u64 *random, u64 param)
{
	static const u64 sizes[] = {
		PAGE, PAGE, 4 * PAGE, 16 * PAGE, 0x100000, 0x200000, 0x400000,
	};

	(void)param;
	if (fuzz_one_in(random, 30))
		return make_value(random, 0);
	return sizes[fuzz_below(random, ARRAY_SIZE(sizes))];
}

static u64 make_vector(u64 *random, u64 param)
{
	(void)param;
	return make_number(random, 257);
}

static u64 make_port(u64 *random, u64 param)
{
	(void)param;
	return fuzz_one_in(random, 10) ? make_number(random, 0x10001) :
					 0xf0 + fuzz_below(random, 8);
}

/* Index of a word in a struct of @size bytes. */
static u64 make_word(u64 *random, u64 size)
{
	return fuzz_below(random, size / 8);
}

static u64 make_khz(u64 *random, u64 param)
{
	static const u64 values[] = { 0, 1, 1000, 50000, 100000, 3000000, 100000000, 100000001 };

	(void)param;
	return fuzz_one_in(random, 4) ? make_value(random, 0) :
					values[fuzz_below(random, ARRAY_SIZE(values))];
}

/* How things are called: what the numbers stand for */

static int resolve_fd(u64 number)
{
	unsigned int kind = number >> 8, index = number & 0xff;

	if (kind == FD_NONE || kind >= FD_KINDS || index >= FUZZ_SLOTS)
		return -1;
	return READ_ONCE(slots[kind][index]);
}

static u64 resolve_pointer(u64 number, const void *own)
{
	u64 region = (number >> 32) - 1, offset = number & 0xffffffff;

	if (!(number >> 32))
		return (u64)own;
	if (region == FUZZ_NULL)
		return offset;
	if (region >= FUZZ_REGIONS)
		return 0xffff888000000000UL + offset;
	return (u64)REGIONS + region * 2 * REGION_SIZE + offset;
}

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

/* Write through the kernel, so that nobody is hurt when there is no memory. */
static void write_memory(u64 to, const void *from, size_t size)
{
	struct iovec local = { (void *)from, size }, remote = { (void *)to, size };

	process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
}

/* A descriptor takes its slot; what was there is closed. */
static long install(u64 number, long fd)
{
	unsigned int kind = number >> 8, index = number & 0xff;
	int old;

	if (fd < 0)
		return fd;
	if (kind >= FD_KINDS || index >= FUZZ_SLOTS) {
		close(fd);
		return 0;
	}
	old = __atomic_exchange_n(&slots[kind][index], (int)fd, __ATOMIC_SEQ_CST);
	if (old >= 0)
		close(old);
	return 0;
}

/* The argument of an ioctl: its struct, as far as it is made of fields. */
static void fill_area(struct fuzz_thread *thread, const struct fuzz_description *what,
		      const struct fuzz_call *call)
{
	unsigned int i;

	memset(thread->area, 0, 256);
	for (i = 0; i < FUZZ_FIELDS && what->field[i].name; i++) {
		const struct fuzz_field *field = &what->field[i];
		u64 value = call->arg[i];

		if (!field->size)
			continue;
		if (field->type == FIELD_FD)
			value = resolve_fd(value);
		else if (field->type == FIELD_POINTER)
			value = resolve_pointer(value, thread->list);
		memcpy(thread->area + field->offset, &value, field->size);
	}
}

/* Have the argument where the call wants it. */
static u64 place(struct fuzz_thread *thread, u64 where, size_t size)
{
	u64 address = resolve_pointer(where, thread->area);

	if (where != FUZZ_OWN)
		write_memory(address, thread->area, size);
	return address;
}

/* Fields: descriptor, place, those of the struct. */
static long call_plain(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];

	fill_area(thread, what, call);
	return result(ioctl(resolve_fd(call->arg[0]), what->request,
			    place(thread, call->arg[1], _IOC_SIZE(what->request))));
}

/* Fields: descriptor, argument by value. */
static long call_value(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	return result(ioctl(resolve_fd(call->arg[0]), fuzz_descriptions[call->what].request,
			    call->arg[1]));
}

/* Fields: descriptor, slot of the result, argument by value. */
static long call_create_vcpu(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	return install(call->arg[1], result(ioctl(resolve_fd(call->arg[0]), PHV_CREATE_VCPU,
						  call->arg[2])));
}

/* Fields: descriptor, place, slot of the result, name, and the struct's. */
static long call_create_domain(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	struct phv_create_domain *arg = (void *)thread->area;

	fill_area(thread, &fuzz_descriptions[call->what], call);
	snprintf(arg->name, sizeof(arg->name), "%s%llu", call->arg[3] < 4 ? "fuzz-" : "0",
		 call->arg[3] % 4);
	if (call->arg[3] == 5)
		memset(arg->name, 'x', sizeof(arg->name));
	return install(call->arg[2],
		       result(ioctl(resolve_fd(call->arg[0]), PHV_CREATE_DOMAIN,
				    place(thread, call->arg[1], sizeof(*arg)))));
}

/* Fields: descriptor, place, two words and what is written there; the rest is as it was. */
static long call_change(struct fuzz_thread *thread, const struct fuzz_call *call, unsigned int get)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];
	size_t size = _IOC_SIZE(what->request);
	u64 *words = (u64 *)thread->area;
	int fd = resolve_fd(call->arg[0]);
	long ret;

	memset(thread->area, 0, size);
	ret = result(ioctl(fd, get, thread->area));
	if (ret == -EINTR)
		return ret;
	words[call->arg[2] % (size / 8)] = call->arg[3];
	if (call->arg[4])
		words[(call->arg[4] - 1) % (size / 8)] = call->arg[5];
	return result(ioctl(fd, what->request, place(thread, call->arg[1], size)));
}

static long call_set_regs(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	return call_change(thread, call, PHV_GET_REGS);
}

static long call_set_control(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	return call_change(thread, call, PHV_GET_CONTROL);
}

static long call_set_lapic(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	return call_change(thread, call, PHV_GET_LAPIC);
}

static long call_set_events(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	return call_change(thread, call, PHV_GET_EVENTS);
}

/* Fields: descriptor, place, count, entries, reserved, a word and what is written there. */
static long call_set_cpuid(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	struct phv_cpuid *arg = (void *)thread->area;
	int fd = resolve_fd(call->arg[0]);
	u64 *words = (u64 *)thread->list;

	memset(thread->list, 0, FUZZ_AREA);
	*arg = (struct phv_cpuid) { .count = PHV_MAX_CPUID, .entries = (u64)thread->list };
	ioctl(fd, PHV_GET_CPUID, arg);
	if (call->arg[2] < PHV_MAX_CPUID)
		arg->count = call->arg[2];
	else if (call->arg[2] > PHV_MAX_CPUID)
		arg->count = call->arg[2] >> 1;
	arg->reserved = call->arg[4];
	arg->entries = resolve_pointer(call->arg[3], thread->list);
	if (call->arg[6])
		words[call->arg[5] % (FUZZ_AREA / 8)] = call->arg[6];
	return result(ioctl(fd, PHV_SET_CPUID, place(thread, call->arg[1], sizeof(*arg))));
}

/* MSRs that somebody may have an opinion on, and their neighbours. */
static const u32 msrs[] = {
	0x0, 0x10, 0x1b, 0x3a, 0x3b, 0x48, 0x49, 0x8b, 0xc1, 0xfe, 0x10a, 0x122, 0x140, 0x174,
	0x175, 0x176, 0x179, 0x17a, 0x186, 0x199, 0x1a0, 0x1d9, 0x200, 0x250, 0x277, 0x2ff, 0x38f,
	0x390, 0x480, 0x491, 0x6a0, 0x6e0, 0x800, 0x802, 0x808, 0x80b, 0x80f, 0x828, 0x830, 0x832,
	0x838, 0x83f, 0xda0, 0xe1, 0x40000000, 0x40000020, 0x4b564d00, 0xc0000080, 0xc0000081,
	0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103,
	0xc0010015, 0xffffffff,
};

/*
 * Fields: descriptor, place, count, entries, reserved, the first MSR's place here, its value. For
 * a VMCS, that is the first field's encoding.
 */
static long call_msrs(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];
	struct phv_msr *list = (void *)thread->list;
	unsigned int i;

	for (i = 0; i < FUZZ_AREA / sizeof(*list); i++)
		list[i] = (struct phv_msr) {
			.index = what->request == PHV_GET_VMCS ? call->arg[6] + 2 * i :
				 msrs[(call->arg[5] + i) % ARRAY_SIZE(msrs)],
			.value = i ? 0 : call->arg[6],
		};
	fill_area(thread, what, call);
	return result(ioctl(resolve_fd(call->arg[0]), what->request,
			    place(thread, call->arg[1], sizeof(struct phv_msrs))));
}

/* Fields: descriptor, place, size, reserved, area, a word and what is written there. */
static long call_set_xsave(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	struct phv_xsave *arg = (void *)thread->area;
	int fd = resolve_fd(call->arg[0]);
	u64 *words = (u64 *)thread->list;
	long ret;

	*arg = (struct phv_xsave) { .size = FUZZ_AREA, .area = (u64)thread->list };
	ret = result(ioctl(fd, PHV_GET_XSAVE, arg));
	if (ret == -EINTR)
		return ret;
	arg->size += call->arg[2];
	arg->reserved = call->arg[3];
	arg->area = resolve_pointer(call->arg[4], thread->list);
	if (call->arg[6])
		words[call->arg[5] % (FUZZ_AREA / 8)] = call->arg[6];
	return result(ioctl(fd, PHV_SET_XSAVE, place(thread, call->arg[1], sizeof(*arg))));
}

/* Fields: descriptor, place, count, entries, reserved, and what all entries are made of. */
static long call_memory_map(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];
	struct phv_xen_memory_entry *list = (void *)thread->list;
	unsigned int i;

	for (i = 0; i < FUZZ_AREA / sizeof(*list); i++)
		list[i] = (struct phv_xen_memory_entry) {
			.addr = call->arg[5] + i * PAGE, .size = PAGE, .type = call->arg[6],
		};
	fill_area(thread, what, call);
	return result(ioctl(resolve_fd(call->arg[0]), what->request,
			    place(thread, call->arg[1], sizeof(struct phv_xen_memory_map))));
}

/* What is no ioctl */

/* Fields: slot of the result. */
static long call_open(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	return install(call->arg[0], result(open(PHV_DEVICE, O_RDWR | O_CLOEXEC)));
}

/* Fields: slot of the result, count, flags. */
static long call_eventfd(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	return install(call->arg[0],
		       result(eventfd(call->arg[1], EFD_CLOEXEC | EFD_NONBLOCK |
				      (call->arg[2] & EFD_SEMAPHORE))));
}

/* Fields: descriptor. */
static long call_signal(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	u64 one = 1;

	(void)thread;
	return result(write(resolve_fd(call->arg[0]), &one, sizeof(one)));
}

/* Fields: descriptor, slot of the result. */
static long call_dup(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	return install(call->arg[1], result(fcntl(resolve_fd(call->arg[0]), F_DUPFD_CLOEXEC, 3)));
}

/*
 * Fields: descriptor, whether the slot forgets it. If not, others use the number for whatever
 * has it next.
 */
static long call_close(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	unsigned int kind = call->arg[0] >> 8, index = call->arg[0] & 0xff;
	int fd = resolve_fd(call->arg[0]);

	(void)thread;
	if (fd < 0)
		return -EBADF;
	if (call->arg[1])
		WRITE_ONCE(slots[kind][index], -1);
	return result(close(fd));
}

/* Fields: descriptor. On its way it may be the last one. */
static long call_send(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = resolve_fd(call->arg[0]);

	(void)thread;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return result(sendmsg(mail[0], &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* Fields: slot of the result. */
static long call_receive(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header;
	int fd;

	(void)thread;
	if (recvmsg(mail[1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_len != CMSG_LEN(sizeof(int)))
		return 0;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return install(call->arg[0], fd);
}

/* A child, that nothing keeps for ever. */
static void begin_child(void)
{
	const struct itimerval end = { .it_value.tv_usec = 200000 };

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &end, NULL);
}

/*
 * Fields: what the child does: nothing, run another program with a descriptor that survives
 * that, or ioctls of a domain and a vCPU that are not its own; the descriptors.
 */
static long call_fork(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	int fd = resolve_fd(call->arg[1]), other = resolve_fd(call->arg[2]);
	struct phv_memory memory = { .size = PAGE, .user_addr = (u64)REGIONS };
	pid_t pid = fork();

	(void)thread;
	if (pid < 0)
		return -errno;
	if (pid) {
		/* It may be slow, but it has an end. */
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return 0;
	}
	begin_child();
	switch (call->arg[0]) {
	case 1:
		fcntl(fd, F_SETFD, 0);
		execl("/proc/self/exe", "ioctl_fuzz", "--exec", NULL);
		break;
	case 2:
		ioctl(fd, PHV_ADD_MEMORY, &memory);
		ioctl(fd, PHV_CREATE_VCPU, 5);
		ioctl(fd, PHV_EVTCHN_SEND, 1);
		ioctl(other, PHV_RUN, 0);
		ioctl(other, PHV_NMI, 0);
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
		break;
	}
	_exit(0);
}

/* Memory of all kinds for a region. */
enum {
	MAP_SMALL, MAP_SHARED_MEMORY, MAP_MEMFD, MAP_MEMFD_PRIVATE, MAP_FILE_SHARED,
	MAP_HUGETLB_PAGES, MAP_NO_ACCESS, MAP_READ_ONLY, MAP_HOLE, MAP_RUN_PAGE, MAP_LARGE,
	MAP_HALF, MAP_KINDS
};

static void put_code(u8 *start)
{
	unsigned int i;

	if (!code_page[0]) {
		memcpy(code_page, guest_code, sizeof(guest_code));
		memcpy(code_page + 0xff0, reset_code, sizeof(reset_code));
	}
	for (i = 0; i < CODE_PAGES; i++)
		write_memory((u64)start + i * PAGE, code_page, PAGE);
}

static int map_file(u8 *start, int kind)
{
	char path[] = "/tmp/ioctl_fuzz.XXXXXX";
	void *p;
	int fd;

	if (kind == MAP_FILE_SHARED) {
		fd = mkostemp(path, O_CLOEXEC);
		unlink(path);
	} else {
		fd = memfd_create("ioctl_fuzz", MFD_CLOEXEC);
	}
	if (fd < 0 || ftruncate(fd, REGION_SIZE / 2)) {
		close(fd);
		return -1;
	}
	p = mmap(start, REGION_SIZE, PROT_READ | PROT_WRITE,
		 MAP_FIXED | (kind == MAP_MEMFD_PRIVATE ? MAP_PRIVATE : MAP_SHARED), fd, 0);
	close(fd);
	return p == MAP_FAILED ? -1 : 0;
}

/* Fields: region, kind of memory. */
static long call_map(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	u8 *start = REGIONS + call->arg[0] % FUZZ_REGIONS * 2 * REGION_SIZE;
	int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t size = REGION_SIZE;
	void *p;

	(void)thread;
	switch (call->arg[1]) {
	case MAP_SHARED_MEMORY:
		flags = MAP_SHARED | MAP_ANONYMOUS;
		break;
	case MAP_MEMFD:
	case MAP_MEMFD_PRIVATE:
	case MAP_FILE_SHARED:
		if (map_file(start, call->arg[1]))
			return -EINVAL;
		put_code(start);
		return 0;
	case MAP_HUGETLB_PAGES:
		flags |= MAP_HUGETLB;
		break;
	case MAP_NO_ACCESS:
		prot = PROT_NONE;
		break;
	case MAP_READ_ONLY:
		prot = PROT_READ;
		break;
	case MAP_HOLE:
		return result(munmap(start, size));
	case MAP_RUN_PAGE:
		p = mmap(start, PAGE, prot, MAP_SHARED | MAP_FIXED, resolve_fd(FUZZ_FD(FD_VCPU, 0)),
			 0);
		return p == MAP_FAILED ? -errno : 0;
	case MAP_HALF:
		munmap(start, size);
		size = 2 * PAGE;
		break;
	}
	p = mmap(start, size, prot, flags | MAP_FIXED | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (call->arg[1] == MAP_LARGE)
		madvise(start, size, MADV_HUGEPAGE);
	put_code(start);
	return 0;
}

/* Fields: where, size, rights. */
static long call_protect(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	if (!call->arg[0])
		return -EINVAL;
	return result(mprotect((void *)resolve_pointer(call->arg[0], NULL), call->arg[1],
			       call->arg[2] & (PROT_READ | PROT_WRITE | PROT_EXEC)));
}

/* Fields: where, size, advice: an index here. */
static long call_advise(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_REMOVE, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLD,
		MADV_PAGEOUT, MADV_DONTFORK, MADV_MERGEABLE,
	};

	(void)thread;
	if (!call->arg[0])
		return -EINVAL;
	return result(madvise((void *)resolve_pointer(call->arg[0], NULL), call->arg[1],
			      advice[call->arg[2] % ARRAY_SIZE(advice)]));
}

/* Fields: where from, region to which. */
static long call_move(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	u64 from = resolve_pointer(call->arg[0], NULL);
	u64 to = (u64)REGIONS + (call->arg[1] % FUZZ_REGIONS * 2 + 1) * REGION_SIZE;

	(void)thread;
	if (!call->arg[0])
		return -EINVAL;
	return mremap((void *)from, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      (void *)to) == MAP_FAILED ? -errno : 0;
}

/* Fields: where, a word. */
static long call_write(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	write_memory(resolve_pointer(call->arg[0], REGIONS), &call->arg[1], sizeof(u64));
	return 0;
}

/* Fields: descriptor, where its run page goes: a slot's number. */
static long call_map_run(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	u8 *where = RUN_PAGES + call->arg[1] % FUZZ_SLOTS * PAGE;

	(void)thread;
	return mmap(where, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		    resolve_fd(call->arg[0]), 0) == MAP_FAILED ? -errno : 0;
}

/* Fields: slot's number, index of a word, what is written there. */
static long call_write_run(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	(void)thread;
	write_memory((u64)RUN_PAGES + call->arg[0] % FUZZ_SLOTS * PAGE + call->arg[1] % 512 * 8,
		     &call->arg[2], sizeof(u64));
	return 0;
}

/* Fields: descriptor, which system call. None of them means anything to a descriptor of phv's. */
static long call_other(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	int fd = resolve_fd(call->arg[0]);

	(void)thread;
	switch (call->arg[1]) {
	case 0:
		return result(ftruncate(fd, 0));
	case 1:
		return mmap(RUN_PAGES, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) ==
		       MAP_FAILED ? -errno : 0;
	case 2:
		return mmap(RUN_PAGES, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
			    0) == MAP_FAILED ? -errno : 0;
	case 3:
		return result(munmap(RUN_PAGES, FUZZ_SLOTS * PAGE));
	default:
		return result(fcntl(fd, F_SETFL, call->arg[1] & 4 ? O_NONBLOCK : 0));
	}
}

/* Generic netlink, by hand: requests that make no sense can't be made otherwise. */

struct netlink_request {
	struct nlmsghdr header;
	struct genlmsghdr generic;
	struct nlattr attr;
	u8 data[64];
};

static long talk(int fd, struct netlink_request *request, u8 *reply, size_t size)
{
	struct nlmsghdr *header = (void *)reply;
	ssize_t length;

	if (send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	length = recv(fd, reply, size, MSG_DONTWAIT);
	if (length < (ssize_t)sizeof(*header))
		return -EAGAIN;
	if (header->nlmsg_type == NLMSG_ERROR)
		return *(int *)NLMSG_DATA(header);
	return 0;
}

static void set_attr(struct netlink_request *request, u16 type, const void *data, size_t size)
{
	request->attr.nla_type = type;
	request->attr.nla_len = sizeof(request->attr) + size;
	memcpy(request->data, data, size);
	request->header.nlmsg_len = offsetof(struct netlink_request, data) + NLA_ALIGN(size);
}

/* Attribute @type of a reply about a family: where it is. */
static const struct nlattr *find_attr(const u8 *reply, u16 type)
{
	const struct nlmsghdr *header = (const void *)reply;
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

	while (at + sizeof(struct nlattr) < header->nlmsg_len) {
		const struct nlattr *attr = (const void *)(reply + at);

		if (attr->nla_type == type)
			return attr;
		at += NLA_ALIGN(attr->nla_len);
	}
	return NULL;
}

static u16 find_family(int fd, u8 *reply, size_t size)
{
	struct netlink_request request = {
		.header = { .nlmsg_type = GENL_ID_CTRL, .nlmsg_flags = NLM_F_REQUEST },
		.generic = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 },
	};
	const struct nlattr *id;

	set_attr(&request, CTRL_ATTR_FAMILY_NAME, PHV_FAMILY_NAME, sizeof(PHV_FAMILY_NAME));
	if (talk(fd, &request, reply, size))
		return 0;
	id = find_attr(reply, CTRL_ATTR_FAMILY_ID);
	return id ? *(const u16 *)(id + 1) : 0;
}

/* Fields: command, flags, attribute, its value, its size, how many replies are read. */
static long call_netlink(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	struct netlink_request request = {
		.header = { .nlmsg_flags = NLM_F_REQUEST | (call->arg[1] & 0xf05) },
		.generic = { .cmd = call->arg[0], .version = 1 },
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	u64 data[8] = { call->arg[3] };
	unsigned int i;
	long ret;

	if (fd < 0)
		return -errno;
	if (call->arg[2] == PHV_A_DOMAIN_NAME)
		snprintf((char *)data, sizeof(data), "fuzz-%llu", call->arg[3] % 4);
	request.header.nlmsg_type = find_family(fd, thread->list, FUZZ_AREA);
	set_attr(&request, call->arg[2], data, call->arg[4] % sizeof(data));
	ret = talk(fd, &request, thread->list, FUZZ_AREA);
	for (i = 0; i < call->arg[5] % 8; i++)
		recv(fd, thread->list, 256, MSG_DONTWAIT);
	close(fd);
	return ret == -EAGAIN ? 0 : ret;
}

/* Fields: slot of the result: a socket that hears of domains, and is never read. */
static long call_listen(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC), size = 2048;
	const struct nlattr *groups, *id;
	u32 group;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (find_family(fd, thread->list, FUZZ_AREA)) {
		/* a list of groups, of attributes: the first group's identifier */
		groups = find_attr(thread->list, CTRL_ATTR_MCAST_GROUPS);
		if (groups) {
			for (id = groups + 2; id->nla_type != CTRL_ATTR_MCAST_GRP_ID;)
				id = (const void *)((u8 *)id + NLA_ALIGN(id->nla_len));
			group = *(const u32 *)(id + 1);
			setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
		}
	}
	return install(call->arg[0], fd);
}

/* The table */

#define NUMBER(n, maker, p)	{ .name = n, .make = maker, .param = p }
#define POINTER(n, maker)	{ .name = n, .type = FIELD_POINTER, .make = maker }
#define FD(n, maker, kind)	{ .name = n, .type = FIELD_FD, .make = maker, .param = kind }
#define ON(kind)		FD("on", make_fd, kind)
#define TO(kind)		FD("to", make_fd, kind)
#define AT			POINTER("at", make_buffer)

/* Members of an ioctl's struct */
#define MEMBER(struct_, member, type_, maker, p)			\
	{ .name = #member, .type = type_, .offset = offsetof(struct struct_, member),	\
	  .size = sizeof(((struct struct_ *)0)->member), .make = maker, .param = p }
#define IN(struct_, member, maker, p)	MEMBER(struct_, member, FIELD_NUMBER, maker, p)
#define IN_POINTER(struct_, member, maker) MEMBER(struct_, member, FIELD_POINTER, maker, 0)
#define IN_FD(struct_, member, maker, kind) MEMBER(struct_, member, FIELD_FD, maker, kind)
/* One word of a reserved array */
#define RESERVED(struct_, member)					\
	{ .name = #member, .offset = offsetof(struct struct_, member), .size = 4,	\
	  .make = make_reserved }

#define ERRNOS(...)	((const short[]) { __VA_ARGS__, 0 })

/* Fields of several calls */
#define MEMORY_CALL							\
	{ ON(FD_DOMAIN), AT, IN(phv_memory, guest_addr, make_guest_addr, 0),	\
	  IN(phv_memory, size, make_size, 0), IN_POINTER(phv_memory, user_addr, make_pointer),	\
	  IN(phv_memory, flags, make_flags, 3), RESERVED(phv_memory, reserved) }
#define EVTCHN_CALL							\
	{ ON(FD_DOMAIN), AT, IN(phv_evtchn, port, make_number, 6),	\
	  IN_FD(phv_evtchn, kick, make_fd_or_none, FD_EVENTFD),		\
	  IN_FD(phv_evtchn, call, make_fd_or_none, FD_EVENTFD),		\
	  RESERVED(phv_evtchn, flags), RESERVED(phv_evtchn, reserved) }
#define LIST_CALL(kind, struct_, limit, ...)				\
	{ ON(kind), AT, IN(struct_, count, make_number, limit),		\
	  IN_POINTER(struct_, entries, make_buffer), RESERVED(struct_, reserved), __VA_ARGS__ }
#define CHANGE_CALL(bytes)						\
	{ ON(FD_VCPU), AT, NUMBER("word", make_word, bytes), NUMBER("value", make_value, 0),	\
	  NUMBER("word2", make_word, bytes), NUMBER("value2", make_value, 0) }

const struct fuzz_description fuzz_descriptions[] = {
	{ "open", 3, .call = call_open, .field = { TO(FD_DEVICE) } },
	{ "eventfd", 4, .call = call_eventfd,
	  .field = { TO(FD_EVENTFD), NUMBER("count", make_number, 3),
		     NUMBER("flags", make_flags, 1) } },
	{ "signal", 8, .call = call_signal, .field = { ON(FD_EVENTFD) } },
	{ "dup", 4, .call = call_dup, .field = { ON(FD_DOMAIN), TO(FD_DOMAIN) } },
	{ "dup_vcpu", 4, .call = call_dup, .field = { ON(FD_VCPU), TO(FD_VCPU) } },
	{ "close", 3, .call = call_close,
	  .field = { ON(FD_DOMAIN), NUMBER("forget", make_number, 2) } },
	{ "close_vcpu", 4, .call = call_close,
	  .field = { ON(FD_VCPU), NUMBER("forget", make_number, 2) } },
	{ "close_eventfd", 4, .call = call_close,
	  .field = { ON(FD_EVENTFD), NUMBER("forget", make_number, 2) } },
	{ "close_other", 2, .call = call_close,
	  .field = { ON(FD_OTHER), NUMBER("forget", make_number, 2) } },
	{ "send", 3, .call = call_send, .field = { ON(FD_DOMAIN) } },
	{ "send_vcpu", 3, .call = call_send, .field = { ON(FD_VCPU) } },
	{ "receive", 4, .call = call_receive, .field = { TO(FD_VCPU) } },
	{ "fork", 2, .call = call_fork,
	  .field = { NUMBER("then", make_number, 3), FD("domain", make_fd, FD_DOMAIN),
		     FD("vcpu", make_fd, FD_VCPU) } },
	{ "map", 8, .call = call_map,
	  .field = { NUMBER("region", make_number, FUZZ_REGIONS),
		     NUMBER("kind", make_number, MAP_KINDS) } },
	{ "protect", 5, .call = call_protect,
	  .field = { POINTER("where", make_pointer), NUMBER("size", make_size, 0),
		     NUMBER("rights", make_number, 8) } },
	{ "advise", 6, .call = call_advise,
	  .field = { POINTER("where", make_pointer), NUMBER("size", make_size, 0),
		     NUMBER("advice", make_number, 9) } },
	{ "move", 2, .call = call_move,
	  .field = { POINTER("where", make_pointer),
		     NUMBER("region", make_number, FUZZ_REGIONS) } },
	{ "write", 6, .call = call_write,
	  .field = { POINTER("where", make_pointer), NUMBER("value", make_value, 0) } },
	{ "map_run", 5, .call = call_map_run,
	  .field = { ON(FD_VCPU), NUMBER("slot", make_number, FUZZ_SLOTS) } },
	{ "write_run", 4, .call = call_write_run,
	  .field = { NUMBER("slot", make_number, FUZZ_SLOTS), NUMBER("word", make_number, 32),
		     NUMBER("value", make_value, 0) } },
	{ "other", 2, .call = call_other,
	  .field = { ON(FD_VCPU), NUMBER("which", make_number, 6) } },
	{ "netlink", 5, .call = call_netlink,
	  .field = { NUMBER("command", make_number, 5), NUMBER("flags", make_flags, 0x305),
		     NUMBER("attr", make_number, 4), NUMBER("value", make_number, 4),
		     NUMBER("size", make_number, 9), NUMBER("replies", make_number, 8) } },
	{ "listen", 2, .call = call_listen, .field = { TO(FD_OTHER) } },

	{ "get_caps", 1, PHV_GET_CAPS, NULL, NULL, { ON(FD_DEVICE), AT } },
	{ "create_domain", 6, PHV_CREATE_DOMAIN,
	  ERRNOS(EINVAL, EEXIST, EBUSY, ENOSPC, EMFILE, ENFILE), call_create_domain,
	  { ON(FD_DEVICE), AT, TO(FD_DOMAIN), NUMBER("name", make_number, 6),
	    RESERVED(phv_create_domain, flags), RESERVED(phv_create_domain, reserved) } },
	{ "create_vcpu", 10, PHV_CREATE_VCPU, ERRNOS(EINVAL, EEXIST, EPERM, EMFILE, ENFILE),
	  call_create_vcpu,
	  { ON(FD_DOMAIN), TO(FD_VCPU), NUMBER("id", make_number, 4) } },
	{ "add_memory", 10, PHV_ADD_MEMORY, ERRNOS(EINVAL, EEXIST, ENOSPC, EPERM), NULL,
	  MEMORY_CALL },
	{ "change_memory", 6, PHV_CHANGE_MEMORY, ERRNOS(EINVAL, EEXIST, ENOSPC, EPERM, ENOENT),
	  NULL, MEMORY_CALL },
	{ "remove_memory", 6, PHV_REMOVE_MEMORY, ERRNOS(EINVAL, ENOENT, EPERM), NULL,
	  MEMORY_CALL },
	{ "get_dirty", 5, PHV_GET_DIRTY, ERRNOS(EINVAL, ENOENT, EPERM), NULL,
	  { ON(FD_DOMAIN), AT, IN(phv_dirty, guest_addr, make_guest_addr, 0),
	    IN(phv_dirty, size, make_size, 0), IN_POINTER(phv_dirty, bitmap, make_buffer),
	    RESERVED(phv_dirty, reserved) } },
	{ "get_cpuid", 2, PHV_GET_CPUID, ERRNOS(E2BIG, EINVAL), NULL,
	  LIST_CALL(FD_DOMAIN, phv_cpuid, 100) },
	{ "set_cpuid", 3, PHV_SET_CPUID, ERRNOS(EINVAL, EBUSY), call_set_cpuid,
	  { ON(FD_DOMAIN), AT, NUMBER("count", make_number, 200),
	    POINTER("entries", make_buffer), NUMBER("reserved", make_reserved, 0),
	    NUMBER("word", make_word, 0xa00), NUMBER("value", make_value, 0) } },
	{ "set_msr_policy", 3, PHV_SET_MSR_POLICY, ERRNOS(EINVAL, ENOSPC, EBUSY), NULL,
	  { ON(FD_DOMAIN), AT, IN(phv_msr_policy, index, make_value, 0),
	    IN(phv_msr_policy, action, make_number, 4), IN(phv_msr_policy, value, make_value, 0),
	    RESERVED(phv_msr_policy, reserved) } },
	{ "set_ports", 6, PHV_SET_PORTS, ERRNOS(EINVAL, EBADF, EEXIST, ENOENT, ENOSPC), NULL,
	  { ON(FD_DOMAIN), AT, IN(phv_ports, first, make_port, 0),
	    IN(phv_ports, count, make_number, 8), IN(phv_ports, action, make_number, 4),
	    IN_FD(phv_ports, eventfd, make_fd_or_none, FD_EVENTFD),
	    RESERVED(phv_ports, reserved) } },
	{ "set_irqfd", 8, PHV_SET_IRQFD, ERRNOS(EINVAL, EBADF, ENOENT, EEXIST, ENOSPC), NULL,
	  { ON(FD_DOMAIN), AT, IN_FD(phv_irqfd, eventfd, make_fd, FD_EVENTFD),
	    IN(phv_irqfd, vcpu, make_number, 4), IN(phv_irqfd, vector, make_vector, 0),
	    IN(phv_irqfd, flags, make_flags, 1), RESERVED(phv_irqfd, reserved) } },
	{ "set_tsc_khz", 2, PHV_SET_TSC_KHZ, ERRNOS(EINVAL, EOPNOTSUPP, EBUSY), call_value,
	  { ON(FD_DOMAIN), NUMBER("khz", make_khz, 0) } },

	{ "xen_setup", 5, PHV_XEN_SETUP, ERRNOS(EINVAL, EBUSY, ENOSPC, EPERM), NULL,
	  { ON(FD_DOMAIN), AT, IN_POINTER(phv_xen_setup, frames_addr, make_pointer),
	    IN(phv_xen_setup, grant_frames, make_number, 20),
	    IN(phv_xen_setup, flags, make_flags, 7), IN(phv_xen_setup, max_pages, make_value, 0),
	    RESERVED(phv_xen_setup, reserved) } },
	{ "xen_get_param", 1, PHV_XEN_GET_PARAM, ERRNOS(EINVAL, EPERM, ENXIO), NULL,
	  { ON(FD_DOMAIN), AT, IN(phv_xen_param, index, make_number, 40),
	    RESERVED(phv_xen_param, reserved) } },
	{ "xen_set_param", 2, PHV_XEN_SET_PARAM, ERRNOS(EINVAL, EPERM, ENXIO), NULL,
	  { ON(FD_DOMAIN), AT, IN(phv_xen_param, index, make_number, 40),
	    RESERVED(phv_xen_param, reserved), IN(phv_xen_param, value, make_value, 0) } },
	{ "xen_set_memory_map", 2, PHV_XEN_SET_MEMORY_MAP, ERRNOS(EINVAL, EPERM, ENXIO),
	  call_memory_map,
	  LIST_CALL(FD_DOMAIN, phv_xen_memory_map, 130,
		    NUMBER("addr", make_value, 0), NUMBER("type", make_number, 6)) },
	{ "evtchn_alloc", 4, PHV_EVTCHN_ALLOC, ERRNOS(EINVAL, ENOSPC, EPERM, ENXIO), NULL,
	  EVTCHN_CALL },
	{ "evtchn_bind", 6, PHV_EVTCHN_BIND, ERRNOS(EINVAL, EBADF, EPERM, ENXIO), NULL,
	  EVTCHN_CALL },
	{ "evtchn_unbind", 3, PHV_EVTCHN_UNBIND, ERRNOS(EINVAL, EPERM, ENXIO), call_value,
	  { ON(FD_DOMAIN), NUMBER("port", make_number, 6) } },
	{ "evtchn_send", 3, PHV_EVTCHN_SEND, ERRNOS(EINVAL, EPERM, ENXIO), call_value,
	  { ON(FD_DOMAIN), NUMBER("port", make_number, 6) } },
	{ "xen_resume", 1, PHV_XEN_RESUME, ERRNOS(EINVAL, EPERM, ENXIO), call_value,
	  { ON(FD_DOMAIN), NUMBER("value", make_number, 3) } },
	{ "xen_get_grants", 1, PHV_XEN_GET_GRANTS, ERRNOS(EPERM, ENXIO), NULL,
	  { ON(FD_DOMAIN), AT } },

	{ "run", 30, PHV_RUN, ERRNOS(EINTR, EPERM), call_value,
	  { ON(FD_VCPU), NUMBER("value", make_reserved, 0) } },
	{ "get_regs", 1, PHV_GET_REGS, ERRNOS(EINTR, EPERM), NULL, { ON(FD_VCPU), AT } },
	{ "set_regs", 4, PHV_SET_REGS, ERRNOS(EINVAL, EINTR, EPERM), call_set_regs,
	  CHANGE_CALL(sizeof(struct phv_regs)) },
	{ "get_control", 1, PHV_GET_CONTROL, ERRNOS(EINTR, EPERM), NULL, { ON(FD_VCPU), AT } },
	{ "set_control", 6, PHV_SET_CONTROL, ERRNOS(EINVAL, EINTR, EPERM), call_set_control,
	  CHANGE_CALL(sizeof(struct phv_control)) },
	{ "get_msrs", 2, PHV_GET_MSRS, ERRNOS(EINVAL, EINTR, EPERM), call_msrs,
	  LIST_CALL(FD_VCPU, phv_msrs, 80,
		    NUMBER("first", make_number, 60), NUMBER("value", make_value, 0)) },
	{ "set_msrs", 4, PHV_SET_MSRS, ERRNOS(EINVAL, EINTR, EPERM), call_msrs,
	  LIST_CALL(FD_VCPU, phv_msrs, 4,
		    NUMBER("first", make_number, 60), NUMBER("value", make_value, 0)) },
	{ "get_vmcs", 2, PHV_GET_VMCS, ERRNOS(EINVAL, EINTR, EPERM), call_msrs,
	  LIST_CALL(FD_VCPU, phv_msrs, 260,
		    NUMBER("first", make_number, 60), NUMBER("value", make_value, 0)) },
	{ "get_xsave", 1, PHV_GET_XSAVE, ERRNOS(E2BIG, EINVAL, EINTR, EPERM), NULL,
	  { ON(FD_VCPU), AT, IN(phv_xsave, size, make_size, 0),
	    IN_POINTER(phv_xsave, area, make_buffer), RESERVED(phv_xsave, reserved) } },
	{ "set_xsave", 3, PHV_SET_XSAVE, ERRNOS(EINVAL, EINTR, EPERM), call_set_xsave,
	  { ON(FD_VCPU), AT, NUMBER("more", make_reserved, 0),
	    NUMBER("reserved", make_reserved, 0), POINTER("area", make_buffer),
	    NUMBER("word", make_word, 0x400), NUMBER("value", make_value, 0) } },
	{ "get_lapic", 1, PHV_GET_LAPIC, ERRNOS(EINTR, EPERM), NULL, { ON(FD_VCPU), AT } },
	{ "set_lapic", 4, PHV_SET_LAPIC, ERRNOS(EINVAL, EINTR, EPERM), call_set_lapic,
	  CHANGE_CALL(0x400) },
	{ "get_events", 1, PHV_GET_EVENTS, ERRNOS(EINTR, EPERM), NULL, { ON(FD_VCPU), AT } },
	{ "set_events", 5, PHV_SET_EVENTS, ERRNOS(EINVAL, EINTR, EPERM), call_set_events,
	  CHANGE_CALL(32) },
	{ "interrupt", 5, PHV_INTERRUPT, ERRNOS(EINVAL, EPERM), call_value,
	  { ON(FD_VCPU), NUMBER("vector", make_vector, 0) } },
	{ "nmi", 4, PHV_NMI, ERRNOS(EPERM), call_value,
	  { ON(FD_VCPU), NUMBER("value", make_reserved, 0) } },
	{ "get_counters", 1, PHV_GET_COUNTERS, ERRNOS(EPERM), NULL, { ON(FD_VCPU), AT } },
};

const unsigned int fuzz_description_count = ARRAY_SIZE(fuzz_descriptions);

/* What every ioctl may give: of any descriptor, and when memory is short. */
static const short common_errnos[] = { EBADF, ENOTTY, EFAULT, ENOMEM, 0 };

/* The interface */

void fuzz_calls_begin(void)
{
	unsigned int kind, i;

	for (kind = 0; kind < FD_KINDS; kind++)
		for (i = 0; i < FUZZ_SLOTS; i++)
			slots[kind][i] = -1;
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, mail))
		mail[0] = -1;
}

long fuzz_call(struct fuzz_thread *thread, const struct fuzz_call *call)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];

	return what->call ? what->call(thread, call) : call_plain(thread, call);
}

static bool is_among(const short *errnos, long number)
{
	for (; errnos && *errnos; errnos++)
		if (*errnos == number)
			return true;
	return false;
}

bool fuzz_result_is_known(const struct fuzz_call *call, long ret)
{
	const struct fuzz_description *what = &fuzz_descriptions[call->what];

	return ret >= 0 || !what->request || is_among(common_errnos, -ret) ||
	       is_among(what->errnos, -ret);
}

unsigned int fuzz_pick(u64 *random)
{
	unsigned int i, at, sum = 0;

	for (i = 0; i < fuzz_description_count; i++)
		sum += fuzz_descriptions[i].weight;
	at = fuzz_below(random, sum);
	for (i = 0; at >= fuzz_descriptions[i].weight; i++)
		at -= fuzz_descriptions[i].weight;
	return i;
}

void fuzz_make_call(u64 *random, unsigned int what, struct fuzz_call *call)
{
	const struct fuzz_field *field = fuzz_descriptions[what].field;
	unsigned int i;

	memset(call, 0, sizeof(*call));
	call->what = what;
	for (i = 0; i < FUZZ_FIELDS && field[i].name; i++)
		call->arg[i] = field[i].make(random, field[i].param);
}

int fuzz_find(const char *name)
{
	unsigned int i;

	for (i = 0; i < fuzz_description_count; i++)
		if (!strcmp(fuzz_descriptions[i].name, name))
			return i;
	return -1;
}
