/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints, system "phv". Named and typed so that those who know KVM's feel
 * at home.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM phv

#if !defined(PHV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PHV_TRACE_H

#include <linux/tracepoint.h>
#include <asm/vmx.h>

#include "domain.h"
#include "vcpu.h"

TRACE_EVENT(phv_entry,
	TP_PROTO(struct phv_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(unsigned long, rip)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->rip = vmcs_read(GUEST_RIP);
	),
	TP_printk("domain %u vcpu %u rip 0x%lx", __entry->domain,
		  __entry->vcpu, __entry->rip)
);

TRACE_EVENT(phv_exit,
	TP_PROTO(struct phv_vcpu *vcpu),
	TP_ARGS(vcpu),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u32, reason)
		__field(unsigned long, rip)
		__field(u64, qualification)
		__field(u32, intr_info)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->reason = vcpu->exit_reason;
		__entry->rip = vmcs_read(GUEST_RIP);
		__entry->qualification = vmcs_read(EXIT_QUALIFICATION);
		__entry->intr_info = vmcs_read(VM_EXIT_INTR_INFO);
	),
	TP_printk("domain %u vcpu %u reason %s%s rip 0x%lx qualification 0x%llx intr_info 0x%x",
		  __entry->domain, __entry->vcpu,
		  __print_symbolic(__entry->reason & 0xffff, VMX_EXIT_REASONS),
		  __entry->reason & VMX_EXIT_REASONS_FAILED_VMENTRY ? " FAILED_VMENTRY" : "",
		  __entry->rip, __entry->qualification, __entry->intr_info)
);

TRACE_EVENT(phv_inject,
	TP_PROTO(struct phv_vcpu *vcpu, u32 info, u32 error),
	TP_ARGS(vcpu, info, error),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u32, info)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->info = info;
		__entry->error = error;
	),
	TP_printk("domain %u vcpu %u vector %u info 0x%x error 0x%x",
		  __entry->domain, __entry->vcpu, __entry->info & 0xff,
		  __entry->info, __entry->error)
);

/* A vector and a vCPU: on its way there, taken without virtual-interrupt delivery, the timer's. */
DECLARE_EVENT_CLASS(phv_lapic,
	TP_PROTO(struct phv_vcpu *vcpu, u8 vector),
	TP_ARGS(vcpu, vector),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u8, vector)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->vector = vector;
	),
	TP_printk("domain %u vcpu %u vector %u", __entry->domain, __entry->vcpu,
		  __entry->vector)
);

DEFINE_EVENT(phv_lapic, phv_lapic_deliver,
	TP_PROTO(struct phv_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector)
);

DEFINE_EVENT(phv_lapic, phv_lapic_accept,
	TP_PROTO(struct phv_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector)
);

DEFINE_EVENT(phv_lapic, phv_lapic_timer,
	TP_PROTO(struct phv_vcpu *vcpu, u8 vector), TP_ARGS(vcpu, vector)
);

TRACE_EVENT(phv_lapic_ipi,
	TP_PROTO(struct phv_vcpu *vcpu, u32 icr, u32 dest),
	TP_ARGS(vcpu, icr, dest),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u32, icr)
		__field(u32, dest)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->icr = icr;
		__entry->dest = dest;
	),
	TP_printk("domain %u vcpu %u icr 0x%x dest 0x%x", __entry->domain, __entry->vcpu,
		  __entry->icr, __entry->dest)
);

TRACE_EVENT(phv_hypercall,
	TP_PROTO(struct phv_vcpu *vcpu, u64 nr, const u64 *arg, long result),
	TP_ARGS(vcpu, nr, arg, result),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u64, nr)
		__array(u64, arg, 4)
		__field(long, result)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->nr = nr;
		memcpy(__entry->arg, arg, sizeof(__entry->arg));
		__entry->result = result;
	),
	TP_printk("domain %u vcpu %u %s(0x%llx, 0x%llx, 0x%llx, 0x%llx) = %ld",
		  __entry->domain, __entry->vcpu,
		  __print_symbolic_u64(__entry->nr,
				       { 7, "platform_op" }, { 12, "memory_op" },
				       { 13, "multicall" }, { 15, "set_timer_op" },
				       { 17, "xen_version" }, { 18, "console_io" },
				       { 20, "grant_table_op" }, { 21, "vm_assist" },
				       { 24, "vcpu_op" }, { 29, "sched_op" },
				       { 32, "event_channel_op" }, { 34, "hvm_op" },
				       { 35, "sysctl" }, { 36, "domctl" }),
		  __entry->arg[0], __entry->arg[1], __entry->arg[2], __entry->arg[3],
		  __entry->result)
);

TRACE_EVENT(phv_ept_fault,
	TP_PROTO(struct phv_vcpu *vcpu, u64 gfn, bool write, bool execute, int level),
	TP_ARGS(vcpu, gfn, write, execute, level),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u16, vcpu)
		__field(u64, gfn)
		__field(bool, write)
		__field(bool, execute)
		__field(u8, level)
	),
	TP_fast_assign(
		__entry->domain = vcpu->domain->id;
		__entry->vcpu = vcpu->id;
		__entry->gfn = gfn;
		__entry->write = write;
		__entry->execute = execute;
		__entry->level = level;
	),
	TP_printk("domain %u vcpu %u gfn 0x%llx %s %s", __entry->domain,
		  __entry->vcpu, __entry->gfn,
		  __entry->execute ? "execute" : __entry->write ? "write" : "read",
		  __print_symbolic(__entry->level, { 0, "write right" },
				   { EPT_4K, "4K" }, { EPT_2M, "2M" }, { EPT_1G, "1G" }))
);

TRACE_EVENT(phv_ept_flush,
	TP_PROTO(struct phv_domain *domain, u64 generation),
	TP_ARGS(domain, generation),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(u64, generation)
	),
	TP_fast_assign(
		__entry->domain = domain->id;
		__entry->generation = generation;
	),
	TP_printk("domain %u generation %llu", __entry->domain, __entry->generation)
);

TRACE_EVENT(phv_memory_invalidate,
	TP_PROTO(struct phv_domain *domain, unsigned long start, unsigned long end),
	TP_ARGS(domain, start, end),
	TP_STRUCT__entry(
		__field(u16, domain)
		__field(unsigned long, start)
		__field(unsigned long, end)
	),
	TP_fast_assign(
		__entry->domain = domain->id;
		__entry->start = start;
		__entry->end = end;
	),
	TP_printk("domain %u start 0x%lx end 0x%lx", __entry->domain,
		  __entry->start, __entry->end)
);

#endif /* PHV_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace

#include <trace/define_trace.h>
