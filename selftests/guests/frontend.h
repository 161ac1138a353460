/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * frontend - what guests with a frontend of their own have: 32-bit code that is entered as
 * a PVH guest, without paging.  A program (bad_disk.c, bad_net.c) includes it once, and has
 * begin().
 *
 * Memory that is granted is at its own address.  No interrupt is taken: who waits, looks
 * again and again.
 */
#ifndef _FRONTEND_H
#define _FRONTEND_H

#include <stdint.h>
#include <xen/xen.h>
#include <xen/hvm/hvm_vcpu.h>

#define __packed __attribute__((packed))

typedef uint8_t u8;
typedef uint16_t u16;
typedef int16_t s16;
typedef uint32_t u32;
typedef uint64_t u64;

#define MEMORY_OP	12
#define CONSOLE_IO	18
#define VCPU_OP		24
#define SCHED_OP	29
#define EVTCHN_OP	32
#define HVM_OP		34

#define STORE_PAGE	0xfeffc000
#define STORE_EVTCHN	2
#define GRANTS_FRAME	0x1000
#define SHARED_FRAME	0x1001
#define XS_READ		2
#define XS_WRITE	11

#define INIT_WAIT	"2"
#define CONNECTED	"4"
#define CLOSING		"5"
#define CLOSED		"6"

/* The entry point for PVH, in a note; and what comes before C. */
asm(".pushsection .note.Xen, \"a\", @note\n"
	    "	.long 4, 4, 18\n"
	    "	.asciz \"Xen\"\n"
	    "	.long start\n"
	    ".popsection\n"
	    "	.globl start\n"
	    "start:\n"
	    "	mov $stack + 8192, %esp\n"
	    "	call begin\n"
	    "	.bss\n"
	    "	.align 16\n"
	    "stack: .skip 8192\n"
	    "	.text\n");

struct store_ring {
	char req[1024];
	char rsp[1024];
	u32 req_cons, req_prod, rsp_cons, rsp_prod;
};

struct store_header {
	u32 type, id, transaction, length;
};

struct grant {
	u16 flags, domain;
	u32 frame;
};

static volatile struct store_ring *const store = (void *)STORE_PAGE;
static volatile struct grant *const grants = (void *)(GRANTS_FRAME << 12);
static const shared_info_t *const shared = (void *)(SHARED_FRAME << 12);
static u32 store_port;

/* What was read from xenstore last; which device it is about, and where its backend is. */
static char value[512], backend[64], path[128];
static const char *device;

void begin(void);
void *memset(void *to, int byte, u32 size);

void *memset(void *to, int byte, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++)
		((volatile u8 *)to)[i] = byte;
	return to;
}

