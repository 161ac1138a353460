/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * raw_guest's cases: what state and code a vCPU is entered with. raw_guest_case.c makes them,
 * from a seed or a text, and puts them into a vCPU; raw_guest.c runs them.
 */
#ifndef RAW_GUEST_H
#define RAW_GUEST_H

#include "guest/vm.h"

/*
 * The guest's memory is @arena, from guest-physical 0 on: what follows is there in each mode.
 * Nothing of the test's own is in it.
 */
#define ARENA_SIZE	0x200000
#define ARENA_IVT	0x00000		/* real mode's, and the stack of others */
#define ARENA_GDT	0x01000
#define ARENA_IDT	0x02000
#define ARENA_TSS	0x03000
#define ARENA_STACK	0x07000
#define ARENA_CODE	0x08000
#define ARENA_HANDLERS	0x09000		/* 16 bytes each */
#define ARENA_TABLES	0x10000		/* see raw_copy_tables() */
#define ARENA_RESET	0x20000		/* all is as it was up to here with each case */
#define ARENA_OTHER	0x40000		/* the other vCPU's code and tables */

#define ITEMS_MAX	40
#define CODE_MAX	64

/* A part of the state that is not as it would be: kinds[@kind], which says what @index is. */
struct raw_item {
	u32 kind;
	u32 index;
	u64 value;
};

/**
 * struct raw_case - a guest
 * @mode: the state that it starts from, see vm.h
 * @count: entries of @item
 * @item: what is changed then
 * @size: bytes of @code
 * @code: at ARENA_CODE, where RIP is
 * @expect: how the check that fails begins that is to be found, or empty
 */
struct raw_case {
	enum vm_mode mode;
	unsigned int count;
	struct raw_item item[ITEMS_MAX];
	unsigned int size;
	u8 code[CODE_MAX];
	char expect[80];
};

/* What a random case is about: its state, its code, or the tables in its memory. */
enum raw_focus { FOCUS_STATE, FOCUS_CODE, FOCUS_MEMORY };

void raw_random(struct raw_case *c, enum raw_focus focus, u64 seed);
bool raw_read(struct raw_case *c, const char *path);
void raw_print(const struct raw_case *c);
void raw_copy_tables(u8 *arena, u32 at);
void raw_apply(const struct raw_case *c, struct vcpu *vcpu, u8 *arena);

#endif /* RAW_GUEST_H */
