// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cases of raw_guest; see raw_guest.h.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "raw_guest.h"

/* What is put into the vCPU. */
struct state {
	struct phv_control control;
	struct phv_regs regs;
	struct phv_events events;
	struct phv_msr msr[ITEMS_MAX];
	unsigned int msrs;
	u32 vector;			/* PHV_INTERRUPT, or 0 */
	u8 *arena;
};

static u64 one_of(u64 *rng, const u64 *values, unsigned int count)
{
	return values[fuzz_below(rng, count)];
}

#define ONE_OF(rng, ...) ({						\
	static const u64 values_[] = { __VA_ARGS__ };			\
									\
	one_of(rng, values_, ARRAY_SIZE(values_));			\
})

/* Values at random. Addresses are mostly in the arena, or at an edge. */

static u64 any(u64 *rng)
{
	return fuzz_next(rng) >> fuzz_below(rng, 64);
}

static u64 random_address(u64 *rng)
{
	if (fuzz_one_in(rng, 3))
		return ONE_OF(rng, 0, ARENA_SIZE - 1, ARENA_SIZE, 0xffffffff, BIT(32), BIT(46),
			      BIT(47) - 1, BIT(47), -BIT(47), -BIT(47) - 1, BIT(56) - 1, BIT(56),
			      -BIT(56), BIT(62), BIT(63), -1UL, -8UL);
	return fuzz_one_in(rng, 4) ? any(rng) : fuzz_below(rng, ARENA_RESET);
}

static u64 random_access(u64 *rng)
{
	u64 access = ONE_OF(rng, 0xa09b, 0xc09b, 0x009b, 0xc093, 0x0093, 0x8b, 0x83, 0x82,
			    0x10000, 0xc0f3, 0xa0fb, 0xc0fb, 0xf3, 0x9f, 0xc097);

	if (fuzz_one_in(rng, 2))
		access ^= BIT(fuzz_below(rng, 17));
	return fuzz_one_in(rng, 8) ? fuzz_next(rng) & 0x1ffff : access;
}

static u64 random_limit(u64 *rng)
{
	return fuzz_one_in(rng, 4) ? (u32)any(rng) :
	       ONE_OF(rng, 0, 1, 0x67, 0xfff, 0xffff, 0xfffff, 0x100000, 0xfffff000, 0xffffffff);
}

static u64 random_selector(u64 *rng)
{
	return fuzz_one_in(rng, 4) ? fuzz_next(rng) & 0xffff : fuzz_below(rng, 0x48);
}

static u64 random_event(u64 *rng)
{
	u64 info = BIT(31) | fuzz_below(rng, 8) << 8 | fuzz_below(rng, 32);

	if (fuzz_one_in(rng, 4))
		info |= fuzz_next(rng) & 0xff;
	if (fuzz_one_in(rng, 3))
		info ^= BIT(11);
	return info;
}

static u64 random_rflags(u64 *rng)
{
	u64 flags = RFLAGS_FIXED;

	for (unsigned int i = fuzz_below(rng, 4); i; i--)
		flags |= ONE_OF(rng, BIT(0), BIT(8), BIT(9), BIT(10), BIT(12), BIT(13), BIT(14),
				BIT(16), BIT(17), BIT(18), BIT(19), BIT(20), BIT(21),
				BIT(8) | BIT(9));
	return flags;
}

/* An entry of a page table, a descriptor, a gate: as they should be, but for some bits. */
static u64 random_entry(u64 *rng)
{
	u64 entry = fuzz_one_in(rng, 2) ?
		ONE_OF(rng, 0x67, 0xe7, ARENA_TABLES | 0x67, 0x00cf9b000000ffff,
		       0x00af9b000000ffff, 0x00cf93000000ffff, 0x00008b0030000067,
		       0x0000e90030000067, 0x00008e0000089000, 0x0000850000100000) :
		fuzz_below(rng, ARENA_RESET);
	unsigned int i;

	for (i = fuzz_below(rng, 3); i; i--)
		entry ^= BIT(fuzz_below(rng, 64));
	return fuzz_one_in(rng, 16) ? fuzz_next(rng) : entry;
}

