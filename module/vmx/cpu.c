// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMX operation of the host's CPUs.
 *
 * What lives here: VMXON and VMXOFF, and everything that makes a CPU enter or
 * leave VMX operation: the first and the last domain, CPU hotplug, suspend and
 * resume, reboot, panic and kexec.  vmx_get() and vmx_put() are for whoever
 * needs VMX to be on; the rest is called by the kernel.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/panic_notifier.h>
#include <linux/percpu.h>
#include <linux/perf_event.h>
#include <linux/reboot.h>
#include <linux/smp.h>
#include <asm/asm.h>
#include <asm/tlbflush.h>
#include <asm/vmx.h>

#include <phv.h>

#include "compat.h"
#include "vmx/vmcs.h"
#include "vmx/vmx.h"

/* First word of a VMXON region or VMCS (SDM volume 3, 25.2 and 25.11.5). */
struct vmx_region {
	u32 revision;
};

static DEFINE_PER_CPU(struct vmx_region *, vmxon_region);

/*
 * This CPU is in VMX operation, by us.  Written by the CPU itself with
 * interrupts off; an NMI may read it.
 */
static DEFINE_PER_CPU(bool, vmx_on);

/*
 * vCPUs whose thread may run on this CPU with its VMCS loaded, and whether the
 * CPU takes no more of them because it goes offline.
 */
static DEFINE_PER_CPU(atomic_t, vmx_residents);
static DEFINE_PER_CPU(bool, vmx_leaving);

/* See vmx.h; and the TSC at the last suspend. By vmx_suspend() and vmx_resume(). */
u64 vmx_tsc_lost;
static u64 vmx_suspend_tsc;

/* VMX is gone for good: the machine reboots, or a CPU came back without it. */
static bool vmx_lost;

/*
 * Serialises vmx_get() and vmx_put(); taken before cpus_read_lock().
 * vmx_users changes under both, so hotplug callbacks may read it.
 */
static DEFINE_MUTEX(vmx_mutex);
static unsigned int vmx_users;

static enum cpuhp_state vmx_cpuhp_state;

/*
 * VMXON and VMXOFF raise no #GP where it is not for a reason that is ours to
 * handle: an SMI transfer monitor, or firmware that lies.  SDM volume 3, 24.7
 * and volume 3C, chapter 31.
 */
static int vmxon(phys_addr_t region)
{
	asm goto("1: vmxon %[region]\n\t"
		 "jna %l[fail]\n\t"
		 _ASM_EXTABLE(1b, %l[fail])
		 : : [region] "m" (region) : "cc", "memory" : fail);
	return 0;
fail:
	return -EIO;
}

static void vmxoff(void)
{
	asm goto("1: vmxoff\n\t"
		 _ASM_EXTABLE(1b, %l[fault])
		 : : : "cc", "memory" : fault);
fault:
	return;
}

/* Interrupts are off, and stay off until VMX is on or has failed. */
static int vmx_cpu_on(void)
{
	struct vmx_region *region = __this_cpu_read(vmxon_region);
	int ret;

	if (__read_cr4() & X86_CR4_VMXE)
		return -EBUSY;

	region->revision = vmx_caps.basic & GENMASK(30, 0);
	intel_pt_handle_vmx(1);
	cr4_set_bits_irqsoff(X86_CR4_VMXE);
	/*
	 * An emergency may strike from here on, as an NMI.  It finds vmx_on
	 * false until VMXON is through; what it does not turn off then is a CR4
	 * bit with no VMX behind it.
	 */
	ret = vmxon(__pa(region));
	if (ret) {
		cr4_clear_bits_irqsoff(X86_CR4_VMXE);
		intel_pt_handle_vmx(0);
		pr_err("CPU %u: VMXON failed\n", smp_processor_id());
		return ret;
	}
	__this_cpu_write(vmx_on, true);
	return 0;
}

/* An emergency: whatever this CPU was doing, with whatever locks. */
static void vmx_cpu_abandon(void)
{
	if (!__this_cpu_read(vmx_on))
		return;
	__this_cpu_write(vmx_on, false);
	vmxoff();
	cr4_clear_bits_irqsoff(X86_CR4_VMXE);
	intel_pt_handle_vmx(0);
}

/* Interrupts are off. */
static void vmx_cpu_off(void)
{
	if (__this_cpu_read(vmx_on))
		vmcs_clear_all();
	vmx_cpu_abandon();
}

/* Is this CPU in VMX operation, by us? Preemption is off. */
bool vmx_is_on(void)
{
	return __this_cpu_read(vmx_on);
}

/* Will no CPU enter a guest any more? */
bool vmx_is_lost(void)
{
	return READ_ONCE(vmx_lost);
}

/**
 * vmx_cpu_hold - keep this CPU in VMX operation until vmx_cpu_release()
 *
 * Return: whether it is, and will be.
 * Context: preemption off; for a thread that the scheduler will take elsewhere
 * when the CPU goes offline, which waits until it has.
 */
