// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU: its descriptor, its thread, and the outer loop that runs it.
 *
 * What lives here: creation and destruction, loading on a CPU and following the
 * thread when it moves, kicking, blocking, and PHV_RUN. What happens between
 * entry and exit is in vmx/.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/rcuwait.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <trace/events/ipi.h>

#include <phv_netlink.h>
#include <xen/interface/xen.h>
#include <xen/interface/vcpu.h>

#include "compat.h"
#include "domain.h"
#include "trace.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/perf.h"
#include "vmx/run.h"
#include "vmx/state.h"
#include "vmx/vmx.h"

/* The VMCS is loaded or must be now; the CPU is held. Preemption is off. */
static void vcpu_come(struct phv_vcpu *vcpu)
{
	int last = vcpu->last_cpu;

	WRITE_ONCE(vcpu->held_cpu, smp_processor_id());
	if (vmcs_load(vcpu))
		return;		/* VMX is lost: entries will fail */
	if (last != vcpu->held_cpu) {
		vcpu->last_cpu = vcpu->held_cpu;
		vmx_load_cpu(vcpu);
		if (last >= 0)
			vcpu_count(vcpu->counters->migrations);
	}
	ept_load(vcpu);
}

static void vcpu_go(struct phv_vcpu *vcpu)
{
	vmx_put_host_state(vcpu);
	ept_put(vcpu);
}

int vcpu_load(struct phv_vcpu *vcpu)
{
	preempt_disable();
	while (!vmx_cpu_hold()) {
		preempt_enable();
		if (vmx_is_lost())
			return -EIO;
		/* The CPU goes offline: sleep, and wake up on another. */
		schedule_timeout_uninterruptible(1);
		preempt_disable();
	}
	vcpu_come(vcpu);
	preempt_notifier_register(&vcpu->preempt);
	preempt_enable();
	return 0;
}

void vcpu_put(struct phv_vcpu *vcpu)
{
	preempt_disable();
	preempt_notifier_unregister(&vcpu->preempt);
	vcpu_go(vcpu);
	vmx_cpu_release(vcpu->held_cpu);
	WRITE_ONCE(vcpu->held_cpu, -1);
	preempt_enable();
}

static void vcpu_sched_in(struct preempt_notifier *notifier, int cpu)
{
	struct phv_vcpu *vcpu = container_of(notifier, struct phv_vcpu, preempt);

	if (vcpu->held_cpu != cpu) {
		if (vcpu->held_cpu >= 0)
			vmx_cpu_release(vcpu->held_cpu);
		vmx_cpu_hold_scheduled();
	}
	WRITE_ONCE(vcpu->preempted, false);
	vcpu_come(vcpu);
	if (vcpu->domain->pv)
		runstate_scheduled(vcpu);
}

/* A thread that sleeps wakes up on a CPU that stays; a preempted one is still here. */
static void vcpu_sched_out(struct preempt_notifier *notifier, struct task_struct *next)
{
	struct phv_vcpu *vcpu = container_of(notifier, struct phv_vcpu, preempt);

	vcpu_go(vcpu);
	if (phv_task_is_runnable(current)) {
		WRITE_ONCE(vcpu->preempted, true);
		if (vcpu->domain->pv)
			runstate_preempted(vcpu);
	} else {
		vmx_cpu_release(vcpu->held_cpu);
		WRITE_ONCE(vcpu->held_cpu, -1);
	}
}

static struct preempt_ops vcpu_preempt_ops = {
	.sched_in	= vcpu_sched_in,
	.sched_out	= vcpu_sched_out,
};

void vcpu_kick(struct phv_vcpu *vcpu)
{
	int cpu;

	/* Pairs with vmx_run(), which sets the mode and then looks for work. */
	smp_mb();
	if (READ_ONCE(vcpu->mode) == VCPU_IN_GUEST) {
		cpu = READ_ONCE(vcpu->held_cpu);
		if (cpu >= 0 && cpu != raw_smp_processor_id())
			smp_send_reschedule(cpu);
	} else {
		rcuwait_wake_up(&vcpu->wait);
	}
}

/*
 * Directed yield: to a vCPU of this domain that wants to run and was preempted
 * while it was in the guest; the search starts behind the last one so helped.
 */