static u64 random_bit(u64 *rng)
{
	return BIT(fuzz_below(rng, 32));
}

static u64 random_efer_bit(u64 *rng)
{
	return ONE_OF(rng, EFER_SCE, EFER_LME, EFER_LMA, EFER_NXE, EFER_LME | EFER_LMA);
}

static u64 random_cr3(u64 *rng)
{
	return fuzz_one_in(rng, 2) ? any(rng) :
	       ARENA_TABLES + (fuzz_below(rng, 9) << 12) + ONE_OF(rng, 0, 0, 0x20, 0x18, BIT(39),
								 BIT(52), BIT(63));
}

static u64 random_pdpte(u64 *rng)
{
	return (ARENA_TABLES + 0x4000) | ONE_OF(rng, 0, 1, 1, 3, 5, 7, 0x21, 0x1e7, BIT(39) | 1,
						BIT(52) | 1, BIT(63) | 1);
}

static u64 random_blocking(u64 *rng)
{
	return ONE_OF(rng, 0, 1, 2, 3, 8, 9, 10);
}

static u64 random_small(u64 *rng)
{
	return fuzz_below(rng, 16);
}

/* Where a part of the state goes. */

static void set_selector(struct state *s, u32 index, u64 value)
{
	s->control.segment[index].selector = value;
}

static void set_base(struct state *s, u32 index, u64 value)
{
	s->control.segment[index].base = value;
}

static void set_limit(struct state *s, u32 index, u64 value)
{
	s->control.segment[index].limit = value;
}

static void set_access(struct state *s, u32 index, u64 value)
{
	s->control.segment[index].access = value;
}

static void set_gpr(struct state *s, u32 index, u64 value)
{
	s->regs.gpr[index] = value;
}

static void set_dr(struct state *s, u32 index, u64 value)
{
	s->control.dr[index] = value;
}

static void set_pdpte(struct state *s, u32 index, u64 value)
{
	s->control.pdpte[index] = value;
}

static void set_memory(struct state *s, u32 index, u64 value)
{
	memcpy(s->arena + index * 8 % ARENA_RESET, &value, 8);
}

static void set_msr(struct state *s, u32 index, u64 value)
{
	s->msr[s->msrs++] = (struct phv_msr) { .index = index, .value = value };
}

static void set_vector(struct state *s, u32 index, u64 value)
{
	(void)index;
	s->vector = 16 + value % 240;
}

static void set_event(struct state *s, u32 index, u64 value)
{
	(void)index;
	s->events.exception_valid = 1;
	s->events.exception = value;
}

static void flip_cr0(struct state *s, u32 index, u64 value)
{
	(void)index;
	s->control.cr0 ^= value;
}

static void flip_cr4(struct state *s, u32 index, u64 value)
{
	(void)index;
	s->control.cr4 ^= value;
}

static void flip_efer(struct state *s, u32 index, u64 value)
{
	(void)index;
	s->control.efer ^= value;
}

#define SETTER(name, place)						\
static void set_##name(struct state *s, u32 index, u64 value)		\
{									\
	(void)index;							\
	place = value;							\
}

SETTER(rip, s->regs.rip)
SETTER(rflags, s->regs.rflags)
SETTER(gdt_base, s->control.gdt_base)
SETTER(gdt_limit, s->control.gdt_limit)
SETTER(idt_base, s->control.idt_base)
SETTER(idt_limit, s->control.idt_limit)
SETTER(cr2, s->control.cr2)
SETTER(cr3, s->control.cr3)
SETTER(cr8, s->control.cr8)
SETTER(apic_base, s->control.apic_base)
SETTER(xcr0, s->control.xcr0)
SETTER(dr6, s->control.dr6)
SETTER(dr7, s->control.dr7)
SETTER(activity, s->events.activity)
SETTER(blocking, s->events.interruptibility)
SETTER(nmis, s->events.nmi_pending)
SETTER(event_error, s->events.exception_error)
SETTER(event_length, s->events.exception_length)

/*
 * The kinds of items: their names in texts, the number of indexes (0: the index is another
 * thing), what takes them, their random values, and how often they come about.
 */
