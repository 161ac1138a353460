// SPDX-License-Identifier: GPL-2.0-only
/*
 * A domain and its file descriptor.
 *
 * What lives here: creation, the table of domains by identifier, lifetime, and
 * the ioctls of a domain's descriptor.  A domain lives as long as somebody
 * holds a reference: its descriptor does.
 */
#include <linux/anon_inodes.h>
#include <linux/ctype.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <linux/uaccess.h>
#include <asm/tsc.h>

#include <phv_netlink.h>

#include "domain.h"
#include "netlink.h"
#include "pv/evtchn.h"
#include "pv/pv.h"
#include "vcpu.h"
#include "vmx/vmx.h"

/* Domains by identifier and by name. */
static DEFINE_MUTEX(domains_mutex);
static DEFINE_IDR(domains);
static DEFINE_HASHTABLE(domain_names, 10);
static unsigned int generation = 1;

static bool name_is_valid(const char *name)
{
	const char *p;

	if (strnlen(name, PHV_NAME_MAX) == PHV_NAME_MAX)
		return false;
	if (!isascii(*name) || !(isalpha(*name) || *name == '_'))
		return false;
	for (p = name; *p; p++)
		if (!isascii(*p) || !(isalnum(*p) || strchr("_.-", *p)))
			return false;
	return true;
}

static u32 name_hash(const char *name)
{
	return full_name_hash(NULL, name, strlen(name));
}

static bool name_is_taken(const char *name)
{
	struct phv_domain *domain;

	lockdep_assert_held(&domains_mutex);
	hash_for_each_possible(domain_names, domain, by_name, name_hash(name))
		if (!strcmp(domain->name, name))
			return true;
	return false;
}

static void next_generation(void)
{
	lockdep_assert_held(&domains_mutex);
	WRITE_ONCE(generation, generation + 1 ?: 1);
}

unsigned int domain_generation(void)
{
	return READ_ONCE(generation);
}

struct phv_domain *domain_find(u32 id)
{
	struct phv_domain *domain;

	mutex_lock(&domains_mutex);
	domain = id <= DOMID_LAST ? idr_find(&domains, id) : NULL;
	if (domain && !kref_get_unless_zero(&domain->refs))
		domain = NULL;
	mutex_unlock(&domains_mutex);
	return domain;
}

struct phv_domain *domain_find_name(const char *name)
{
	struct phv_domain *domain, *found = NULL;

	mutex_lock(&domains_mutex);
	hash_for_each_possible(domain_names, domain, by_name, name_hash(name)) {
		if (strcmp(domain->name, name))
			continue;
		if (kref_get_unless_zero(&domain->refs))
			found = domain;
		break;
	}
	mutex_unlock(&domains_mutex);
	return found;
}

struct phv_domain *domain_next(u32 id)
{
	struct phv_domain *domain;
	int next = id;

	if (id > DOMID_LAST)
		return NULL;
	mutex_lock(&domains_mutex);
	do {
		domain = idr_get_next(&domains, &next);
		next++;
	} while (domain && !kref_get_unless_zero(&domain->refs));
	mutex_unlock(&domains_mutex);
	return domain;
}

void domain_start(struct phv_domain *domain)
{
	if (!xchg(&domain->started, true))
		netlink_event(domain, PHV_EVENT_STARTED, 0);
}

void domain_end(struct phv_domain *domain, u32 reason)
{
	if (atomic_cmpxchg(&domain->ended, -1, reason) == -1)
		netlink_event(domain, PHV_EVENT_SHUTDOWN, reason);
}

void domain_go_on(struct phv_domain *domain)
{
	atomic_set(&domain->ended, -1);
}

/*
 * Gives the domain its identifier and its name. It cannot be found by them as long as
 * it has no reference: its creation may still fail.
 */
static int domain_enter(struct phv_domain *domain)
{
	int id;

	mutex_lock(&domains_mutex);
	if (name_is_taken(domain->name))
		id = -EEXIST;
	else
		id = idr_alloc_cyclic(&domains, domain, DOMID_FIRST,
				      DOMID_LAST + 1, GFP_KERNEL_ACCOUNT);
	if (id > 0) {
		domain->id = id;
		hash_add(domain_names, &domain->by_name, name_hash(domain->name));
		next_generation();
	}
	mutex_unlock(&domains_mutex);
	return id < 0 ? id : 0;
}

static void domain_leave(struct phv_domain *domain)
{
	mutex_lock(&domains_mutex);
	hash_del(&domain->by_name);
	idr_remove(&domains, domain->id);
	next_generation();
	mutex_unlock(&domains_mutex);
}

static struct phv_domain *domain_create(const struct phv_create_domain *arg)
{
	struct phv_domain *domain;
	int ret;

	domain = kvzalloc(sizeof(*domain), GFP_KERNEL_ACCOUNT);
	if (!domain)
		return ERR_PTR(-ENOMEM);
	mutex_init(&domain->mutex);
	strscpy(domain->name, arg->name, sizeof(domain->name));
	ports_create(domain);
	cpuid_default(&domain->cpuid);
	domain->tsc_khz = tsc_khz;
	domain->tsc_start = vmx_tsc();
	domain->created = ktime_get_boottime_ns();
	atomic_set(&domain->ended, -1);
	domain->owner = get_pid(task_tgid(current));

