// SPDX-License-Identifier: GPL-2.0-only
/*
 * IN and OUT of guests, and eventfds that stand for interrupts.
 *
 * What lives here: the table of ports that are more than air, the exit of I/O
 * instructions, doorbells, and eventfds bound to a vector. There is no device
 * in the module: a port is ignored, rings a doorbell, or is user space's.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <asm/vmx.h>

#include "compat.h"
#include "domain.h"
#include "vcpu.h"
#include "vmx/exit.h"
#include "vmx/io.h"

static const struct port_range *find_range(const struct port_table *table, u16 port)
{
	unsigned int i;

	for (i = 0; table && i < table->count; i++)
		if (port >= table->range[i].first &&
		    port - table->range[i].first < table->range[i].count)
			return &table->range[i];
	return NULL;
}

/* IN leaves the rest of EAX alone, but 32 bits clear the upper half of RAX. */
static void set_accumulator(struct phv_vcpu *vcpu, unsigned int size, u32 data)
{
	unsigned long *rax = &vcpu->gpr[GPR_RAX];

	if (size == 4)
		*rax = data;
	else
		*rax = (*rax & ~(BIT(size * 8) - 1)) | (data & (BIT(size * 8) - 1));
}

static int io_to_user(struct phv_vcpu *vcpu, u16 port, unsigned int size, bool in)
{
	struct phv_run *run = vcpu->run;

	run->exit_reason = PHV_EXIT_IO;
	run->io.port = port;
	run->io.size = size;
	run->io.write = !in;
	run->io.data = in ? ~0U : (u32)vcpu->gpr[GPR_RAX] & ~0U >> (32 - size * 8);
	vcpu->io_pending = in ? IO_PENDING_IN : 0;
	vcpu->io_size = size;
	vcpu->settled = true;
	vmx_skip_instruction(vcpu);
	return VMX_TO_USER;
}

/* Exit: IN, OUT. INS and OUTS have to do with memory, which may take longer. */
int vmx_exit_io(struct phv_vcpu *vcpu)
{
	u64 qualification = vmcs_read(EXIT_QUALIFICATION);
	unsigned int size = IO_SIZE(qualification);
	u16 port = IO_PORT(qualification);
	const struct port_range *range;

	if (unlikely(qualification & IO_STRING))
		return VMX_SLOW;
	/* Interrupts are off: nobody waits out an RCU grace period before we are done. */
	range = find_range(rcu_dereference_check(vcpu->domain->ports.table, irqs_disabled()),
			   port);
	if (range && range->action == PHV_PORTS_USER)
		return io_to_user(vcpu, port, size, qualification & IO_IN);
	if (qualification & IO_IN)
		set_accumulator(vcpu, size, ~0U);
	else if (range)
		phv_eventfd_signal(range->doorbell);
	vmx_skip_instruction(vcpu);
	return VMX_RESUME;
}

bool io_is_user(struct phv_vcpu *vcpu, u16 port)
{
	const struct port_range *range;
	bool user;

	rcu_read_lock();
	range = find_range(rcu_dereference(vcpu->domain->ports.table), port);
	user = range && range->action == PHV_PORTS_USER;
	rcu_read_unlock();
	return user;
}

void io_ring(struct phv_vcpu *vcpu, u16 port)
{
	const struct port_range *range;

	rcu_read_lock();
	range = find_range(rcu_dereference(vcpu->domain->ports.table), port);
	if (range && range->action == PHV_PORTS_DOORBELL)
		phv_eventfd_signal(range->doorbell);
	rcu_read_unlock();
}

/* PHV_RUN goes on after an IN that user space has answered. */
void io_complete(struct phv_vcpu *vcpu)
{
	u32 data = READ_ONCE(vcpu->run->io.data);

	if (vcpu->io_pending == IO_PENDING_STRING)
		io_string_complete(vcpu, data);
	else
		set_accumulator(vcpu, vcpu->io_size, data);
	vcpu->io_pending = 0;
}

static bool range_equals(const struct port_range *range, const struct phv_ports *arg)
{
	return range->first == arg->first && range->count == arg->count;
}

