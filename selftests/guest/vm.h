/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tests with a guest: the host's side.
 *
 * A test program is a table of tests and a main() that hands it to test_main().
 * Each test runs in a process of its own, so that it may do what it likes; it
 * has failed if that process does not reach the test's end.  A test is a
 * function of the host, or just a guest function (see guest.h), for which a
 * domain with one vCPU is made.
 *
 *	static void guest_vmx_is_hidden(void)
 *	{
 *		guest_assert(!(cpuid(1, 0).ecx & BIT(5)));
 *	}
 *
 *	static const struct test tests[] = {
 *		{ "CPUID hides VMX", .guest = guest_vmx_is_hidden },
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return test_main(tests, ARRAY_SIZE(tests), argc, argv);
 *	}
 *
 * Any function here that cannot do its work says why, and fails the test.
 *
 * With GUEST_BACKEND=kvm in the environment the same tests run on KVM: for
 * comparison, and to try them where phv is not.  Tests of what only phv has say
 * need_phv().
 */
#ifndef VM_H
#define VM_H

#include <pthread.h>
#include <stdbool.h>

#include <phv.h>

#include "guest.h"
#include "kselftest.h"

/**
 * struct test - a test
 * @name: what is so when it passes
 * @host: runs it; or NULL, and
 * @guest: the guest that runs
 */
struct test {
	const char *name;
	void (*host)(void);
	void (*guest)(void);
};

/**
 * test_main - run tests
 * @tests: the table
 * @count: its length
 * @argc: as main() has it
 * @argv: with arguments, only tests are run whose name contains one of them
 *
 * Return: the program's exit status.
 */
int test_main(const struct test *tests, unsigned int count, int argc,
	      char **argv);

/* End the test: failed, or skipped; from any thread. The reason has no newline. */
__noreturn __printf(1, 2) void test_fail(const char *format, ...);
__noreturn __printf(1, 2) void test_skip(const char *format, ...);

/* check - the test has failed if this is not true */
#define check(condition) do {						\
	if (!(condition))						\
		test_fail("%s:%d: %s", __FILE__, __LINE__, #condition);	\
} while (0)

/* check_eq - the test has failed if these are not equal; both are shown */
#define check_eq(a, b) do {						\
	const long long a_ = (long long)(a), b_ = (long long)(b);	\
									\
	if (a_ != b_)							\
		test_fail("%s:%d: %s == %s: %#llx, %#llx (%lld, %lld)",	\
			  __FILE__, __LINE__, #a, #b, a_, b_, a_, b_);	\
} while (0)

/* Longest time of a test, in seconds; test_limit() gives the running one anew. */
#define TEST_LIMIT	20

void test_limit(unsigned int seconds);

/* Skip this test with less than this many CPUs online. */
void need_cpus(unsigned int count);

/*
 * To be called by main(): in the emulator, until the program ends, let guests' translations
 * outlive exits, as they may on processors. Without, each exit flushes them, and nobody
 * notices that a flush is missing; but exits are quicker. False elsewhere.
 */
bool test_keep_translations(void);

/* Put the calling thread on this host CPU: the Nth that is online. */
void pin_to_cpu(unsigned int n);

/*
 * A domain. It has the program's image and vm_alloc()'s memory at their own
 * addresses, and 1 MiB from guest-physical address 0 on at @low.
 */
struct vm {
	const struct backend *backend;
	int fd;
	u32 id;
	u8 *low;
	struct vcpu *vcpus[PHV_MAX_VCPUS];
	void *private;			/* the backend's */
};

struct vcpu {
	struct vm *vm;
	u32 id;
	int fd;
	struct phv_run *run;
	struct guest_cpu *cpu;		/* its stack and tables */
	pthread_t thread;
	void *private;			/* the backend's */
};

#define VM_LOW_SIZE	0x100000