static const struct kind {
	const char *name;
	u32 indexes;
	void (*set)(struct state *s, u32 index, u64 value);
	u64 (*random)(u64 *rng);
	u8 weight;
} kinds[] = {
	{ "selector",	8,	set_selector,	random_selector,	6 },
	{ "base",	8,	set_base,	random_address,		6 },
	{ "limit",	8,	set_limit,	random_limit,		6 },
	{ "access",	8,	set_access,	random_access,		16 },
	{ "gpr",	16,	set_gpr,	any,			6 },
	{ "rip",	1,	set_rip,	random_address,		4 },
	{ "rflags",	1,	set_rflags,	random_rflags,		12 },
	{ "gdt-base",	1,	set_gdt_base,	random_address,		2 },
	{ "gdt-limit",	1,	set_gdt_limit,	random_limit,		2 },
	{ "idt-base",	1,	set_idt_base,	random_address,		2 },
	{ "idt-limit",	1,	set_idt_limit,	random_limit,		2 },
	{ "cr0-flip",	1,	flip_cr0,	random_bit,		10 },
	{ "cr2",	1,	set_cr2,	any,			1 },
	{ "cr3",	1,	set_cr3,	random_cr3,		4 },
	{ "cr4-flip",	1,	flip_cr4,	random_bit,		10 },
	{ "cr8",	1,	set_cr8,	random_small,		2 },
	{ "efer-flip",	1,	flip_efer,	random_efer_bit,	8 },
	{ "apic-base",	1,	set_apic_base,	any,			1 },
	{ "xcr0",	1,	set_xcr0,	random_small,		1 },
	{ "dr",		4,	set_dr,		random_address,		2 },
	{ "dr6",	1,	set_dr6,	any,			1 },
	{ "dr7",	1,	set_dr7,	any,			3 },
	{ "pdpte",	4,	set_pdpte,	random_pdpte,		4 },
	{ "activity",	1,	set_activity,	random_small,		1 },
	{ "blocking",	1,	set_blocking,	random_blocking,	10 },
	{ "nmis",	1,	set_nmis,	random_small,		3 },
	{ "event",	1,	set_event,	random_event,		16 },
	{ "event-error", 1,	set_event_error, any,			4 },
	{ "event-length", 1,	set_event_length, random_small,		6 },
	{ "interrupt",	1,	set_vector,	any,			3 },
	{ "msr",	0,	set_msr,	random_address,		6 },
	{ "memory",	0,	set_memory,	random_entry,		10 },
};

static const u32 msrs[] = {
	MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_PAT, MSR_EFER, MSR_STAR,
	MSR_LSTAR, MSR_FMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_TSC_AUX,
	MSR_APIC_BASE, MSR_TSC, MSR_SPEC_CTRL, MSR_XSS, MSR_DEBUGCTL, MSR_TSC_DEADLINE,
};

static void add_item(struct raw_case *c, u32 kind, u32 index, u64 value)
{
	if (c->count < ITEMS_MAX)
		c->item[c->count++] = (struct raw_item) { kind, index, value };
}

static u32 kind_named(const char *name)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].name, name))
			break;
	return i;
}

/* Tables and stacks, rather than the padding between them. */
static u32 random_word(u64 *rng)
{
	static const u32 pages[] = {
		ARENA_IVT, ARENA_GDT, ARENA_IDT, ARENA_IDT, ARENA_TSS, ARENA_STACK - 0x1000,
		ARENA_HANDLERS, ARENA_TABLES, ARENA_TABLES + 0x1000, ARENA_TABLES + 0x2000,
		ARENA_TABLES + 0x3000, ARENA_TABLES + 0x5000, ARENA_TABLES + 0x8000,
	};
	u32 page = pages[fuzz_below(rng, ARRAY_SIZE(pages))];

	return page / 8 + (fuzz_one_in(rng, 2) ? fuzz_below(rng, 16) : fuzz_below(rng, 512));
}

static u32 random_kind(u64 *rng)
{
	static u32 total;
	u32 i, n;

	if (!total)
		for (i = 0; i < ARRAY_SIZE(kinds); i++)
			total += kinds[i].weight;
	n = fuzz_below(rng, total);
	for (i = 0; n >= kinds[i].weight; i++)
		n -= kinds[i].weight;
	return i;
}