static bool range_overlaps(const struct port_range *range, const struct phv_ports *arg)
{
	return range->first < arg->first + arg->count &&
	       arg->first < range->first + range->count;
}

/* Copies the table less the range that equals @arg; -EEXIST when another overlaps. */
static int copy_table(struct port_table *to, const struct port_table *from,
		      const struct phv_ports *arg, struct eventfd_ctx **replaced)
{
	unsigned int i;

	for (i = 0; from && i < from->count; i++) {
		const struct port_range *range = &from->range[i];

		if (range_equals(range, arg))
			*replaced = range->doorbell;
		else if (range_overlaps(range, arg))
			return -EEXIST;
		else
			to->range[to->count++] = *range;
	}
	return 0;
}

static int check_ports(const struct phv_ports *arg)
{
	if (memchr_inv(arg->reserved, 0, sizeof(arg->reserved)) ||
	    arg->action > PHV_PORTS_DOORBELL ||
	    arg->first > 0xffff || !arg->count || arg->count > 0x10000 - arg->first)
		return -EINVAL;
	if (arg->action != PHV_PORTS_DOORBELL && arg->eventfd != -1)
		return -EINVAL;
	return 0;
}

/* With the domain's mutex. Takes over @doorbell on success. */
static int ports_replace(struct ports *ports, const struct phv_ports *arg,
			 struct eventfd_ctx *doorbell)
{
	struct port_table *old = rcu_dereference_protected(ports->table, true);
	struct eventfd_ctx *replaced = NULL;
	struct port_table *table;
	int ret;

	table = kzalloc(struct_size(table, range, PORTS_MAX + 1), GFP_KERNEL_ACCOUNT);
	if (!table)
		return -ENOMEM;
	ret = copy_table(table, old, arg, &replaced);
	if (!ret && arg->action == PHV_PORTS_IGNORE && old && table->count == old->count)
		ret = -ENOENT;
	else if (!ret && arg->action == PHV_PORTS_IGNORE && !old)
		ret = -ENOENT;
	else if (!ret && arg->action != PHV_PORTS_IGNORE && table->count == PORTS_MAX)
		ret = -ENOSPC;
	if (ret) {
		kfree(table);
		return ret;
	}

	if (arg->action != PHV_PORTS_IGNORE)
		table->range[table->count++] = (struct port_range) {
			.first		= arg->first,
			.count		= arg->count,
			.action		= arg->action,
			.doorbell	= doorbell,
		};
	rcu_assign_pointer(ports->table, table);
	synchronize_rcu();
	kfree(old);
	if (replaced)
		eventfd_ctx_put(replaced);
	return 0;
}

/**
 * ports_set_ioctl - PHV_SET_PORTS
 * @domain: the domain
 * @uarg: struct phv_ports in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int ports_set_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct eventfd_ctx *doorbell = NULL;
	struct phv_ports arg;
	int ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	ret = check_ports(&arg);
	if (ret)
		return ret;
	if (arg.action == PHV_PORTS_DOORBELL) {
		doorbell = eventfd_ctx_fdget(arg.eventfd);
		if (IS_ERR(doorbell))
			return -EBADF;
	}

	mutex_lock(&domain->mutex);
	ret = ports_replace(&domain->ports, &arg, doorbell);
	mutex_unlock(&domain->mutex);
	if (ret && doorbell)
		eventfd_ctx_put(doorbell);
	return ret;
}

/*
 * An eventfd bound to a vector: its wait queue calls us when it is signalled.
 * The last close of the eventfd does too, and that ends the binding's use: the
 * struct stays on the domain's list until it is removed or the domain goes.
 */
struct irqfd {
	struct list_head list;		/* with the domain's mutex */
	struct eventfd_ctx *eventfd;
	struct wait_queue_entry wait;
	wait_queue_head_t *queue;
	poll_table table;
	struct phv_vcpu *vcpu;
	u8 vector;
};

#define IRQFDS_MAX	1024

static int irqfd_wakeup(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	u64 count;

	if (key_to_poll(key) & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		lapic_deliver(irqfd->vcpu, irqfd->vector);
	}
	return 0;
}