/**
 * struct backend - who runs guests
 * @name: its name
 * @open: make a domain, set vm->fd; 0 or a negative errno
 * @vm_ioctl: PHV_* of a domain; result or a negative errno
 * @vcpu_ioctl: PHV_* of a vCPU
 * @vcpu_open: make a vCPU, set vcpu->fd and vcpu->run; 0 or a negative errno
 * @vcpu_close: give it back
 * @close: give the domain back, after its vCPUs
 */
struct backend {
	const char *name;
	int (*open)(struct vm *vm);
	long (*vm_ioctl)(struct vm *vm, unsigned long request, unsigned long arg);
	long (*vcpu_ioctl)(struct vcpu *vcpu, unsigned long request,
			   unsigned long arg);
	int (*vcpu_open)(struct vcpu *vcpu);
	void (*vcpu_close)(struct vcpu *vcpu);
	void (*close)(struct vm *vm);
};

extern const struct backend backend_phv;
extern const struct backend backend_kvm;

/* The one that the environment names. */
const struct backend *backend_default(void);

/* Skip this test unless it runs on phv. */
void need_phv(void);

/* Skip this test unless the host's CPUs have all these PHV_CAP_*. */
void need_caps(u64 features);

/* Domains */
struct vm *vm_create(void);
struct vm *vm_create_on(const struct backend *backend);
void vm_destroy(struct vm *vm);

/* A domain without memory and ports, for tests that give it theirs. */
struct vm *vm_create_empty(void);
void vm_add_image(struct vm *vm);

/* The ioctls: their result, or a negative errno. */
#define vm_ioctl(v, request, arg) ({					\
	struct vm *vm_ = (v);						\
									\
	vm_->backend->vm_ioctl(vm_, request, (unsigned long)(arg));	\
})

#define vcpu_ioctl(v, request, arg) ({					\
	struct vcpu *vcpu_ = (v);					\
									\
	vcpu_->vm->backend->vcpu_ioctl(vcpu_, request,			\
				       (unsigned long)(arg));		\
})

/* PHV_ADD_MEMORY, PHV_REMOVE_MEMORY, PHV_SET_PORTS: 0 or a negative errno. */
int vm_add_memory(struct vm *vm, u64 guest_addr, u64 size, void *addr, u32 flags);
int vm_remove_memory(struct vm *vm, u64 guest_addr, u64 size, void *addr);
int vm_set_ports(struct vm *vm, u32 first, u32 count, u32 action, int eventfd);

/*
 * Zeroed memory of the guests, at the same address for all: for the process's
 * lifetime.  @align is a power of two; up to VM_RAM_SIZE in all.
 */
void *vm_alloc(size_t size, size_t align);

#define VM_RAM		0x80000000UL
#define VM_RAM_SIZE	0x2000000UL

/*
 * What is in the assembler file beside the test: a label, something from
 * @name_start up to @name_end, and a table from @name up to @name_end.
 */
#define GUEST_LABEL(name) extern u8 name[]
#define GUEST_ASM(name) extern u8 name##_start[], name##_end[]
#define GUEST_TABLE(type, name) extern const type name[], name##_end[]

/* Copy code to low memory of a guest, for 16-bit modes. */
void vm_load_low(struct vm *vm, u32 guest_addr, const void *start, const void *end);

/* Page tables: the first 4 GiB are mapped by 2 MiB pages, for ring 3 too. */
enum vm_mode {
	VM_LONG,		/* 64-bit, 4-level paging */
	VM_LONG57,		/* 64-bit, 5-level paging */
	VM_PAE,			/* 32-bit, PAE paging */
	VM_PAGED,		/* 32-bit, 4 KiB and 4 MiB pages */
	VM_PROTECTED,		/* 32-bit, no paging */
	VM_REAL,		/* real mode */
	VM_MODES
};

/* A new set of page tables for such a mode: the value for CR3. */
u64 vm_page_tables(enum vm_mode mode);