static void add_random(struct raw_case *c, u64 *rng, u32 kind)
{
	u32 index = kinds[kind].indexes == 8 && fuzz_one_in(rng, 2) ?
		    PHV_SEG_CS + fuzz_below(rng, 2) :	/* CS and SS have most of the checks */
		    kinds[kind].indexes ? fuzz_below(rng, kinds[kind].indexes) :
		    kinds[kind].set == set_msr ? msrs[fuzz_below(rng, ARRAY_SIZE(msrs))] :
		    random_word(rng);

	add_item(c, kind, index, kinds[kind].random(rng));
}

/* Virtual-8086 mode has demands that nothing at random would meet. */
static void add_v8086(struct raw_case *c, u64 *rng)
{
	unsigned int n;
	u64 selector;

	add_item(c, kind_named("rflags"), 0, BIT(17) | 0x3002 | (fuzz_next(rng) & 0x200));
	for (n = PHV_SEG_ES; n <= PHV_SEG_GS; n++) {
		selector = n == PHV_SEG_CS ? ARENA_CODE >> 4 : fuzz_below(rng, 0x1000);
		add_item(c, kind_named("selector"), n, selector);
		add_item(c, kind_named("base"), n, selector << 4);
		add_item(c, kind_named("limit"), n, 0xffff);
		add_item(c, kind_named("access"), n, 0xf3);
	}
	add_item(c, kind_named("rip"), 0, 0);
}

