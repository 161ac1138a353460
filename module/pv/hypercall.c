// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hypercalls: from the exit to the handler, and back.
 *
 * What lives here: the table of hypercalls, what registers and mode say about a call,
 * copies from and to guest-virtual memory, multicalls, and the hypercall page.
 *
 * A call goes through here once or twice. In the inner loop (hypercall_exit_fast()) those
 * that the table allows are tried without sleeping; what they can't do there, and all
 * others, is done from the outer loop (hypercall_exit_slow()), from the start.
 */
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/pkru.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include <xen/interface/xen.h>

#include "domain.h"
#include "pv/hypercall.h"
#include "pv/pv.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/gva.h"
#include "vmx/run.h"

static long hypercall_multicall(struct hypercall *call);
static long hypercall_denied(struct hypercall *call);

/* Numbers without a handler answer -ENOSYS: classic PV's, and what is not offered. */
static const struct {
	hypercall_handler handler;
	bool fast;			/* may be tried in the inner loop */
} hypercalls[] = {
	[__HYPERVISOR_platform_op]	= { hypercall_denied, true },
	[__HYPERVISOR_memory_op]	= { hypercall_memory_op, false },
	[__HYPERVISOR_multicall]	= { hypercall_multicall, false },
	[__HYPERVISOR_set_timer_op]	= { hypercall_set_timer_op, true },
	[__HYPERVISOR_xen_version]	= { hypercall_xen_version, true },
	[__HYPERVISOR_console_io]	= { hypercall_console_io, false },
	[__HYPERVISOR_grant_table_op]	= { hypercall_grant_table_op, false },
	[__HYPERVISOR_vm_assist]	= { hypercall_vm_assist, false },
	[__HYPERVISOR_vcpu_op]		= { hypercall_vcpu_op, true },
	[__HYPERVISOR_sched_op]		= { hypercall_sched_op, true },
	[__HYPERVISOR_event_channel_op]	= { hypercall_event_channel_op, true },
	[__HYPERVISOR_hvm_op]		= { hypercall_hvm_op, false },
	[__HYPERVISOR_sysctl]		= { hypercall_denied, true },
	[__HYPERVISOR_domctl]		= { hypercall_denied, true },
};

/* For the host's toolstack, which no guest is. */
static long hypercall_denied(struct hypercall *call)
{
	return -EPERM;
}

/* Copies */

/*
 * In the inner loop CR2 and PKRU are the guest's: a copy that faults must leave the first
 * alone, and the second says nothing about the owner's memory. It must not sleep.
 */
static int copy_fast(struct hypercall *call, u64 gva, void *buf, size_t size, bool write)
{
	struct phv_vcpu *vcpu = call->vcpu;
	bool pkru_on = boot_cpu_has(X86_FEATURE_OSPKE);
	unsigned long cr2 = read_cr2();
	struct gva_fault fault;
	u32 pkru = 0;
	int ret;

	if (pkru_on) {
		pkru = read_pkru();
		write_pkru(vcpu->host_pkru);
	}
	pagefault_disable();
	if (write)
		ret = gva_write(vcpu, gva, buf, size, GVA_NOFAULT, &fault);
	else
		ret = gva_read(vcpu, gva, buf, size, GVA_NOFAULT, &fault);
	pagefault_enable();
	if (pkru_on)
		write_pkru(pkru);
	if (unlikely(ret))
		write_cr2(cr2);
	return ret;
}

static int copy(struct hypercall *call, u64 gva, void *buf, size_t size, bool write)
{
	struct gva_fault fault;
	int ret;

	if (call->fast)
		ret = copy_fast(call, gva, buf, size, write);
	else if (write)
		ret = gva_write(call->vcpu, gva, buf, size, 0, &fault);
	else
		ret = gva_read(call->vcpu, gva, buf, size, 0, &fault);
	return ret && ret != -EAGAIN ? -EFAULT : ret;
}