void vcpu_yield(struct phv_vcpu *vcpu)
{
	struct phv_domain *domain = vcpu->domain;
	unsigned int i, first = READ_ONCE(domain->last_boosted) + 1;

	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		unsigned int id = (first + i) % PHV_MAX_VCPUS;
		struct phv_vcpu *other = domain_vcpu(domain, id);
		struct task_struct *task;
		int yielded = 0;

		if (!other || other == vcpu || !READ_ONCE(other->preempted))
			continue;
		rcu_read_lock();
		task = get_pid_task(rcu_dereference(other->thread), PIDTYPE_PID);
		rcu_read_unlock();
		if (!task)
			continue;
		yielded = yield_to(task, true);
		put_task_struct(task);
		if (yielded > 0) {
			WRITE_ONCE(domain->last_boosted, id);
			return;
		}
	}
	cond_resched();
}

/* Xen domains: what the vCPU does with its time. */
static void vcpu_set_runstate(struct phv_vcpu *vcpu, u32 state)
{
	if (vcpu->domain->pv)
		runstate_change(vcpu, state);
}

/* Is there something that ends HLT? Not for a vCPU that is down. */
static bool vcpu_has_event(struct phv_vcpu *vcpu)
{
	return !READ_ONCE(vcpu->pv.op.down) && event_pending(vcpu);
}

/* Is there a reason to stop waiting in HLT? */
static bool vcpu_has_work(struct phv_vcpu *vcpu)
{
	return READ_ONCE(vcpu->requests) || vcpu_has_event(vcpu);
}

int vcpu_wait(struct phv_vcpu *vcpu, bool (*done)(struct phv_vcpu *vcpu), u32 runstate)
{
	int ret = 1;

	vcpu_count(vcpu->counters->blocked);
	vcpu_set_runstate(vcpu, runstate);
	lapic_block(vcpu);
	prepare_to_rcuwait(&vcpu->wait);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (READ_ONCE(vcpu->requests) || done(vcpu))
			break;
		if (signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		schedule();
	}
	finish_rcuwait(&vcpu->wait);
	lapic_unblock(vcpu);
	vcpu_set_runstate(vcpu, RUNSTATE_running);
	return ret;
}

/* What it does while it does not run: one that nothing but others can wake is offline. */
static u32 vcpu_rest_state(struct phv_vcpu *vcpu)
{
	bool blocked = vcpu->activity == PHV_HALTED && !READ_ONCE(vcpu->idle);

	return blocked ? RUNSTATE_blocked : RUNSTATE_offline;
}

/**
 * vcpu_block - wait until something is to be done
 * @vcpu: the vCPU, loaded; in HLT, waiting for a start-up IPI, or down
 *
 * Return: 1, or -EINTR when a signal is pending.
 */
static int vcpu_block(struct phv_vcpu *vcpu)
{
	return vcpu_wait(vcpu, vcpu_has_event, vcpu_rest_state(vcpu));
}

/*
 * A vCPU that halted with interrupts off, or waits for a start-up IPI, is woken
 * by an NMI, INIT, a start-up IPI or user space only. When all have come to
 * that, nothing of the guest will ever run again by itself.
 *
 * vcpu->idle may be cleared by whoever sends one of these (vcpu_not_idle(), after the
 * request), and is set here before requests are looked at again: so a vCPU that has been
 * sent for is not counted.
 */
static void vcpu_set_idle(struct phv_vcpu *vcpu)
{
	struct phv_domain *domain = vcpu->domain;
	unsigned int i, idle;

	if (!xchg(&vcpu->idle, 1))
		atomic_inc(&domain->vcpus_idle);
	idle = atomic_read(&domain->vcpus_idle);
	smp_rmb();	/* Pairs with vcpu_create_ioctl(): who is among the idle is counted. */
	if (idle < READ_ONCE(domain->vcpu_count))
		return;
	if (vcpu_has_work(vcpu)) {
		vcpu_not_idle(vcpu);
		return;
	}
	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *other = domain_vcpu(domain, i);

		if (!other)
			continue;
		vcpu_request(other, VCPU_REQ_HALTED);
		vcpu_kick(other);
	}
}