/* Instructions that change what the processor does next, or leave the guest. */
static const struct snippet {
	u8 size;
	u8 bytes[8];
} snippets[] = {
	{ 3, { 0x0f, 0x22, 0xc0 } },		/* mov %rax, %cr0 */
	{ 3, { 0x0f, 0x22, 0xd9 } },		/* mov %rcx, %cr3 */
	{ 3, { 0x0f, 0x22, 0xe2 } },		/* mov %rdx, %cr4 */
	{ 4, { 0x44, 0x0f, 0x22, 0xc3 } },	/* mov %rbx, %cr8 */
	{ 3, { 0x0f, 0x20, 0xc0 } },		/* mov %cr0, %rax */
	{ 3, { 0x0f, 0x23, 0xf8 } },		/* mov %rax, %dr7 */
	{ 3, { 0x0f, 0x23, 0xc0 } },		/* mov %rax, %dr0 */
	{ 3, { 0x0f, 0x21, 0xf0 } },		/* mov %dr6, %rax */
	{ 2, { 0x0f, 0x30 } },			/* wrmsr */
	{ 2, { 0x0f, 0x32 } },			/* rdmsr */
	{ 7, { 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x30 } },	/* EFER */
	{ 7, { 0xb9, 0x1b, 0x00, 0x00, 0x00, 0x0f, 0x30 } },	/* IA32_APIC_BASE */
	{ 3, { 0x0f, 0x01, 0xd0 } },		/* xgetbv */
	{ 3, { 0x0f, 0x01, 0xd1 } },		/* xsetbv */
	{ 3, { 0x0f, 0x01, 0x16 } },		/* lgdt (%rsi) */
	{ 3, { 0x0f, 0x01, 0x1f } },		/* lidt (%rdi) */
	{ 3, { 0x0f, 0x00, 0xd8 } },		/* ltr %ax */
	{ 3, { 0x0f, 0x00, 0xd0 } },		/* lldt %ax */
	{ 3, { 0x0f, 0x01, 0xf0 } },		/* lmsw %ax */
	{ 2, { 0x0f, 0x06 } },			/* clts */
	{ 3, { 0x0f, 0x01, 0xf8 } },		/* swapgs */
	{ 2, { 0x0f, 0x34 } },			/* sysenter */
	{ 2, { 0x0f, 0x35 } },			/* sysexit */
	{ 2, { 0x0f, 0x05 } },			/* syscall */
	{ 3, { 0x48, 0x0f, 0x07 } },		/* sysretq */
	{ 1, { 0xcf } }, { 2, { 0x48, 0xcf } },	/* iret, iretq */
	{ 1, { 0xcb } }, { 1, { 0xc3 } },	/* lret, ret */
	{ 1, { 0xcc } }, { 1, { 0xce } }, { 1, { 0xf1 } },	/* int3, into, int1 */
	{ 2, { 0xcd, 0x80 } }, { 2, { 0xcd, 0x08 } },		/* int */
	{ 2, { 0x0f, 0x0b } },			/* ud2 */
	{ 1, { 0xf4 } },			/* hlt */
	{ 2, { 0xfb, 0xf4 } },			/* sti; hlt */
	{ 1, { 0xfa } }, { 1, { 0xfb } },	/* cli, sti */
	{ 2, { 0x8e, 0xd0 } },			/* mov %eax, %ss */
	{ 2, { 0x8e, 0xd8 } },			/* mov %eax, %ds */
	{ 1, { 0x9d } }, { 1, { 0x9c } },	/* popf, pushf */
	{ 8, { 0x9c, 0x80, 0x4c, 0x24, 0x01, 0x01, 0x9d, 0x90 } },	/* TF = 1 */
	{ 2, { 0x0f, 0xa2 } },			/* cpuid */
	{ 3, { 0x0f, 0x01, 0xc1 } },		/* vmcall */
	{ 3, { 0x0f, 0x01, 0xd4 } },		/* vmfunc */
	{ 3, { 0x0f, 0x78, 0xc0 } },		/* vmread */
	{ 4, { 0xf3, 0x0f, 0xc7, 0x36 } },	/* vmxon */
	{ 5, { 0x66, 0x0f, 0x38, 0x80, 0x06 } },	/* invept */
	{ 5, { 0x66, 0x0f, 0x38, 0x82, 0x06 } },	/* invpcid */
	{ 3, { 0x0f, 0x01, 0x3e } },		/* invlpg */
	{ 2, { 0x0f, 0x08 } }, { 2, { 0x0f, 0x09 } },	/* invd, wbinvd */
	{ 2, { 0x0f, 0xaa } },			/* rsm */
	{ 2, { 0x0f, 0x33 } },			/* rdpmc */
	{ 3, { 0x0f, 0x01, 0xc8 } }, { 3, { 0x0f, 0x01, 0xc9 } },	/* monitor, mwait */
	{ 2, { 0xf3, 0x90 } },			/* pause */
	{ 1, { 0xec } }, { 1, { 0xef } }, { 2, { 0xe5, 0x60 } },	/* in, out */
	{ 2, { 0xf3, 0x6c } }, { 2, { 0xf3, 0x6f } },	/* rep insb, outsl */
	{ 2, { 0xf3, 0xaa } }, { 2, { 0xf3, 0xa5 } },	/* rep stosb, movsl */
	{ 5, { 0xea, 0x00, 0x80, 0x08, 0x00 } },	/* ljmp, 16 bits */
	{ 7, { 0xea, 0x00, 0x80, 0x00, 0x00, 0x28, 0x00 } },	/* ljmp, 32 bits */
	{ 7, { 0xea, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00 } },	/* of a task */
	{ 2, { 0xff, 0x2e } }, { 2, { 0xff, 0x1f } },	/* ljmp, lcall */
	{ 2, { 0xeb, 0xfe } },			/* for ever */
	{ 3, { 0x0f, 0xae, 0x2e } },		/* xrstor */
	{ 3, { 0x0f, 0xc7, 0x1e } },		/* xrstors */
	{ 3, { 0x0f, 0xc7, 0xf0 } },		/* rdrand */
	{ 4, { 0xf3, 0x0f, 0xae, 0xd8 } },	/* wrgsbase */
	{ 3, { 0x0f, 0x01, 0xca } },		/* clac */
	{ 3, { 0x0f, 0x01, 0xef } },		/* wrpkru */
	{ 3, { 0x0f, 0x01, 0xcf } },		/* encls */
};

static void add_code(struct raw_case *c, u64 *rng)
{
	while (c->size + 8 <= CODE_MAX && !fuzz_one_in(rng, 12)) {
		const struct snippet *s = &snippets[fuzz_below(rng, ARRAY_SIZE(snippets))];
		u8 bytes[8];
		u64 noise = fuzz_next(rng);
		unsigned int size = s->size;

		memcpy(bytes, s->bytes, sizeof(bytes));
		if (fuzz_one_in(rng, 4)) {
			memcpy(bytes, &noise, sizeof(bytes));
			size = 1 + noise % 8;
		}
		memcpy(c->code + c->size, bytes, size);
		c->size += size;
	}
}