int hypercall_read(struct hypercall *call, void *buf, u64 gva, size_t size)
{
	return copy(call, gva, buf, size, false);
}

int hypercall_write(struct hypercall *call, u64 gva, const void *buf, size_t size)
{
	return copy(call, gva, (void *)buf, size, true);
}

/* Calls */

static const u8 arg_gpr64[HYPERCALL_ARGS] = {
	GPR_RDI, GPR_RSI, GPR_RDX, GPR_R10, GPR_R8, GPR_R9
};

static const u8 arg_gpr32[HYPERCALL_ARGS] = {
	GPR_RBX, GPR_RCX, GPR_RDX, GPR_RSI, GPR_RDI, GPR_RBP
};

/* The number: 64 bits wide, for those who look for it in the table. */
static __always_inline u64 get_nr(struct phv_vcpu *vcpu, struct hypercall *call)
{
	u64 nr = vcpu->gpr[GPR_RAX];

	call->vcpu = vcpu;
	call->compat = !vmx_in_64bit_mode(vcpu);
	return likely(!call->compat) ? nr : lower_32_bits(nr);
}

static noinline void get_args32(const unsigned long *gpr, struct hypercall *call)
{
	unsigned int i;

	for (i = 0; i < HYPERCALL_ARGS; i++)
		call->arg[i] = lower_32_bits(gpr[arg_gpr32[i]]);
}

static __always_inline void get_args(const unsigned long *gpr, struct hypercall *call)
{
	if (unlikely(call->compat)) {
		get_args32(gpr, call);
		return;
	}
	call->arg[0] = gpr[GPR_RDI];
	call->arg[1] = gpr[GPR_RSI];
	call->arg[2] = gpr[GPR_RDX];
	call->arg[3] = gpr[GPR_R10];
	call->arg[4] = gpr[GPR_R8];
	call->arg[5] = gpr[GPR_R9];
}

/* The guest repeats the call with these arguments. */
static void put_args(struct phv_vcpu *vcpu, const struct hypercall *call)
{
	const u8 *arg_gpr = call->compat ? arg_gpr32 : arg_gpr64;
	unsigned int i;

	for (i = 0; i < HYPERCALL_ARGS; i++)
		vcpu->gpr[arg_gpr[i]] = call->compat ? lower_32_bits(call->arg[i]) : call->arg[i];
}

/* Ring 0 of protected or 64-bit mode, as Xen wants it. */
static bool may_call(struct phv_vcpu *vcpu, const struct hypercall *call)
{
	if (vmx_cpl(vcpu))
		return false;
	return !call->compat || (vmcs_read(GUEST_CR0) & X86_CR0_PE);
}

static __always_inline hypercall_handler find_handler(struct hypercall *call, u64 nr)
{
	if (nr >= ARRAY_SIZE(hypercalls))
		return NULL;
	call->nr = array_index_nospec(nr, ARRAY_SIZE(hypercalls));
	return hypercalls[call->nr].handler;
}

static noinline void count_error(struct phv_counters *counters, long ret)
{
	if (ret == -ENOSYS)
		vcpu_count(counters->hypercalls_unknown);
	else if (ret == -EPERM)
		vcpu_count(counters->hypercalls_refused);
}

static __always_inline void account(const struct hypercall *call, u64 nr, long ret)
{
	struct phv_counters *counters = call->vcpu->counters;
	const u64 last = ARRAY_SIZE(counters->hypercalls) - 1;

	trace_phv_hypercall(call->vcpu, nr, call->arg, ret);
	vcpu_count(counters->hypercalls[nr < last ? nr : last]);
	if (unlikely(ret < 0))
		count_error(counters, ret);
}