static void irqfd_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct irqfd *irqfd = container_of(table, struct irqfd, table);

	irqfd->queue = queue;
	add_wait_queue_priority(queue, &irqfd->wait);
}

static void irqfd_free(struct irqfd *irqfd)
{
	u64 count;

	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static struct irqfd *irqfd_find(struct ports *ports, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &ports->irqfds, list)
		if (irqfd->eventfd == eventfd)
			return irqfd;
	return NULL;
}

static int irqfd_remove(struct ports *ports, struct eventfd_ctx *eventfd,
			const struct phv_irqfd *arg)
{
	struct irqfd *irqfd = irqfd_find(ports, eventfd);

	if (!irqfd || irqfd->vcpu->id != arg->vcpu || irqfd->vector != arg->vector)
		return -ENOENT;
	list_del(&irqfd->list);
	ports->irqfd_count--;
	irqfd_free(irqfd);
	return 0;
}

static int irqfd_add(struct phv_domain *domain, struct file *file,
		     struct eventfd_ctx *eventfd, const struct phv_irqfd *arg)
{
	struct phv_vcpu *vcpu = domain_vcpu(domain, arg->vcpu);
	struct ports *ports = &domain->ports;
	struct irqfd *irqfd;

	if (!vcpu)
		return -ENOENT;
	if (irqfd_find(ports, eventfd))
		return -EEXIST;
	if (ports->irqfd_count == IRQFDS_MAX)
		return -ENOSPC;
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd)
		return -ENOMEM;
	irqfd->eventfd = eventfd;
	irqfd->vcpu = vcpu;
	irqfd->vector = arg->vector;
	init_waitqueue_func_entry(&irqfd->wait, irqfd_wakeup);
	init_poll_funcptr(&irqfd->table, irqfd_queue);
	list_add(&irqfd->list, &ports->irqfds);
	ports->irqfd_count++;

	/* Signalled already? Then that counts. */
	if (vfs_poll(file, &irqfd->table) & EPOLLIN)
		lapic_deliver(vcpu, irqfd->vector);
	return 0;
}

static int irqfd_set(struct phv_domain *domain, const struct phv_irqfd *arg)
{
	struct eventfd_ctx *eventfd;
	struct file *file;
	int ret;

	file = fget(arg->eventfd);
	if (!file)
		return -EBADF;
	eventfd = eventfd_ctx_fileget(file);
	if (IS_ERR(eventfd)) {
		ret = -EBADF;
		goto put_file;
	}

	mutex_lock(&domain->mutex);
	if (arg->flags & PHV_IRQFD_REMOVE) {
		ret = irqfd_remove(&domain->ports, eventfd, arg);
		eventfd_ctx_put(eventfd);
	} else {
		ret = irqfd_add(domain, file, eventfd, arg);
		if (ret)
			eventfd_ctx_put(eventfd);
	}
	mutex_unlock(&domain->mutex);
put_file:
	fput(file);
	return ret;
}

/**
 * irqfd_set_ioctl - PHV_SET_IRQFD
 * @domain: the domain
 * @uarg: struct phv_irqfd in user memory
 *
 * Return: 0 or an errno as <phv.h> lists them.
 */
int irqfd_set_ioctl(struct phv_domain *domain, const void __user *uarg)
{
	struct phv_irqfd arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~PHV_IRQFD_REMOVE || arg.vector < 16 || arg.vector > 255 ||
	    memchr_inv(arg.reserved, 0, sizeof(arg.reserved)))
		return -EINVAL;
	return irqfd_set(domain, &arg);
}

void ports_create(struct phv_domain *domain)
{
	INIT_LIST_HEAD(&domain->ports.irqfds);
}

/* With the domain, when nobody else is left; the vCPUs still exist. */
void ports_destroy(struct phv_domain *domain)
{
	struct port_table *table = rcu_dereference_protected(domain->ports.table, true);
	struct irqfd *irqfd, *next;
	unsigned int i;

	list_for_each_entry_safe(irqfd, next, &domain->ports.irqfds, list)
		irqfd_free(irqfd);
	for (i = 0; table && i < table->count; i++)
		if (table->range[i].doorbell)
			eventfd_ctx_put(table->range[i].doorbell);
	kfree(table);
}