void vcpu_not_idle(struct phv_vcpu *vcpu)
{
	if (xchg(&vcpu->idle, 0))
		atomic_dec(&vcpu->domain->vcpus_idle);
}

/* What others have asked for. 1 to go on, 0 or an errno to go to user space. */
static int vcpu_handle_requests(struct phv_vcpu *vcpu)
{
	vcpu->settled = false;
	if (test_and_clear_bit(VCPU_REQ_INIT, &vcpu->requests)) {
		event_take_init(vcpu);
		vcpu_op_take_init(vcpu);
	}
	if (test_and_clear_bit(VCPU_REQ_SIPI, &vcpu->requests))
		event_take_sipi(vcpu);
	if (test_and_clear_bit(VCPU_REQ_UP, &vcpu->requests))
		vcpu_op_take_up(vcpu);
	clear_bit(VCPU_REQ_EVENT, &vcpu->requests);
	clear_bit(VCPU_REQ_STOP, &vcpu->requests);
	if (test_and_clear_bit(VCPU_REQ_HALTED, &vcpu->requests) && READ_ONCE(vcpu->idle)) {
		vcpu->run->exit_reason = PHV_EXIT_HALTED;
		domain_end(vcpu->domain, PHV_ENDED_HALTED);
		return 0;
	}
	return 1;
}

/*
 * What the kernel wants from a thread before it goes to user space, it wants
 * before it goes to the guest. Signals and task work are done on that way.
 */
static int vcpu_do_thread_work(void)
{
	cond_resched();
	if (signal_pending(current) || test_thread_flag(TIF_NOTIFY_RESUME))
		return -EINTR;
	return 0;
}

/* One turn of the outer loop; results as those of exit handlers. */
static int vcpu_turn(struct phv_vcpu *vcpu)
{
	int ret;

	if (READ_ONCE(vcpu->requests)) {
		ret = vcpu_handle_requests(vcpu);
		if (ret <= 0)
			return ret;
	}
	if (vcpu_thread_has_work()) {
		ret = vcpu_do_thread_work();
		if (ret)
			return ret;
	}
	if (vcpu->domain->pv && sched_is_shut_down(vcpu))
		return 0;

	if (unlikely(READ_ONCE(vcpu->pv.op.down))) {
		vcpu_set_idle(vcpu);
		return vcpu_block(vcpu);
	}
	switch (vcpu->activity) {
	case PHV_ACTIVE:
		if (unlikely(READ_ONCE(vcpu->idle)))
			vcpu_not_idle(vcpu);
		return vmx_run(vcpu);
	case PHV_HALTED:
		if (event_pending(vcpu)) {
			WRITE_ONCE(vcpu->activity, PHV_ACTIVE);
			return 1;
		}
		if (!event_interrupts_enabled(vcpu))
			vcpu_set_idle(vcpu);
		break;
	case PHV_WAIT_FOR_SIPI:
		vcpu_set_idle(vcpu);
		break;
	case PHV_SHUTDOWN:
		vcpu->run->exit_reason = PHV_EXIT_SHUTDOWN;
		return 0;
	}
	return vcpu_block(vcpu);
}

/* Whose thread is it? For directed yields; it seldom changes. */
static void vcpu_note_thread(struct phv_vcpu *vcpu)
{
	struct pid *old = rcu_dereference_protected(vcpu->thread, true);
	struct pid *new = task_pid(current);

	if (likely(old == new))
		return;
	rcu_assign_pointer(vcpu->thread, get_pid(new));
	if (old)
		synchronize_rcu();
	put_pid(old);
}

/*
 * PHV_RUN was interrupted. A signal with a handler has it return -EINTR; after
 * anything else the kernel calls it again, and user space does not notice. It
 * looks for system calls to call again only when there may be a signal.
 */
static int vcpu_interrupted(struct phv_vcpu *vcpu)
{
	vcpu->run->exit_reason = PHV_EXIT_INTR;
	if (!signal_pending(current))
		set_thread_flag(TIF_NOTIFY_SIGNAL);
	return -ERESTARTNOHAND;
}

