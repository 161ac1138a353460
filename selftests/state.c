// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU's state from user space: what is set is read back and is what the guest
 * has, events are delivered, and a guest can go on in another domain.
 */
#include <string.h>
#include <unistd.h>

#include "vm.h"

static void guest_regs(void)
{
	asm volatile("1:	outl	%%eax, %0\n"
		     "	jmp	1b" : : "i" (GUEST_PORT_SYNC));
}

static void regs(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_regs);
	struct phv_regs set, got;
	unsigned int i;
	u64 rip;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_regs(vcpu, &set);
	rip = set.rip;
	for (i = 0; i < 16; i++)
		set.gpr[i] = 0x1111111111111111UL * i + 0x80;
	set.rflags = RFLAGS_FIXED | 0x8d5 | BIT(18) | BIT(21);
	vcpu_set_regs(vcpu, &set);
	vcpu_get_regs(vcpu, &got);
	check(!memcmp(&set, &got, sizeof(set)));

	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 0x80);
	vcpu_get_regs(vcpu, &got);
	for (i = 0; i < 16; i++)
		check_eq(got.gpr[i], set.gpr[i]);
	check_eq(got.rflags, set.rflags);
	check_eq(got.rip, rip);
}

static void bad_regs(void)
{
	struct vcpu *vcpu = vcpu_create(vm_create(), 0);
	struct phv_regs before, now;

	need_phv();
	vcpu_get_regs(vcpu, &before);
	now = before;
	now.rflags = 0;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &now), -EINVAL);
	now.rflags = RFLAGS_FIXED | BIT(3);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &now), -EINVAL);
	now.rflags = RFLAGS_FIXED | BIT(22);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &now), -EINVAL);
	now.rflags = RFLAGS_FIXED | BIT(63);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_REGS, &now), -EINVAL);
	vcpu_get_regs(vcpu, &now);
	check(!memcmp(&before, &now, sizeof(now)));
}

/* Reading the control state and setting it again changes nothing. */
static void control(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_regs);
	struct phv_control before, after;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_control(vcpu, &before);
	vcpu_set_control(vcpu, &before);
	vcpu_get_control(vcpu, &after);
	check(!memcmp(&before, &after, sizeof(before)));
	check_eq(before.segment[PHV_SEG_CS].selector, SEL_CODE64);
	check_eq(before.segment[PHV_SEG_CS].access, 0xa09b);
	check_eq(before.segment[PHV_SEG_TR].base, (u64)&vcpu->cpu->tss);
	check_eq(before.gdt_base, (u64)vcpu->cpu->gdt);
	check_eq(before.efer, EFER_LME | EFER_LMA);
	vcpu_expect(vcpu, VCPU_SYNC);
}

static void guest_control(void)
{
	guest_assert_eq(read_cr2(), 0x1234567000UL);
	guest_assert_eq(read_cr8(), 6);
	guest_assert_eq(read_dr0(), 0x1000);
	guest_assert_eq(read_dr3(), 0x4000);
	guest_assert_eq(read_dr6(), 0xffff0ff1);
	guest_assert_eq(read_dr7(), 0x403);
	guest_assert_eq(rdmsr(MSR_FS_BASE), 0x5000);
	guest_assert_eq(rdmsr(MSR_GS_BASE), 0x6000);
	guest_assert(read_cr4() & CR4_PGE);
	guest_assert(read_cr0() & CR0_WP);
}

static void control_is_seen(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_control);
	struct phv_control c;

	vcpu_get_control(vcpu, &c);
	c.cr0 |= CR0_WP;
	c.cr2 = 0x1234567000UL;
	c.cr4 |= CR4_PGE;
	c.cr8 = 6;
	c.dr[0] = 0x1000;
	c.dr[3] = 0x4000;
	c.dr6 = 0xffff0ff1;
	c.dr7 = 0x403;
	c.segment[PHV_SEG_FS].base = 0x5000;
	c.segment[PHV_SEG_GS].base = 0x6000;
	vcpu_set_control(vcpu, &c);
	vcpu_finish(vcpu);
}