/* The call is over: its result is what the guest sees. */
static __always_inline int finish(struct phv_vcpu *vcpu, const struct hypercall *call, u64 nr,
				  long ret)
{
	account(call, nr, ret);
	vcpu->gpr[GPR_RAX] = call->compat ? lower_32_bits(ret) : ret;
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/* A call that nobody has a handler for, or that may not be made. */
static int fail(struct phv_vcpu *vcpu, struct hypercall *call, u64 nr, long ret)
{
	if (trace_phv_hypercall_enabled())
		get_args(vcpu->gpr, call);
	return finish(vcpu, call, nr, ret);
}

/* The domain is not Xen's. */
static int no_hypercall(struct phv_vcpu *vcpu)
{
	vcpu->gpr[GPR_RAX] = vmx_cpl(vcpu) ? -EPERM : -ENOSYS;
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

/*
 * VMCALL, in the inner loop. Result as of all handlers; the guest's registers are as they
 * were when it is VMX_SLOW.
 */
int hypercall_exit_fast(struct phv_vcpu *vcpu)
{
	struct hypercall *call = &vcpu->pv.call;
	hypercall_handler handler;
	long ret;
	u64 nr;

	if (unlikely(!vcpu->domain->pv))
		return no_hypercall(vcpu);
	nr = get_nr(vcpu, call);
	if (unlikely(!may_call(vcpu, call)))
		return fail(vcpu, call, nr, -EPERM);
	handler = find_handler(call, nr);
	if (unlikely(!handler))
		return fail(vcpu, call, nr, -ENOSYS);
	if (!hypercalls[call->nr].fast)
		return VMX_SLOW;

	get_args(vcpu->gpr, call);
	call->fast = true;
	ret = handler(call);
	switch (ret) {
	case -EAGAIN:
	case HYPERCALL_SLOW:
	case HYPERCALL_AGAIN:
	case HYPERCALL_TO_USER:
		return VMX_SLOW;
	default:
		return finish(vcpu, call, nr, ret);
	}
}

/* VMCALL, from the outer loop. */
int hypercall_exit_slow(struct phv_vcpu *vcpu)
{
	struct hypercall *call = &vcpu->pv.call;
	hypercall_handler handler;
	long ret;
	u64 nr;

	/* All was checked by the other. */
	nr = get_nr(vcpu, call);
	handler = find_handler(call, nr);
	get_args(vcpu->gpr, call);
	call->fast = false;
	ret = handler(call);
	switch (ret) {
	case HYPERCALL_AGAIN:
		put_args(vcpu, call);
		return VMX_RESUME;
	case HYPERCALL_TO_USER:
		put_args(vcpu, call);
		return VMX_TO_USER;
	default:
		return finish(vcpu, call, nr, ret);
	}
}

/* Multicalls */

/* Entries in one go, before the outer loop looks at what else there is to do. */
#define MULTICALL_BATCH	32

/* struct multicall_entry, as guests outside of 64-bit mode have it. */
struct multicall_entry_compat {
	u32 op;
	u32 result;
	u32 args[HYPERCALL_ARGS];
};

static int read_entry(struct hypercall *call, u64 gva, struct hypercall *entry, u64 *nr)
{
	union {
		struct multicall_entry native;
		struct multicall_entry_compat compat;
	} buf;
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(buf.native.args) != HYPERCALL_ARGS);

	if (hypercall_read(call, &buf, gva, call->compat ? sizeof(buf.compat) : sizeof(buf.native)))
		return -EFAULT;
	*entry = *call;
	*nr = call->compat ? buf.compat.op : buf.native.op;
	for (i = 0; i < HYPERCALL_ARGS; i++)
		entry->arg[i] = call->compat ? buf.compat.args[i] : buf.native.args[i];
	return 0;
}

static int write_result(struct hypercall *call, u64 gva, long result)
{
	u32 low = result;

	if (call->compat)
		return hypercall_write(call, gva + offsetof(struct multicall_entry_compat, result),
				       &low, sizeof(low));
	return hypercall_write(call, gva + offsetof(struct multicall_entry, result),
			       &result, sizeof(result));
}

/* The entry is to be done again, with what is left to do. */
static int write_args(struct hypercall *call, u64 gva, const struct hypercall *entry)
{
	u32 args[HYPERCALL_ARGS];
	unsigned int i;

	if (!call->compat)
		return hypercall_write(call, gva + offsetof(struct multicall_entry, args),
				       entry->arg, sizeof(entry->arg));
	for (i = 0; i < HYPERCALL_ARGS; i++)
		args[i] = entry->arg[i];
	return hypercall_write(call, gva + offsetof(struct multicall_entry_compat, args),
			       args, sizeof(args));
}

/* One entry. 0, -EFAULT for the multicall as a whole, HYPERCALL_AGAIN or HYPERCALL_TO_USER. */
static long do_entry(struct hypercall *call, u64 gva)
{
	struct hypercall entry;
	hypercall_handler handler;
	u64 nr;
	long ret;

	if (read_entry(call, gva, &entry, &nr))
		return -EFAULT;
	handler = find_handler(&entry, nr);
	if (!handler)
		ret = -ENOSYS;
	else if (handler == hypercall_multicall)
		ret = -EINVAL;
	else
		ret = handler(&entry);
	if (ret == HYPERCALL_AGAIN || ret == HYPERCALL_TO_USER) {
		/* What user space is to be told, it is told. */
		if (write_args(call, gva, &entry) && ret != HYPERCALL_TO_USER)
			return -EFAULT;
		return ret;
	}
	account(&entry, nr, ret);
	return write_result(call, gva, ret);
}

/*
 * HYPERVISOR_multicall: a list of calls, done in order. Its arguments advance with it,
 * so that it can be left after any entry.
 */
static long hypercall_multicall(struct hypercall *call)
{
	struct phv_vcpu *vcpu = call->vcpu;
	unsigned int done;
	long ret;

	call->arg[1] = lower_32_bits(call->arg[1]);
	for (done = 0; call->arg[1]; done++) {
		if (done == MULTICALL_BATCH ||
		    (done && (READ_ONCE(vcpu->requests) || vcpu_thread_has_work())))
			return HYPERCALL_AGAIN;
		ret = do_entry(call, call->arg[0]);
		if (ret)
			return ret;
		call->arg[0] += call->compat ? sizeof(struct multicall_entry_compat) :
					       sizeof(struct multicall_entry);
		call->arg[1]--;
	}
	return 0;
}

/* The hypercall page */

#define STUB_SIZE	32

/* mov $nr, %eax; vmcall; ret. For iret, which only classic PV has, ud2. */
static void fill_page(u8 *page)
{
	u8 *stub = page;
	u32 nr;

	memset(page, 0xcc, PAGE_SIZE);
	for (nr = 0; nr < PAGE_SIZE / STUB_SIZE; nr++, stub += STUB_SIZE) {
		if (nr == __HYPERVISOR_iret) {
			memcpy(stub, "\x0f\x0b", 2);
			continue;
		}
		stub[0] = 0xb8;
		memcpy(stub + 1, &nr, sizeof(nr));
		memcpy(stub + 5, "\x0f\x01\xc1\xc3", 4);
	}
}

/**
 * hypercall_page_write - WRMSR of the hypercall page's MSR
 * @vcpu: the vCPU, loaded
 * @value: guest-physical address, and in the low 12 bits which page: there is but one
 *
 * A sensible point to look at how wide the guest is, says Xen.
 *
 * Return: 0; -EINVAL for #GP; -EAGAIN in the inner loop: it has to be done outside.
 */
int hypercall_page_write(struct phv_vcpu *vcpu, u64 value)
{
	u8 *page;
	int ret;

	if (offset_in_page(value))
		return -EINVAL;
	if (READ_ONCE(vcpu->mode) == VCPU_IN_GUEST)
		return -EAGAIN;
	page = (u8 *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!page)
		return -EINVAL;
	fill_page(page);
	ret = memory_write(vcpu->domain, value, page, PAGE_SIZE);
	free_page((unsigned long)page);
	if (ret)
		return -EINVAL;
	pv_latch_layout(vcpu);
	return 0;
}