/**
 * raw_random - make a case
 * @c: filled
 * @focus: what it is mostly about
 * @seed: all of it follows from that
 */
void raw_random(struct raw_case *c, enum raw_focus focus, u64 seed)
{
	u64 rng = seed;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->mode = fuzz_below(&rng, VM_MODES);
	if (fuzz_one_in(&rng, 20))
		add_v8086(c, &rng);
	if (focus != FOCUS_STATE) {
		add_code(c, &rng);
		for (i = 0; i < 6; i++)
			add_item(c, kind_named("gpr"), fuzz_below(&rng, 16),
				 random_address(&rng));
	}
	if (focus == FOCUS_MEMORY)
		for (i = 1 + fuzz_below(&rng, 10); i; i--)
			add_random(c, &rng, kind_named("memory"));
	for (i = focus == FOCUS_STATE ? 1 + fuzz_below(&rng, 4) : fuzz_below(&rng, 3); i; i--)
		add_random(c, &rng, random_kind(&rng));
}

/* As text: a line for the mode, one for each item, one for the code. */

static const char *const mode_names[VM_MODES] = {
	"long", "long57", "pae", "paged", "protected", "real",
};

/**
 * raw_print - show a case, in the form that raw_read() reads
 * @c: the case
 */
void raw_print(const struct raw_case *c)
{
	unsigned int i;

	ksft_print_msg("mode %s\n", mode_names[c->mode]);
	for (i = 0; i < c->count; i++)
		ksft_print_msg("%s %#x %#llx\n", kinds[c->item[i].kind].name, c->item[i].index,
			       c->item[i].value);
	ksft_print_msg("code ");
	for (i = 0; i < c->size; i++)
		printf("%02x", c->code[i]);
	printf("\n");
}

static bool read_code(struct raw_case *c, const char *hex)
{
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		if (c->size == CODE_MAX)
			return false;
		c->code[c->size++] = byte;
	}
	return true;
}

static bool read_mode(struct raw_case *c, const char *name)
{
	for (c->mode = 0; c->mode < VM_MODES; c->mode++)
		if (!strcmp(mode_names[c->mode], name))
			return true;
	return false;
}

static bool read_line(struct raw_case *c, char *line)
{
	unsigned long long value;
	char name[200];
	u32 index;

	line[strcspn(line, "#\n")] = '\0';
	if (!strncmp(line, "expect ", 7)) {
		snprintf(c->expect, sizeof(c->expect), "%.79s", line + 7);
		return true;
	}
	if (sscanf(line, "mode %199s", name) == 1)
		return read_mode(c, name);
	if (sscanf(line, "code %199s", name) == 1)
		return read_code(c, name);
	if (sscanf(line, "%199s %i %lli", name, (int *)&index, (long long *)&value) != 3)
		return !line[strspn(line, " \t")] || !strcmp(line, "code ");
	if (kind_named(name) == ARRAY_SIZE(kinds) || c->count == ITEMS_MAX)
		return false;
	add_item(c, kind_named(name), index, value);
	return true;
}

/**
 * raw_read - read a case
 * @c: filled
 * @path: a file: lines as raw_print() has them; #, and a comment; or expect, and how the
 *	failure begins that an entry is to end with
 *
 * Return: false if that is not possible
 */
bool raw_read(struct raw_case *c, const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	bool ok = file;

	memset(c, 0, sizeof(*c));
	while (ok && fgets(line, sizeof(line), file))
		ok = read_line(c, line);
	if (file)
		fclose(file);
	return ok;
}

/* Into the vCPU */

static void put64(u8 *arena, u32 offset, u64 value)
{
	memcpy(arena + offset, &value, sizeof(value));
}

/**
 * raw_copy_tables - make page tables that map the first 2 MiB
 * @arena: the memory
 * @at: where in it; CR3 is a number of pages above, for each mode another one
 */