/* One member made bad, by its offset and value. */
static void bad_control(void)
{
#define MEMBER(member, value) { offsetof(struct phv_control, member), value }
	static const struct {
		u32 offset;
		u64 value;
	} bad[] = {
		MEMBER(cr0, CR0_PG | CR0_ET),
		MEMBER(cr0, CR0_NW | CR0_ET | CR0_PE),
		MEMBER(cr0, CR0_PE | CR0_ET | BIT(32)),
		MEMBER(cr0, CR0_PE | CR0_ET | BIT(7)),
		MEMBER(cr4, CR4_VMXE),
		MEMBER(cr4, BIT(15)),
		MEMBER(cr4, BIT(40)),
		MEMBER(cr8, 16),
		MEMBER(efer, BIT(1)),
		MEMBER(efer, BIT(63)),
		MEMBER(apic_base, BIT(63)),
		MEMBER(apic_base, 0xfee00400),	/* x2APIC, but disabled */
		MEMBER(xcr0, 0),
		MEMBER(xcr0, 2),
		MEMBER(xcr0, BIT(62) | 1),
		MEMBER(dr6, BIT(32)),
		MEMBER(dr7, BIT(32)),
		MEMBER(reserved[0], 1),
		MEMBER(reserved[7], 1),
	};
#undef MEMBER
	struct vcpu *vcpu = vm_with_guest(guest_regs);
	struct phv_control before, now;
	unsigned int i;

	need_phv();
	vcpu_get_control(vcpu, &before);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		now = before;
		memcpy((u8 *)&now + bad[i].offset, &bad[i].value, sizeof(u64));
		if (vcpu_ioctl(vcpu, PHV_SET_CONTROL, &now) != -EINVAL)
			test_fail("offset %u, value %#llx was accepted",
				  bad[i].offset, bad[i].value);
		vcpu_get_control(vcpu, &now);
		check(!memcmp(&before, &now, sizeof(now)));
	}
	now = before;
	now.segment[PHV_SEG_FS].access = BIT(17);
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &now), -EINVAL);
	now = before;
	now.segment[PHV_SEG_TR].reserved[2] = 1;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &now), -EINVAL);
	now = before;
	now.gdt_limit = 0x10000;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &now), -EINVAL);
	now = before;
	now.idt_limit = ~0U;
	check_eq(vcpu_ioctl(vcpu, PHV_SET_CONTROL, &now), -EINVAL);
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* Events */

#define TYPE_EXTERNAL	0
#define TYPE_NMI	2
#define TYPE_HARDWARE	3
#define TYPE_SOFT_INT	4
#define TYPE_SOFT_EXC	6

static u32 event_info(u32 type, u8 vector, bool has_error)
{
	return BIT(31) | type << 8 | vector | (has_error ? BIT(11) : 0);
}

static struct {
	u32 count;
	u64 vector, error, rip;
} seen;

static void on_event(struct guest_frame *frame)
{
	seen.count++;
	seen.vector = frame->vector;
	seen.error = frame->error;
	seen.rip = frame->rip;
}

static void guest_event(u64 vector)
{
	guest_handle(vector, on_event);
	guest_sync(0);
	guest_assert_eq(READ_ONCE(seen.count), 1);
	guest_assert_eq(READ_ONCE(seen.vector), vector);
}

static void inject(u32 type, u8 vector, bool has_error, u32 error, u32 length)
{
	struct vcpu *vcpu = vm_with_guest(guest_event, vector);
	struct phv_events events = {
		.exception_valid = 1,
		.exception = event_info(type, vector, has_error),
		.exception_error = error,
		.exception_length = length,
	};
	struct phv_events got;
	struct phv_regs r;

	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_set_events(vcpu, &events);
	vcpu_get_events(vcpu, &got);
	check(!memcmp(&events, &got, sizeof(got)));
	vcpu_get_regs(vcpu, &r);
	if (type == TYPE_EXTERNAL) {		/* not without IF */
		r.rflags |= RFLAGS_IF;
		vcpu_set_regs(vcpu, &r);
	}
	if (length) {				/* it begins there */
		r.rip -= length;
		vcpu_set_regs(vcpu, &r);
	}
	vcpu_finish(vcpu);
	check_eq(seen.rip, r.rip + length);
	check_eq(seen.error, has_error ? error : 0);
	vcpu_get_events(vcpu, &got);
	check_eq(got.exception_valid, 0);
}

static void inject_exception(void)
{
	need_phv();
	inject(TYPE_HARDWARE, VEC_UD, false, 0, 0);
}