static long vcpu_run_ioctl(struct phv_vcpu *vcpu)
{
	int ret;

	if (READ_ONCE(vcpu->run->immediate_exit)) {
		vcpu->run->exit_reason = PHV_EXIT_INTR;
		return -EINTR;
	}
	vcpu_note_thread(vcpu);
	ret = vcpu_load(vcpu);
	if (ret)
		return ret;
	vcpu_set_runstate(vcpu, RUNSTATE_running);
	WRITE_ONCE(vcpu->in_run, true);
	if (unlikely(!READ_ONCE(vcpu->domain->started)))
		domain_start(vcpu->domain);
	if (vcpu->io_pending)
		io_complete(vcpu);
	do {
		ret = vcpu_turn(vcpu);
	} while (ret > 0);
	if (unlikely(vcpu->activity == PHV_SHUTDOWN))
		domain_end(vcpu->domain, PHV_ENDED_TRIPLE_FAULT);
	WRITE_ONCE(vcpu->in_run, false);
	vcpu_set_runstate(vcpu, vcpu_rest_state(vcpu));
	vcpu_put(vcpu);

	if (ret == -EINTR)
		return vcpu_interrupted(vcpu);
	if (!ret)
		vcpu_count(vcpu->counters->user_exits);
	return ret;
}

static long vcpu_interrupt_ioctl(struct phv_vcpu *vcpu, unsigned long vector)
{
	if (vector < 16 || vector > 255)
		return -EINVAL;
	lapic_deliver(vcpu, vector);
	return 0;
}

static long vcpu_locked_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, void __user *uarg)
{
	long ret;

	if (mutex_lock_interruptible(&vcpu->mutex))
		return -ERESTARTNOHAND;
	if (cmd == PHV_RUN) {
		ret = vcpu_run_ioctl(vcpu);
	} else {
		vcpu->settled = false;
		ret = vcpu_state_ioctl(vcpu, cmd, uarg);
	}
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static long vcpu_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct phv_vcpu *vcpu = file->private_data;
	void __user *uarg = (void __user *)arg;

	if (!memory_is_owner(vcpu->domain))
		return -EPERM;

	if (likely(cmd == PHV_RUN))
		return vcpu_locked_ioctl(vcpu, cmd, uarg);
	switch (cmd) {
	case PHV_INTERRUPT:
		return vcpu_interrupt_ioctl(vcpu, arg);
	case PHV_NMI:
		vcpu_nmi(vcpu);
		return 0;
	case PHV_GET_COUNTERS:
		if (copy_to_user(uarg, vcpu->counters, sizeof(*vcpu->counters)))
			return -EFAULT;
		return 0;
	default:
		return vcpu_locked_ioctl(vcpu, cmd, uarg);
	}
}

static vm_fault_t vcpu_run_page_fault(struct vm_fault *vmf)
{
	struct phv_vcpu *vcpu = vmf->vma->vm_file->private_data;
	struct page *page;

	if (vmf->pgoff)
		return VM_FAULT_SIGBUS;
	page = virt_to_page(vcpu->run);
	get_page(page);
	vmf->page = page;
	return 0;
}

static const struct vm_operations_struct vcpu_run_page_ops = {
	.fault	= vcpu_run_page_fault,
};

static int vcpu_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma_pages(vma) != 1)
		return -EINVAL;
	vma->vm_ops = &vcpu_run_page_ops;
	return 0;
}

static int vcpu_file_release(struct inode *inode, struct file *file)
{
	struct phv_vcpu *vcpu = file->private_data;

	domain_put(vcpu->domain);
	return 0;
}

static const struct file_operations vcpu_fops = {
	.owner		= THIS_MODULE,
	.release	= vcpu_file_release,
	.unlocked_ioctl	= vcpu_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.mmap		= vcpu_mmap,
	.llseek		= noop_llseek,
};

/* Puts the new vCPU's VMCS into the state of a reset. */
static int vcpu_prepare(struct phv_vcpu *vcpu)
{
	int ret;

	mutex_lock(&vcpu->mutex);
	ret = vcpu_load(vcpu);
	if (!ret) {
		vmcs_init(vcpu);
		event_reset(vcpu, false);
		time_update_vcpu(vcpu);
		vcpu_put(vcpu);
	}
	mutex_unlock(&vcpu->mutex);
	return ret;
}

