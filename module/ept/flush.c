// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CPUs may have translations of an EPT cached, and dropping them.
 *
 * What lives here: INVEPT and the rules for it (SDM volume 3, 29.4.3), and
 * where vCPUs are loaded.  The run loop calls ept_load() and ept_put(); whoever
 * has taken rights away calls ept_flush().
 *
 * ept.generation moves, under the lock, after entries have lost rights.  A CPU
 * on which a vCPU is loaded is in ept.cpus and is interrupted by a flush; any
 * other compares ept.generation with the one of its last INVEPT before a vCPU
 * runs on it.  Until then its old translations cannot be used: they are tagged
 * with the EPT's root, and only entering a guest selects that.
 *
 * A new EPT counts from 1 and CPUs have seen 0 of it, so the first vCPU on each
 * CPU drops what a past EPT with the same root has left there, or another
 * hypervisor: 29.4.3.3 wants that after VMXON.  So nothing is flushed when an
 * EPT goes.
 */
#include <linux/cpumask.h>
#include <linux/irqflags.h>
#include <linux/percpu.h>
#include <linux/smp.h>
#include <asm/vmx.h>

#include <phv.h>

#include "domain.h"
#include "ept/ept.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/vmcs.h"
#include "vmx/vmx.h"

/* The vCPU that is loaded on this CPU; that CPU's, changed with interrupts off. */
static DEFINE_PER_CPU(struct phv_vcpu *, loaded_vcpu);

int ept_flush_create(struct ept *ept)
{
	if (!zalloc_cpumask_var(&ept->cpus, GFP_KERNEL_ACCOUNT))
		return -ENOMEM;
	ept->seen = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	if (!ept->seen) {
		free_cpumask_var(ept->cpus);
		return -ENOMEM;
	}
	atomic64_set(&ept->generation, 1);
	atomic64_set(&ept->flushed, 1);
	return 0;
}

void ept_flush_destroy(struct ept *ept)
{
	free_percpu(ept->seen);
	free_cpumask_var(ept->cpus);
}

/*
 * Catch up with the EPT of the vCPU on this CPU, interrupts off.  The generation
 * was read before the INVEPT that covers it.  The type drops combined mappings
 * of all VPIDs as well.
 */
static noinline void flush_now(struct phv_vcpu *vcpu, u64 generation)
{
	struct ept *ept = &vcpu->domain->ept;

	__this_cpu_write(*ept->seen, generation);
	if (vmx_has(PHV_CAP_INVEPT_SINGLE))
		invept(VMX_EPT_EXTENT_CONTEXT, ept_pointer(vcpu->domain));
	else
		invept(VMX_EPT_EXTENT_GLOBAL, 0);
	vcpu_count(vcpu->counters->flushes);
}

static __always_inline void flush_this_cpu(struct phv_vcpu *vcpu)
{
	struct ept *ept = &vcpu->domain->ept;
	u64 generation = atomic64_read(&ept->generation);

	if (unlikely(__this_cpu_read(*ept->seen) != generation))
		flush_now(vcpu, generation);
}

void ept_load(struct phv_vcpu *vcpu)
{
	struct ept *ept = &vcpu->domain->ept;
	unsigned long flags;

	local_irq_save(flags);
	__this_cpu_write(loaded_vcpu, vcpu);
	cpumask_set_cpu(smp_processor_id(), ept->cpus);
	/* Pairs with ept_flush(): it sees this CPU, or we see its generation. */
	smp_mb__after_atomic();
	flush_this_cpu(vcpu);
	local_irq_restore(flags);
}

void ept_put(struct phv_vcpu *vcpu)
{
	struct ept *ept = &vcpu->domain->ept;
	unsigned long flags;

	local_irq_save(flags);
	/* It may not be loaded, when VMX is lost. */
	if (__this_cpu_read(loaded_vcpu) == vcpu) {
		if (atomic_read(&ept->logged))
			ept_drain_log(vcpu);
		cpumask_clear_cpu(smp_processor_id(), ept->cpus);
		__this_cpu_write(loaded_vcpu, NULL);
	}
	local_irq_restore(flags);
}

void ept_flush_vcpu(struct phv_vcpu *vcpu)
{
	unsigned long flags;

	local_irq_save(flags);
	atomic64_inc(&vcpu->domain->ept.generation);
	flush_this_cpu(vcpu);
	local_irq_restore(flags);
}

static void flush_ipi(void *arg)
{
	struct phv_vcpu *vcpu = __this_cpu_read(loaded_vcpu);

	if (vcpu && &vcpu->domain->ept == arg)
		flush_this_cpu(vcpu);
}

/**
 * ept_flush - make all CPUs forget rights that the EPT does not give any more
 * @ept: a domain's
 *
 * Covers everything that was taken away, by whomever, before the call.
 * Context: interrupts on; may be atomic.
 */
void ept_flush(struct ept *ept)
{
	s64 goal = atomic64_read(&ept->generation);
	s64 flushed = atomic64_read(&ept->flushed);

	if (flushed >= goal)
		return;
	trace_phv_ept_flush(container_of(ept, struct phv_domain, ept), goal);
	/* Pairs with ept_load(). */
	smp_mb();
	on_each_cpu_mask(ept->cpus, flush_ipi, ept, true);
	while (flushed < goal && !atomic64_try_cmpxchg(&ept->flushed, &flushed, goal))
		;
}

/**
 * ept_flush_all - make all CPUs forget all translations
 * @ept: a domain's
 *
 * For a guest that wants the TLBs of all its vCPUs flushed: the flush drops what
 * its own tables say, too. Context: interrupts on; may be atomic.
 */
void ept_flush_all(struct ept *ept)
{
	atomic64_inc(&ept->generation);
	ept_flush(ept);
}

static void drain_ipi(void *arg)
{
	struct phv_vcpu *vcpu = __this_cpu_read(loaded_vcpu);

	if (vcpu && &vcpu->domain->ept == arg)
		ept_drain_log(vcpu);
}

/**
 * ept_drain_logs - have the dirty logs know of every write made before the call
 * @ept: a domain's
 *
 * A vCPU that is not loaded has emptied its buffer when it was put.
 * Context: interrupts on; may be atomic.
 */
void ept_drain_logs(struct ept *ept)
{
	on_each_cpu_mask(ept->cpus, drain_ipi, ept, true);
}