static void inject_error_code(void)
{
	need_phv();
	inject(TYPE_HARDWARE, VEC_GP, true, 0x1238, 0);
}

static void inject_interrupt(void)
{
	need_phv();
	inject(TYPE_EXTERNAL, 0x55, false, 0, 0);
}

static void inject_software_interrupt(void)
{
	need_phv();
	inject(TYPE_SOFT_INT, 0x56, false, 0, 2);
}

static void inject_breakpoint(void)
{
	need_phv();
	inject(TYPE_SOFT_EXC, VEC_BP, false, 0, 1);
}

static void inject_nmi(void)
{
	need_phv();
	inject(TYPE_NMI, VEC_NMI, false, 0, 0);
}

/* The processor refuses these; then the event is gone, or can be taken back. */
static void inject_nonsense(void)
{
	static const u32 nonsense[] = {
		BIT(31) | 1 << 8 | 0x20,		/* reserved type */
		BIT(31) | TYPE_NMI << 8 | 3,		/* an NMI has vector 2 */
		BIT(31) | TYPE_HARDWARE << 8 | 32,	/* no exception */
		BIT(31) | BIT(11) | TYPE_EXTERNAL << 8 | 0x55,
	};
	struct vcpu *vcpu;
	unsigned int i;

	need_phv();
	vcpu = vm_with_guest(guest_event, 0x55);
	vcpu_expect(vcpu, VCPU_SYNC);
	for (i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct phv_events events = {
			.exception_valid = 1, .exception = nonsense[i],
		};
		int ret;

		if (vcpu_ioctl(vcpu, PHV_SET_EVENTS, &events) == -EINVAL)
			continue;
		ret = vcpu_run(vcpu);
		if (ret != PHV_EXIT_ENTRY_FAILED)
			test_fail("event %#x: %d", nonsense[i], ret);
		memset(&events, 0, sizeof(events));
		vcpu_set_events(vcpu, &events);
	}
	check_eq(seen.count, 0);
	vcpu_call(vcpu, guest_regs);
	vcpu_expect(vcpu, VCPU_SYNC);
}

static void bad_events(void)
{
	struct vcpu *vcpu = vm_with_guest(guest_regs);
	struct phv_events before, events;

	need_phv();
	vcpu_get_events(vcpu, &before);
#define REFUSED(member, value) do {					\
	events = before;						\
	events.member = value;						\
	check_eq(vcpu_ioctl(vcpu, PHV_SET_EVENTS, &events), -EINVAL);	\
} while (0)
	REFUSED(activity, PHV_SHUTDOWN + 1);
	REFUSED(activity, ~0U);
	REFUSED(interruptibility, BIT(2));
	REFUSED(interruptibility, BIT(4));
	REFUSED(interruptibility, BIT(31));
	REFUSED(nmi_pending, 3);
	REFUSED(exception_valid, 2);
	REFUSED(exception, BIT(31));
	REFUSED(exception_error, 1);
	REFUSED(exception_length, 1);
	REFUSED(reserved[4], 1);
	before.exception_valid = 1;
	REFUSED(exception, VEC_UD);			/* not valid */
	REFUSED(exception, BIT(31) | BIT(12));
	REFUSED(exception, BIT(31) | BIT(30));
	before.exception = event_info(TYPE_SOFT_INT, 0x50, false);
	REFUSED(exception_length, 16);
#undef REFUSED
	vcpu_expect(vcpu, VCPU_SYNC);
}

/* NMIs that wait, and blocking. */
static void guest_count_nmis(void)
{
	guest_handle(VEC_NMI, on_event);
	guest_sync(0);
	guest_sync(READ_ONCE(seen.count));
	cpuid(0, 0);
	guest_sync(READ_ONCE(seen.count));
}

static void nmis(void)
{
	struct vcpu *vcpu;
	struct phv_events events;

	need_phv();
	vcpu = vm_with_guest(guest_count_nmis);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_events(vcpu, &events);
	check_eq(events.nmi_pending, 0);
	events.nmi_pending = 2;
	vcpu_set_events(vcpu, &events);
	vcpu_get_events(vcpu, &events);
	check_eq(events.nmi_pending, 2);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 2);

	events.nmi_pending = 1;
	events.interruptibility = BIT(3);		/* blocked by NMI */
	vcpu_set_events(vcpu, &events);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(vcpu->run->io.data, 2);
	vcpu_get_events(vcpu, &events);
	check_eq(events.nmi_pending, 1);
	check_eq(events.interruptibility, BIT(3));
}