static struct phv_vcpu *vcpu_create(struct phv_domain *domain, u32 id)
{
	struct phv_vcpu *vcpu;
	int ret = -ENOMEM;

	vcpu = kzalloc(sizeof(*vcpu), GFP_KERNEL_ACCOUNT);
	if (!vcpu)
		return ERR_PTR(-ENOMEM);
	vcpu->id = id;
	vcpu->domain = domain;
	vcpu->held_cpu = -1;
	vcpu->last_cpu = -1;
	mutex_init(&vcpu->mutex);
	rcuwait_init(&vcpu->wait);
	preempt_notifier_init(&vcpu->preempt, &vcpu_preempt_ops);

	vcpu->run = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	vcpu->counters = kzalloc(sizeof(*vcpu->counters), GFP_KERNEL_ACCOUNT);
	if (!vcpu->run || !vcpu->counters)
		goto free;
	ret = vmx_create_state(vcpu);
	if (ret)
		goto free;
	ret = perf_create(vcpu);
	if (ret)
		goto free_state;
	ret = vmcs_create(vcpu);
	if (ret)
		goto free_perf;
	ret = ept_create_vcpu(vcpu);
	if (ret)
		goto free_vmcs;
	ret = lapic_create(vcpu);
	if (ret)
		goto free_ept;
	ret = pv_create_vcpu(vcpu);
	if (ret)
		goto free_lapic;
	ret = vcpu_prepare(vcpu);
	if (ret)
		goto free_pv;
	return vcpu;

free_pv:
	pv_destroy_vcpu(vcpu);
free_lapic:
	lapic_destroy(vcpu);
free_ept:
	ept_destroy_vcpu(vcpu);
free_vmcs:
	vmcs_destroy(vcpu);
free_perf:
	perf_destroy(vcpu);
free_state:
	vmx_destroy_state(vcpu);
free:
	kfree(vcpu->counters);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
	return ERR_PTR(ret);
}

/* With the domain, when no descriptor is left. */
void vcpu_destroy(struct phv_vcpu *vcpu)
{
	pv_destroy_vcpu(vcpu);
	lapic_destroy(vcpu);
	ept_destroy_vcpu(vcpu);
	vmcs_destroy(vcpu);
	perf_destroy(vcpu);
	vmx_destroy_state(vcpu);
	put_pid(rcu_dereference_protected(vcpu->thread, true));
	kfree(vcpu->counters);
	free_page((unsigned long)vcpu->run);
	kfree(vcpu);
}

/**
 * vcpu_create_ioctl - PHV_CREATE_VCPU
 * @domain: the domain
 * @id: the vCPU's number
 *
 * Return: a descriptor, or an errno as <phv.h> lists them.
 */
long vcpu_create_ioctl(struct phv_domain *domain, unsigned long id)
{
	struct phv_vcpu *vcpu;
	struct file *file;
	long ret;
	int fd;

	if (id >= PHV_MAX_VCPUS)
		return -EINVAL;
	if (!memory_is_owner(domain))
		return -EPERM;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;

	mutex_lock(&domain->mutex);
	if (domain->vcpus[id]) {
		ret = -EEXIST;
		goto unlock;
	}
	vcpu = vcpu_create(domain, id);
	if (IS_ERR(vcpu)) {
		ret = PTR_ERR(vcpu);
		goto unlock;
	}
	file = anon_inode_getfile("[phv-vcpu]", &vcpu_fops, vcpu, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		vcpu_destroy(vcpu);
		goto unlock;
	}
	domain_get(domain);
	WRITE_ONCE(domain->vcpu_count, domain->vcpu_count + 1);
	/* It waits for its start-up IPI from now on, not only once its thread runs. */
	if (vcpu->activity == PHV_WAIT_FOR_SIPI) {
		vcpu->idle = 1;
		/* Pairs with vcpu_set_idle(). */
		smp_mb__before_atomic();
		atomic_inc(&domain->vcpus_idle);
	}
	smp_store_release(&domain->vcpus[id], vcpu);
	mutex_unlock(&domain->mutex);

	fd_install(fd, file);
	return fd;

unlock:
	mutex_unlock(&domain->mutex);
	put_unused_fd(fd);
	return ret;
}
