// SPDX-License-Identifier: GPL-2.0-only
/*
 * What runs in guests beneath the tests' own functions: exceptions, reports of
 * failed assertions, ring 3, and the memory functions that compilers call.
 *
 * All of it is guest code, see guest.h.
 */
#include <string.h>

#include "entry.h"

static guest_handler guest_handlers[256];

void guest_handle(u8 vector, guest_handler handler)
{
	WRITE_ONCE(guest_handlers[vector], handler);
}

void guest_fail(const struct guest_report *report)
{
	this_cpu()->report = *report;
	barrier();
	for (;;)
		out32(GUEST_PORT_FAIL, 0);
}

static const char *const exception_names[] = {
	"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
	"#TS", "#NP", "#SS", "#GP", "#PF", "15", "#MF", "#AC", "#MC", "#XM",
	"#VE", "#CP",
};

static void guest_unexpected(const struct guest_frame *frame)
{
	const struct guest_report report = {
		.file = "unexpected exception or interrupt (RIP, error code)",
		.line = frame->vector,
		.what = frame->vector < ARRAY_SIZE(exception_names) ?
			exception_names[frame->vector] : "interrupt",
		.has_values = true,
		.value = { frame->rip, frame->error },
	};

	guest_fail(&report);
}

static const struct guest_fixup *guest_find_fixup(u64 rip)
{
	const struct guest_fixup *fixup;

	for (fixup = __start_guest_fixup; fixup < __stop_guest_fixup; fixup++)
		if (fixup->insn == rip)
			return fixup;
	return NULL;
}

void guest_exception(struct guest_frame *frame)
{
	guest_handler handler = READ_ONCE(guest_handlers[frame->vector]);
	const struct guest_fixup *fixup;
	struct guest_cpu *cpu = this_cpu();

	if (handler) {
		handler(frame);
		return;
	}
	fixup = guest_find_fixup(frame->rip);
	if (!fixup || frame->vector >= 32)
		guest_unexpected(frame);

	cpu->fault = frame->vector;
	cpu->fault_error = frame->error;
	cpu->fault_cr2 = read_cr2();
	frame->rip = fixup->next;
}

void guest_user(void (*function)(void))
{
	struct guest_cpu *cpu = this_cpu();
	u64 *rsp0 = (u64 *)((u8 *)&cpu->tss + offsetof(struct guest_tss, rsp));

	guest_enter_user(function, cpu->user_stack + sizeof(cpu->user_stack),
			 cpu, rsp0);
}

/* In place of libc's, which use vector registers. */
void *memcpy(void *to, const void *from, size_t size)
{
	void *dest = to;

	asm volatile("rep movsb"
		     : "+D" (dest), "+S" (from), "+c" (size) : : "memory");
	return to;
}

void *memset(void *to, int byte, size_t size)
{
	void *dest = to;

	asm volatile("rep stosb"
		     : "+D" (dest), "+c" (size) : "a" (byte) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}