/**
 * vm_map - map a page in the tables of VM_LONG or VM_LONG57
 * @mode: which
 * @cr3: of vm_page_tables()
 * @address: linear address, not among those mapped already by larger pages
 * @target: guest-physical address
 * @size: 4 KiB, 2 MiB or 1 GiB
 * @flags: PTE_*
 *
 * Return: the entry.
 */
u64 *vm_map(enum vm_mode mode, u64 cr3, u64 address, u64 target, u64 size,
	    u64 flags);

/* vCPUs */
struct vcpu *vcpu_create(struct vm *vm, u32 id);

/* The argument of a guest function, or 0 for none. */
#define GUEST_ARG(...)	(((const u64[2]) { __VA_ARGS__ })[0])

/*
 * vcpu_call - the next vcpu_run() calls a guest function in 64-bit mode
 * @vcpu: the vCPU
 * @function: of no or one argument
 * @...: its argument
 */
#define vcpu_call(vcpu, function, ...) \
	vcpu_call_at(vcpu, (u64)(function), GUEST_ARG(__VA_ARGS__))

void vcpu_call_at(struct vcpu *vcpu, u64 function, u64 arg);

/*
 * The next vcpu_run() starts at this address in that mode, all segments flat and
 * the stack as usual; in real mode at (@address >> 4):(@address & 15), with the
 * other segments and the stack pointer 0.  Only the 64-bit modes and real mode have an IDT: in
 * the others, an exception ends in PHV_EXIT_SHUTDOWN.
 */
void vcpu_enter(struct vcpu *vcpu, enum vm_mode mode, u64 address);

/* What vcpu_run() returns beyond PHV_EXIT_* and negative errnos. */
#define VCPU_DONE	0x100		/* the guest has returned */
#define VCPU_SYNC	0x101		/* guest_sync(), value in run->io.data */

/*
 * PHV_RUN, again after -EINTR without immediate_exit: the kernel has work for
 * any thread now and then.  A failed guest_assert() fails the test.
 */
int vcpu_run(struct vcpu *vcpu);

/* Run, and fail the test unless that is how it ends. */
void vcpu_expect(struct vcpu *vcpu, int reason);

static inline void vcpu_finish(struct vcpu *vcpu)
{
	vcpu_expect(vcpu, VCPU_DONE);
}

/* vcpu_finish() in a thread of its own, and waiting for that. */
void vcpu_start(struct vcpu *vcpu);
void vcpu_join(struct vcpu *vcpu);

/* Wait until a started vCPU blocks in HLT, for the first time in its life. */
void vcpu_wait_blocked(struct vcpu *vcpu);

/* A domain with one vCPU, 0, about to call that; and one more vCPU for a domain. */
#define vm_with_guest(function, ...) \
	vm_with_guest_at((u64)(function), GUEST_ARG(__VA_ARGS__))
#define vm_add_guest(vm, id, function, ...) \
	vm_add_guest_at(vm, id, (u64)(function), GUEST_ARG(__VA_ARGS__))

struct vcpu *vm_with_guest_at(u64 function, u64 arg);
struct vcpu *vm_add_guest_at(struct vm *vm, u32 id, u64 function, u64 arg);

void vcpu_get_regs(struct vcpu *vcpu, struct phv_regs *regs);
void vcpu_set_regs(struct vcpu *vcpu, const struct phv_regs *regs);
void vcpu_get_control(struct vcpu *vcpu, struct phv_control *control);
void vcpu_set_control(struct vcpu *vcpu, const struct phv_control *control);
void vcpu_get_events(struct vcpu *vcpu, struct phv_events *events);
void vcpu_set_events(struct vcpu *vcpu, const struct phv_events *events);
u64 vcpu_get_msr(struct vcpu *vcpu, u32 index);
void vcpu_set_msr(struct vcpu *vcpu, u32 index, u64 value);
void vcpu_get_counters(struct vcpu *vcpu, struct phv_counters *counters);

/* Index of the registers in struct phv_regs. */
enum {
	RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15
};

#endif /* VM_H */