/* HLT as a state that is set: an interrupt ends it. */
static void guest_woken(void)
{
	guest_handle(0x55, on_event);
	x2apic_enable();
	sti();
	guest_sync(0);
	guest_assert_eq(READ_ONCE(seen.count), 1);
}

static void halted(void)
{
	struct vcpu *vcpu;
	struct phv_events events;

	need_phv();
	vcpu = vm_with_guest(guest_woken);
	vcpu_expect(vcpu, VCPU_SYNC);
	vcpu_get_events(vcpu, &events);
	events.activity = PHV_HALTED;
	vcpu_set_events(vcpu, &events);
	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	check_eq(vcpu_ioctl(vcpu, PHV_INTERRUPT, 0x55), 0);
	vcpu_join(vcpu);
	vcpu_get_events(vcpu, &events);
	check_eq(events.activity, PHV_ACTIVE);
}

/*
 * A guest that moves to a new domain at every guest_sync(): all of its state goes
 * through user space.
 */
static u32 moves;

static void guest_moves(void)
{
	u64 i, rsi = 0x1111, rdi = 0x2222, rbx = 0x3333;
	u64 efer = rdmsr(MSR_EFER);

	write_cr4(read_cr4() | CR4_OSFXSR | CR4_PGE);
	write_cr2(0x5000);
	write_cr8(3);
	write_dr2(0x7777);
	wrmsr(MSR_LSTAR, 0x1000);
	wrmsr(MSR_STAR, 0x0010000800000000UL);
	wrmsr(MSR_KERNEL_GS_BASE, 0x2000);
	wrmsr(MSR_GS_BASE, 0x3000);
	wrmsr(MSR_PAT, 0x0007040600070406UL);
	wrmsr(MSR_SYSENTER_EIP, 0x4000);
	asm volatile("movq %0, %%xmm7" : : "r" (0x1234567890abcdefUL));
	for (i = 0; i < 4; i++) {
		u64 xmm;

		asm volatile("outl %%eax, %3"
			     : "+S" (rsi), "+D" (rdi), "+b" (rbx)
			     : "i" (GUEST_PORT_SYNC) : "memory");
		guest_assert_eq(rsi, 0x1111);
		guest_assert_eq(rdi, 0x2222);
		guest_assert_eq(rbx, 0x3333);
		asm volatile("movq %%xmm7, %0" : "=r" (xmm));
		guest_assert_eq(xmm, 0x1234567890abcdefUL);
		guest_assert_eq(read_cr2(), 0x5000);
		guest_assert_eq(read_cr8(), 3);
		guest_assert_eq(read_dr2(), 0x7777);
		guest_assert_eq(rdmsr(MSR_LSTAR), 0x1000);
		guest_assert_eq(rdmsr(MSR_STAR), 0x0010000800000000UL);
		guest_assert_eq(rdmsr(MSR_KERNEL_GS_BASE), 0x2000);
		guest_assert_eq(rdmsr(MSR_GS_BASE), 0x3000);
		guest_assert_eq(rdmsr(MSR_PAT), 0x0007040600070406UL);
		guest_assert_eq(rdmsr(MSR_SYSENTER_EIP), 0x4000);
		guest_assert_eq(rdmsr(MSR_EFER), efer);
	}
}

static const u32 moved_msrs[] = {
	MSR_TSC, MSR_LSTAR, MSR_STAR, MSR_CSTAR, MSR_FMASK, MSR_KERNEL_GS_BASE,
	MSR_PAT, MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP,
};

static struct vcpu *move(struct vcpu *from)
{
	static u8 area[0x4000] __aligned(64);
	struct phv_xsave xsave = { .size = sizeof(area), .area = (u64)area };
	struct vcpu *to = vcpu_create(vm_create(), 0);
	struct phv_control control;
	struct phv_events events;
	struct phv_lapic lapic;
	struct phv_regs r;
	unsigned int i;