	ret = domain_enter(domain);
	if (ret)
		goto free;
	ret = memory_create(domain);
	if (ret)
		goto leave;
	ret = vmx_get();
	if (ret)
		goto destroy_memory;
	/* All is there before anybody can find it; pairs with kref_get_unless_zero(). */
	smp_wmb();
	kref_init(&domain->refs);
	netlink_event(domain, PHV_EVENT_CREATED, 0);
	return domain;

destroy_memory:
	memory_destroy(domain);
leave:
	domain_leave(domain);
free:
	put_pid(domain->owner);
	kvfree(domain);
	return ERR_PTR(ret);
}

/* Nobody has a descriptor any more: no vCPU runs, and none will. */
static void domain_release(struct kref *refs)
{
	struct phv_domain *domain = container_of(refs, struct phv_domain, refs);
	unsigned int i;

	ports_destroy(domain);
	evtchn_disconnect(domain);
	sched_disconnect(domain);
	for (i = 0; i < PHV_MAX_VCPUS; i++)
		if (domain->vcpus[i])
			vcpu_destroy(domain->vcpus[i]);
	pv_destroy(domain);
	memory_destroy(domain);
	domain_leave(domain);
	vmx_put();
	netlink_event(domain, PHV_EVENT_DESTROYED, 0);
	put_pid(domain->owner);
	kvfree(domain);
}

void domain_get(struct phv_domain *domain)
{
	kref_get(&domain->refs);
}

void domain_put(struct phv_domain *domain)
{
	kref_put(&domain->refs, domain_release);
}

static int domain_file_release(struct inode *inode, struct file *file)
{
	domain_put(file->private_data);
	return 0;
}

/*
 * The frequency at which the guest's TSC runs, and the multiplier with 48 bits
 * of fraction that makes it so.
 */
static int set_tsc_khz(struct phv_domain *domain, unsigned long khz)
{
	u64 multiplier = 0;

	if (khz != tsc_khz) {
		if (!khz || khz > 100000000)
			return -EINVAL;
		if (!vmx_has(PHV_CAP_TSC_SCALING))
			return -EOPNOTSUPP;
		multiplier = mul_u64_u32_div(1ULL << 48, khz, tsc_khz);
		if (!multiplier)
			return -EINVAL;
	}
	domain->tsc_multiplier = multiplier;
	domain->tsc_khz = khz;
	cpuid_set_tsc_khz(&domain->cpuid, khz);
	return 0;
}

static int set_tsc_khz_ioctl(struct phv_domain *domain, unsigned long khz)
{
	int ret;

	mutex_lock(&domain->mutex);
	/* Xen's interface has told the time by it already. */
	ret = domain->vcpu_count || domain->pv ? -EBUSY : set_tsc_khz(domain, khz);
	mutex_unlock(&domain->mutex);
	return ret;
}

static long domain_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct phv_domain *domain = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case PHV_CREATE_VCPU:
		return vcpu_create_ioctl(domain, arg);
	case PHV_ADD_MEMORY:
		return memory_add_ioctl(domain, uarg);
	case PHV_CHANGE_MEMORY:
		return memory_change_ioctl(domain, uarg);
	case PHV_REMOVE_MEMORY:
		return memory_remove_ioctl(domain, uarg);
	case PHV_GET_DIRTY:
		return memory_dirty_ioctl(domain, uarg);
	case PHV_GET_CPUID:
		return cpuid_get_ioctl(domain, uarg);
	case PHV_SET_CPUID:
		return cpuid_set_ioctl(domain, uarg);
	case PHV_SET_MSR_POLICY:
		return msr_policy_ioctl(domain, uarg);
	case PHV_SET_PORTS:
		return ports_set_ioctl(domain, uarg);
	case PHV_SET_IRQFD:
		return irqfd_set_ioctl(domain, uarg);
	case PHV_SET_TSC_KHZ:
		return set_tsc_khz_ioctl(domain, arg);
	default:
		return pv_ioctl(domain, cmd, arg);
	}
}

static const struct file_operations domain_fops = {
	.owner		= THIS_MODULE,
	.release	= domain_file_release,
	.unlocked_ioctl	= domain_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/**
 * domain_create_ioctl - PHV_CREATE_DOMAIN
 * @uarg: struct phv_create_domain in user memory
 *
 * Return: a descriptor, or an errno as <phv.h> lists them.
 */
int domain_create_ioctl(void __user *uarg)
{
	struct phv_create_domain arg;
	struct phv_domain *domain;
	struct file *file;
	int fd, ret;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags || memchr_inv(arg.reserved, 0, sizeof(arg.reserved)) ||
	    !name_is_valid(arg.name))
		return -EINVAL;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	domain = domain_create(&arg);
	if (IS_ERR(domain)) {
		ret = PTR_ERR(domain);
		goto put_fd;
	}
	file = anon_inode_getfile("[phv-domain]", &domain_fops, domain, O_RDWR);
	if (IS_ERR(file)) {
		ret = PTR_ERR(file);
		goto put_domain;
	}

	arg.id = domain->id;
	if (copy_to_user(uarg, &arg, sizeof(arg))) {
		ret = -EFAULT;
		goto put_file;
	}
	fd_install(fd, file);
	return fd;

put_file:
	fput(file);		/* and the domain with it */
	goto put_fd;
put_domain:
	domain_put(domain);
put_fd:
	put_unused_fd(fd);
	return ret;
}