void raw_copy_tables(u8 *arena, u32 at)
{
	const u64 flags = PTE_PRESENT | PTE_WRITE | PTE_USER;
	u32 i;

	put64(arena, at + 0x0000, (at + 0x1000) | flags);		/* PML5 */
	put64(arena, at + 0x1000, (at + 0x2000) | flags);		/* PML4 */
	put64(arena, at + 0x2000, (at + 0x3000) | flags);		/* PDPT */
	put64(arena, at + 0x3000, (at + 0x8000) | flags);		/* page directory */
	put64(arena, at + 0x4000, PTE_LARGE | flags);			/* another one */
	put64(arena, at + 0x5000, (at + 0x4000) | PTE_PRESENT);		/* PAE's PDPT */
	put64(arena, at + 0x6000, PTE_LARGE | flags);			/* 32-bit directory */
	for (i = 0; i < 512; i++)
		put64(arena, at + 0x8000 + i * 8, i << 12 | flags);
}

/* Each vector has a handler that writes to a port, and that is the end of the case. */
static void make_vectors(u8 *arena, enum vm_mode mode)
{
	static const u8 handler[] = { 0xe6, GUEST_PORT_DONE, 0xeb, 0xfe };
	u32 i, address;

	for (i = 0; i < 256; i++) {
		address = ARENA_HANDLERS + i * 16;
		memcpy(arena + address, handler, sizeof(handler));
		put64(arena, ARENA_IVT + i * 4, (u64)(address & 0xf) | (u64)(address >> 4) << 16);
		if (mode <= VM_LONG57)
			put64(arena, ARENA_IDT + i * 16,
			      address | SEL_CODE64 << 16 | 0x8eUL << 40);
		else
			put64(arena, ARENA_IDT + i * 8,
			      address | SEL_CODE32 << 16 | 0x8eUL << 40);
	}
}

static void make_gdt(u8 *arena)
{
	static const u64 gdt[] = {
		0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00affb000000ffff,
		0x00cff3000000ffff, 0x00cf9b000000ffff, 0x00009b000000ffff, 0x000093000000ffff,
		0x00008b0000000067 | (u64)ARENA_TSS << 16, 0,
		0x0000890000000067 | (u64)(ARENA_TSS + 0x200) << 16, 0,
	};

	memcpy(arena + ARENA_GDT, gdt, sizeof(gdt));
	put64(arena, ARENA_TSS + 4, ARENA_STACK);	/* of ring 0, in both formats */
	put64(arena, ARENA_TSS + 8, SEL_DATA);
}

static void make_memory(u8 *arena, const struct raw_case *c)
{
	memset(arena, 0, ARENA_RESET);
	make_gdt(arena);
	make_vectors(arena, c->mode);
	raw_copy_tables(arena, ARENA_TABLES);
	memset(arena + ARENA_CODE, 0xf4, 0x1000);
	memcpy(arena + ARENA_CODE, c->code, c->size);
}

static void make_segments(struct phv_control *control, enum vm_mode mode)
{
	bool real = mode == VM_REAL, long_mode = mode <= VM_LONG57;
	unsigned int n;

	for (n = PHV_SEG_ES; n <= PHV_SEG_GS; n++) {
		struct phv_segment *s = &control->segment[n];

		*s = (struct phv_segment) { .limit = real ? 0xffff : ~0,
					    .access = real ? 0x93 : 0xc093,
					    .selector = real ? 0 : SEL_DATA };
		if (n != PHV_SEG_CS)
			continue;
		s->selector = real ? 0 : long_mode ? SEL_CODE64 : SEL_CODE32;
		s->access = real ? 0x9b : long_mode ? 0xa09b : 0xc09b;
	}
	control->segment[PHV_SEG_LDTR] = (struct phv_segment) { .access = 0x10000 };
	control->segment[PHV_SEG_TR] = (struct phv_segment) {
		.base = ARENA_TSS, .limit = 0x67, .access = 0x8b, .selector = SEL_TSS };
}