bool vmx_cpu_hold(void)
{
	if (!__this_cpu_read(vmx_on) || __this_cpu_read(vmx_leaving))
		return false;
	atomic_inc(this_cpu_ptr(&vmx_residents));
	return true;
}

/* The thread has come to this CPU by being scheduled here: that can't be refused. */
void vmx_cpu_hold_scheduled(void)
{
	atomic_inc(this_cpu_ptr(&vmx_residents));
}

/* The other half of both, on any CPU. */
void vmx_cpu_release(int cpu)
{
	atomic_dec(per_cpu_ptr(&vmx_residents, cpu));
}

static void vmx_on_ipi(void *result)
{
	int ret = vmx_cpu_on();

	/* Any of the errors will do; "busy" says most, so let it win. */
	if (ret && READ_ONCE(*(int *)result) != -EBUSY)
		WRITE_ONCE(*(int *)result, ret);
}

static void vmx_off_ipi(void *unused)
{
	vmx_cpu_off();
}

/*
 * Who has CR4.VMXE set?  Modules cannot look at the list of modules; but KVM
 * exports functions, and no other hypervisor for Linux of today does to us.
 */
static void vmx_report_holder(void)
{
	if (__symbol_get("kvm_get_kvm")) {
		__symbol_put("kvm_get_kvm");
		pr_err("VMX is in use by KVM: stop its virtual machines, or unload kvm_intel, or load kvm with enable_virt_at_load=0\n");
	} else {
		pr_err("VMX is in use by another hypervisor (VirtualBox's vboxdrv, VMware's vmmon?): stop its virtual machines and unload it\n");
	}
}

/**
 * vmx_get - have VMX on, on every CPU, until vmx_put()
 *
 * Return: 0; -EBUSY when another hypervisor has it, -EIO when a CPU refuses
 * VMXON; then no CPU is left in VMX operation, and the kernel log says more.
 * Context: process; takes vmx_mutex and the CPU hotplug lock.
 */
int vmx_get(void)
{
	int ret = 0;

	mutex_lock(&vmx_mutex);
	cpus_read_lock();
	if (!vmx_users) {
		on_each_cpu(vmx_on_ipi, &ret, 1);
		if (ret)
			on_each_cpu(vmx_off_ipi, NULL, 1);
	}
	if (!ret)
		vmx_users++;
	cpus_read_unlock();
	mutex_unlock(&vmx_mutex);

	if (ret == -EBUSY)
		vmx_report_holder();
	return ret;
}

/**
 * vmx_put - the other half of vmx_get(); the last user turns VMX off
 *
 * Context: process; takes vmx_mutex and the CPU hotplug lock.
 */
void vmx_put(void)
{
	mutex_lock(&vmx_mutex);
	cpus_read_lock();
	if (!--vmx_users)
		on_each_cpu(vmx_off_ipi, NULL, 1);
	cpus_read_unlock();
	mutex_unlock(&vmx_mutex);
}

/* A CPU that cannot take part does not come online: better than a guest that cannot move. */
static int vmx_cpu_online(unsigned int cpu)
{
	unsigned long flags;
	int ret;

	__this_cpu_write(vmx_leaving, false);
	ret = vmx_caps_match();
	if (ret || !vmx_users)
		return ret;

	local_irq_save(flags);
	ret = vmx_cpu_on();
	local_irq_restore(flags);
	return ret;
}

/*
 * Threads of vCPUs may still be here, preempted in the middle of work on their
 * VMCS. The CPU takes no new tasks by now, and the scheduler pushes a task away
 * when its turn comes; so wait for that, then no VMCS is in use.
 */
static int vmx_cpu_offline(unsigned int cpu)
{
	unsigned long flags;

	__this_cpu_write(vmx_leaving, true);
	while (atomic_read(this_cpu_ptr(&vmx_residents)))
		msleep(1);

	local_irq_save(flags);
	vmx_cpu_off();
	local_irq_restore(flags);
	return 0;
}

/*
 * Suspend takes all CPUs but one offline, which leaves VMX by the hotplug
 * callback; here is the last one, with interrupts off.  Firmware may clear CR4
 * and VMX operation both, so VMX must be off before, and on again after.
 */
static int vmx_suspend(void)
{
	vmx_suspend_tsc = rdtsc();
	vmx_cpu_off();
	return 0;
}

static void vmx_resume(void)
{
	u64 tsc = rdtsc();

	/* No vCPU runs, and each VMCS is made active anew, which is when the offset is written. */
	if (tsc < vmx_suspend_tsc)
		WRITE_ONCE(vmx_tsc_lost, vmx_tsc_lost + vmx_suspend_tsc - tsc);
	if (vmx_users && vmx_cpu_on()) {
		WRITE_ONCE(vmx_lost, true);
		pr_err("CPU %u: no VMX after resume; domains stay stopped\n",
		       smp_processor_id());
	}
}