	vcpu_get_control(from, &control);
	vcpu_set_control(to, &control);
	vcpu_get_regs(from, &r);
	vcpu_set_regs(to, &r);
	for (i = 0; i < ARRAY_SIZE(moved_msrs); i++)
		vcpu_set_msr(to, moved_msrs[i], vcpu_get_msr(from, moved_msrs[i]));
	check_eq(vcpu_ioctl(from, PHV_GET_XSAVE, &xsave), 0);
	check_eq(vcpu_ioctl(to, PHV_SET_XSAVE, &xsave), 0);
	check_eq(vcpu_ioctl(from, PHV_GET_LAPIC, &lapic), 0);
	check_eq(vcpu_ioctl(to, PHV_SET_LAPIC, &lapic), 0);
	vcpu_get_events(from, &events);
	vcpu_set_events(to, &events);
	vm_destroy(from->vm);
	moves++;
	return to;
}

static void moving(void)
{
	struct vcpu *vcpu;
	unsigned int i;

	need_phv();
	vcpu = vm_with_guest(guest_moves);
	for (i = 0; i < 4; i++) {
		vcpu_expect(vcpu, VCPU_SYNC);
		vcpu = move(vcpu);
	}
	vcpu_finish(vcpu);
	check_eq(moves, 4);
}

#define FIELD_PIN		0x4000
#define FIELD_GUEST_RIP		0x681e
#define FIELD_EPTP		0x201a
#define FIELD_HOST_RIP		0x6c16
#define FIELD_GUEST_CR0		0x6800
#define FIELD_NONE		0x7ffe

static long get_field(struct vcpu *vcpu, u32 field, u64 *value)
{
	struct phv_msr entry = { .index = field };
	const struct phv_msrs list = { .count = 1, .entries = (u64)&entry };
	long ret = vcpu_ioctl(vcpu, PHV_GET_VMCS, &list);

	*value = entry.value;
	return ret;
}

static void guest_idle(void)
{
}

/* What is the host's is not for those without rights: the same process, before and after. */
static void vmcs_fields(void)
{
	struct phv_msr entries[] = {
		{ .index = FIELD_PIN }, { .index = FIELD_GUEST_RIP },
		{ .index = FIELD_NONE, .value = 1 }, { .index = FIELD_PIN, .value = 1 },
	};
	struct phv_msrs list = { .count = ARRAY_SIZE(entries), .entries = (u64)entries };
	struct vcpu *vcpu;
	struct phv_regs regs;
	u64 value;

	need_phv();
	vcpu = vm_with_guest(guest_idle);
	vcpu_get_regs(vcpu, &regs);
	check_eq(vcpu_ioctl(vcpu, PHV_GET_VMCS, &list), 2);
	check(entries[0].value & 1);
	check_eq(entries[1].value, regs.rip);
	check_eq(entries[2].value, 1);
	check_eq(entries[3].value, 1);

	check_eq(get_field(vcpu, FIELD_HOST_RIP, &value), 1);
	check(value >> 63);
	check_eq(get_field(vcpu, FIELD_EPTP, &value), 1);
	check_eq(setuid(65534), 0);
	check_eq(get_field(vcpu, FIELD_HOST_RIP, &value), 0);
	check_eq(value, 0);
	check_eq(get_field(vcpu, FIELD_EPTP, &value), 0);
	check_eq(value, 0);
	check_eq(get_field(vcpu, FIELD_GUEST_CR0, &value), 1);
	check(value & 1);
	vcpu_finish(vcpu);
}

static const struct test tests[] = {
	{ "general registers", .host = regs },
	{ "bad general registers are refused", .host = bad_regs },
	{ "control state is read and set without a change", .host = control },
	{ "control state that is set is what the guest has",
	  .host = control_is_seen },
	{ "bad control state is refused, and changes nothing",
	  .host = bad_control },
	{ "an exception is delivered", .host = inject_exception },
	{ "an exception with an error code", .host = inject_error_code },
	{ "an interrupt", .host = inject_interrupt },
	{ "a software interrupt", .host = inject_software_interrupt },
	{ "a breakpoint exception", .host = inject_breakpoint },
	{ "an NMI", .host = inject_nmi },
	{ "what is no event ends in a failed entry", .host = inject_nonsense },
	{ "bad events are refused", .host = bad_events },
	{ "pending and blocked NMIs", .host = nmis },
	{ "a vCPU that is set to be halted wakes up", .host = halted },
	{ "a guest moves from domain to domain", .host = moving },
	{ "fields of the VMCS, and whose they are", .host = vmcs_fields },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