static void make_control(struct phv_control *control, enum vm_mode mode)
{
	static const struct {
		u64 cr0, cr3, cr4, efer;
	} modes[VM_MODES] = {
		[VM_LONG] = { CR0_PE | CR0_PG, 0x1000, CR4_PAE, EFER_LME | EFER_LMA },
		[VM_LONG57] = { CR0_PE | CR0_PG, 0, CR4_PAE | CR4_LA57, EFER_LME | EFER_LMA },
		[VM_PAE] = { CR0_PE | CR0_PG, 0x5000, CR4_PAE, 0 },
		[VM_PAGED] = { CR0_PE | CR0_PG, 0x6000, CR4_PSE, 0 },
		[VM_PROTECTED] = { CR0_PE, 0, 0, 0 },
		[VM_REAL] = { 0, 0, 0, 0 },
	};

	make_segments(control, mode);
	control->cr0 = modes[mode].cr0 | CR0_ET | CR0_NE;
	control->cr2 = 0;
	control->cr3 = ARENA_TABLES + modes[mode].cr3;
	control->cr4 = modes[mode].cr4;
	control->efer = modes[mode].efer;
	control->gdt_base = ARENA_GDT;
	control->gdt_limit = 0x5f;
	control->idt_base = mode == VM_REAL ? ARENA_IVT : ARENA_IDT;
	control->idt_limit = mode == VM_REAL ? 0x3ff : mode <= VM_LONG57 ? 0xfff : 0x7ff;
	control->dr6 = 0xffff0ff0;
	control->dr7 = 0x400;
	memset(control->dr, 0, sizeof(control->dr));
	memset(control->pdpte, 0, sizeof(control->pdpte));
	control->pdpte[0] = (ARENA_TABLES + 0x4000) | PTE_PRESENT;
}

/* An ioctl may refuse what it is given, but for one reason only. */
static bool is_taken(struct vcpu *vcpu, unsigned long request, const void *arg)
{
	long ret = vcpu_ioctl(vcpu, request, arg);

	if (ret < 0 && ret != -EINVAL)
		test_fail("ioctl %#lx: %ld", request, ret);
	return !ret;
}

static void put_msrs(struct vcpu *vcpu, struct state *s)
{
	unsigned int i;

	for (i = 0; i < s->msrs; i++) {
		const struct phv_msrs list = { .count = 1, .entries = (u64)&s->msr[i] };

		/* 1, or 0 for a value that it cannot have */
		check(vcpu_ioctl(vcpu, PHV_SET_MSRS, &list) >= 0);
	}
}

/* What is refused as a whole is as the mode has it. */
static void put_state(struct vcpu *vcpu, struct state *s, enum vm_mode mode)
{
	if (!is_taken(vcpu, PHV_SET_CONTROL, &s->control)) {
		make_control(&s->control, mode);
		is_taken(vcpu, PHV_SET_CONTROL, &s->control);
	}
	if (!is_taken(vcpu, PHV_SET_REGS, &s->regs)) {
		s->regs.rflags = RFLAGS_FIXED;
		check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &s->regs), 0);
	}
	put_msrs(vcpu, s);
	if (!is_taken(vcpu, PHV_SET_EVENTS, &s->events)) {
		s->events = (struct phv_events) { .activity = PHV_ACTIVE };
		check_eq(vcpu_ioctl(vcpu, PHV_SET_EVENTS, &s->events), 0);
	}
	if (s->vector)
		check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, s->vector), 0);
}

static void set_item(struct state *s, const struct raw_item *item)
{
	const struct kind *kind = &kinds[item->kind];

	kind->set(s, kind->indexes ? item->index % kind->indexes : item->index, item->value);
}

/**
 * raw_apply - put a case into a vCPU
 * @c: the case
 * @vcpu: the vCPU, in whatever state
 * @arena: its memory
 */
void raw_apply(const struct raw_case *c, struct vcpu *vcpu, u8 *arena)
{
	struct state s = { .events.activity = PHV_ACTIVE, .regs.rflags = RFLAGS_FIXED,
			   .regs.rip = ARENA_CODE, .arena = arena };
	unsigned int i;

	vcpu_get_control(vcpu, &s.control);
	make_memory(arena, c);
	make_control(&s.control, c->mode);
	s.regs.gpr[RSP] = ARENA_STACK;
	for (i = 0; i < c->count; i++)
		set_item(&s, &c->item[i]);
	put_state(vcpu, &s, c->mode);
}