/* Reboot and kexec: a CPU in VMX operation blocks INIT, and CR4 can't be reset. */
static void vmx_shutdown(void)
{
	WRITE_ONCE(vmx_lost, true);
	on_each_cpu(vmx_off_ipi, NULL, 1);
}

PHV_DEFINE_SYSCORE(vmx_syscore, vmx_suspend, vmx_resume, vmx_shutdown);

static int vmx_reboot(struct notifier_block *nb, unsigned long event, void *data)
{
	vmx_shutdown();
	return NOTIFY_DONE;
}

/* For kernels whose kexec does without the syscore operations, as 6.1's. */
static struct notifier_block vmx_reboot_notifier = {
	.notifier_call	= vmx_reboot,
};

/*
 * Emergencies: the CPU that panics, and every CPU that is stopped for a crash
 * kernel or a reboot, must leave VMX, or the next kernel's first write to CR4
 * faults.  The kernel's hook for that, cpu_emergency_register_virt_callback(),
 * has a single slot that KVM fills whenever it has VMX or wants it, with a
 * warning when it finds it taken.  So the callers of that hook are probed: they
 * run on each CPU, in NMI context if need be, with interrupts off.  The one that
 * stops the other CPUs for a crash kernel has the compiler's copy of the first.
 */
static int vmx_emergency(struct kprobe *probe, struct pt_regs *regs)
{
	WRITE_ONCE(vmx_lost, true);
	vmx_cpu_abandon();
	return 0;
}

static struct kprobe vmx_emergency_probes[] = {
	{
		.symbol_name	= "cpu_emergency_disable_virtualization",
		.pre_handler	= vmx_emergency,
	}, {
		.symbol_name	= "crash_nmi_callback",
		.pre_handler	= vmx_emergency,
	},
};

static void vmx_probe_emergencies(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx_emergency_probes); i++) {
		if (!register_kprobe(&vmx_emergency_probes[i]))
			continue;
		vmx_emergency_probes[i].addr = NULL;
		pr_warn("no kprobe of %s: a crash kernel will not start while domains exist\n",
			vmx_emergency_probes[i].symbol_name);
	}
}

static void vmx_unprobe_emergencies(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(vmx_emergency_probes); i++)
		if (vmx_emergency_probes[i].addr)
			unregister_kprobe(&vmx_emergency_probes[i]);
}

static int vmx_panic(struct notifier_block *nb, unsigned long event, void *data)
{
	WRITE_ONCE(vmx_lost, true);
	vmx_cpu_abandon();
	return NOTIFY_DONE;
}

/* For kernels without kprobes, and for the CPU that panics with no crash kernel. */
static struct notifier_block vmx_panic_notifier = {
	.notifier_call	= vmx_panic,
};

static void vmx_free_regions(void)
{
	unsigned int cpu;

	for_each_possible_cpu(cpu) {
		free_page((unsigned long)per_cpu(vmxon_region, cpu));
		per_cpu(vmxon_region, cpu) = NULL;
	}
}

static int vmx_alloc_regions(void)
{
	unsigned int cpu;
	struct page *page;

	for_each_possible_cpu(cpu) {
		page = alloc_pages_node(cpu_to_node(cpu), GFP_KERNEL | __GFP_ZERO, 0);
		if (!page) {
			vmx_free_regions();
			return -ENOMEM;
		}
		per_cpu(vmxon_region, cpu) = page_address(page);
	}
	return 0;
}

/**
 * vmx_cpu_init - probe the CPUs and follow them from now on
 *
 * Return: 0, -ENOMEM, or what vmx_caps_probe() says.
 * Context: module load.
 */
int vmx_cpu_init(void)
{
	int ret;

	ret = vmx_alloc_regions();
	if (ret)
		return ret;

	cpus_read_lock();
	ret = vmx_caps_probe();
	if (!ret)
		ret = cpuhp_setup_state_nocalls_cpuslocked(CPUHP_AP_ONLINE_DYN,
							   "phv/vmx:online",
							   vmx_cpu_online,
							   vmx_cpu_offline);
	cpus_read_unlock();
	if (ret < 0) {
		vmx_free_regions();
		return ret;
	}
	vmx_cpuhp_state = ret;

	phv_register_syscore(&vmx_syscore);
	register_reboot_notifier(&vmx_reboot_notifier);
	atomic_notifier_chain_register(&panic_notifier_list, &vmx_panic_notifier);
	vmx_probe_emergencies();
	return 0;
}

/**
 * vmx_cpu_exit - undo vmx_cpu_init()
 *
 * Context: module unload; no user of vmx_get() is left.
 */
void vmx_cpu_exit(void)
{
	vmx_unprobe_emergencies();
	atomic_notifier_chain_unregister(&panic_notifier_list, &vmx_panic_notifier);
	unregister_reboot_notifier(&vmx_reboot_notifier);
	phv_unregister_syscore(&vmx_syscore);
	cpuhp_remove_state_nocalls(vmx_cpuhp_state);
	vmx_free_regions();
}
