/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What entry.S, guest.c and vm.c have to know of each other.
 */
#ifndef GUEST_ENTRY_H
#define GUEST_ENTRY_H

#include "guest.h"

/* entry.S: where vCPUs start, what the gates of their IDT point to. */
extern u8 guest_start[];
extern u8 guest_stubs[256][16];
extern u8 guest_user_return[];

void guest_enter_user(void (*function)(void), void *stack,
		      struct guest_cpu *cpu, u64 *rsp0);

/* guest.c: called by entry.S for all vectors. */
void guest_exception(struct guest_frame *frame);

/* The table of guest_try(); the linker names its ends. */
struct guest_fixup {
	u64 insn;
	u64 next;
};

extern const struct guest_fixup __start_guest_fixup[] __weak;
extern const struct guest_fixup __stop_guest_fixup[] __weak;

/* The linker: the program's image. */
extern u8 __executable_start[];
extern u8 _end[];

#endif /* GUEST_ENTRY_H */