static inline int hypercall(u32 nr, u32 a, u32 b, u32 c)
{
	int ret;

	asm volatile("vmcall" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static inline u32 length_of(const char *text)
{
	u32 length = 0;

	while (text[length])
		length++;
	return length;
}

static inline void say(const char *text)
{
	hypercall(CONSOLE_IO, 0, length_of(text), (u32)text);
}

static inline int same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static inline char *append(char *to, const char *text)
{
	while (*text)
		*to++ = *text++;
	*to = 0;
	return to;
}

static inline char *append_number(char *to, u32 number)
{
	if (number >= 10)
		to = append_number(to, number / 10);
	*to++ = '0' + number % 10;
	*to = 0;
	return to;
}

/* Events and time. */

static inline void send(u32 to)
{
	hypercall(EVTCHN_OP, 4, (u32)&to, 0);
}

static inline u32 open_port(void)
{
	struct {
		u16 domain, remote;
		u32 port;
	} alloc = { 0x7ff0, 0, 0 };

	hypercall(EVTCHN_OP, 6, (u32)&alloc, 0);
	return alloc.port;
}

static inline void close_port(u32 port)
{
	hypercall(EVTCHN_OP, 3, (u32)&port, 0);
}

static inline void wait(void)
{
	hypercall(SCHED_OP, 0, 0, 0);
}

/* The time, in ns. */
static inline u64 clock(void)
{
	const volatile struct vcpu_time_info *time = &shared->vcpu_info[0].time;
	u64 delta, now;
	u32 version;

	do {
		version = time->version;
		asm volatile("lfence; rdtsc" : "=A"(delta) : : "memory");
		delta -= time->tsc_timestamp;
		delta = time->tsc_shift < 0 ? delta >> -time->tsc_shift :
		       delta << time->tsc_shift;
		now = time->system_time + (((u64)(u32)delta * time->tsc_to_system_mul) >> 32) +
		      (delta >> 32) * time->tsc_to_system_mul;
	} while (version & 1 || version != time->version);
	return now;
}

/* Leaves the CPU to others for some milliseconds. */
static inline void nap(u32 ms)
{
	struct {
		u32 ports, count;
		u64 until;
	} __packed poll = { 0, 0, clock() + ms * 1000000 };

	hypercall(SCHED_OP, 3, (u32)&poll, 0);
}

static inline void __attribute__((noreturn)) power_off(void)
{
	u32 off = 0;

	hypercall(SCHED_OP, 2, (u32)&off, 0);
	for (;;)
		asm volatile("pause");
}

/* xenstore. */

static inline void store_put(const void *bytes, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++) {
		while (store->req_prod - store->req_cons == 1024)
			wait();
		store->req[store->req_prod % 1024] = ((const char *)bytes)[i];
		store->req_prod++;
	}
}

static inline void store_get(void *bytes, u32 size)
{
	u32 i;

	for (i = 0; i < size; i++) {
		while (store->rsp_prod == store->rsp_cons)
			wait();
		((char *)bytes)[i] = store->rsp[store->rsp_cons % 1024];
		store->rsp_cons++;
	}
}

/* The answer is in value[]; an error is its name. */
static inline void store_call(u32 type, const char *node, const char *text)
{
	struct store_header header = { type, 0, 0, length_of(node) + 1 + length_of(text) };

	store_put(&header, sizeof(header));
	store_put(node, length_of(node) + 1);
	store_put(text, length_of(text));
	send(store_port);
	store_get(&header, sizeof(header));
	store_get(value, header.length);
	value[header.length] = 0;
}

static inline void write_node(const char *name, const char *text)
{
	append(append(path, device), name);
	store_call(XS_WRITE, path, text);
}

static inline void write_number(const char *name, u32 number)
{
	char text[12];

	append_number(text, number);
	write_node(name, text);
}

static inline void read_backend(const char *name)
{
	append(append(append(path, backend), "/"), name);
	store_call(XS_READ, path, "");
}

/* Waits for a state of the backend's; or for its end, which is one of an attack's. */
static inline int wait_for(const char *state)
{
	for (;;) {
		read_backend("state");
		if (same(value, state))
			return 1;
		if (same(value, CLOSING) && !same(state, CLOSED) && !same(state, INIT_WAIT))
			return 0;
	}
}

/* What follows is about the device of that directory: "device/CLASS/NUMBER/". */
static inline void use_device(const char *directory)
{
	device = directory;
	append(append(path, device), "backend");
	store_call(XS_READ, path, "");
	append(backend, value);
}

/* Closes the device, and waits until it can be connected again. */
static inline void reopen_device(void)
{
	write_node("state", CLOSING);
	write_node("state", CLOSED);
	wait_for(CLOSED);
	write_node("state", "1");
	wait_for(INIT_WAIT);
}

/* Memory for the backend; flags: 4 for reading only. */
static inline void grant(u32 ref, const volatile void *page, u16 flags)
{
	grants[ref].frame = (u32)page >> 12;
	asm volatile("" : : : "memory");
	grants[ref].flags = 1 | flags;
}

static inline u32 parameter(u32 index)
{
	struct {
		u16 domain, pad;
		u32 index;
		u64 value;
	} param = { 0x7ff0, 0, index, 0 };

	hypercall(HVM_OP, 1, (u32)&param, 0);
	return (u32)param.value;
}

static inline void map_frame(u32 space, u32 frame)
{
	struct {
		u16 domain, size;
		u32 space, index, frame;
	} map = { 0x7ff0, 0, space, 0, frame };

	hypercall(MEMORY_OP, 7, (u32)&map, 0);
}

/* Finds xenstore, and has a page of grants, and one with the time. */
static inline void prepare(void)
{
	map_frame(0, SHARED_FRAME);
	map_frame(1, GRANTS_FRAME);
	store_port = parameter(STORE_EVTCHN);
}

/* Starts another vCPU; 0 or an error. */
static inline int start_vcpu(u32 number, void (*function)(void), void *stack_end)
{
	vcpu_hvm_context_t context;
	struct vcpu_hvm_x86_32 *regs = &context.cpu_regs.x86_32;
	int err;

	memset(&context, 0, sizeof(context));
	context.mode = VCPU_HVM_MODE_32B;
	regs->eip = (u32)function;
	regs->esp = (u32)stack_end;
	regs->eflags = 2;
	regs->cr0 = 0x11;
	regs->cs_limit = ~0u;
	regs->ds_limit = ~0u;
	regs->ss_limit = ~0u;
	regs->es_limit = ~0u;
	regs->tr_limit = 0x67;
	regs->cs_ar = 0xc9b;
	regs->ds_ar = 0xc93;
	regs->ss_ar = 0xc93;
	regs->es_ar = 0xc93;
	regs->tr_ar = 0x8b;
	err = hypercall(VCPU_OP, 0, number, (u32)&context);
	return err ? err : hypercall(VCPU_OP, 1, number, 0);
}

#endif /* _FRONTEND_H */
