// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic-netlink family "phv": dumps of domains and vCPUs, and lifecycle events.
 *
 * What lives here: requests, their policies and replies. Documentation/netlink/phv.yaml
 * specifies them; <phv_netlink.h> is made from it. Nothing is changed through it, and
 * no vCPU waits for it: what is told was true at some time during the request.
 */
#include <linux/atomic.h>
#include <linux/ktime.h>
#include <linux/pid.h>
#include <linux/rcuwait.h>
#include <linux/sched.h>
#include <net/genetlink.h>

#include <phv.h>
#include <phv_netlink.h>

#include "compat.h"
#include "domain.h"
#include "memory.h"
#include "netlink.h"
#include "pv/memory_op.h"
#include "vcpu.h"

static struct genl_family family;

enum { GROUP_LIFECYCLE };

static const struct nla_policy domain_policy[PHV_A_DOMAIN_NAME + 1] = {
	[PHV_A_DOMAIN_ID]	= { .type = NLA_U32 },
	[PHV_A_DOMAIN_NAME]	= { .type = NLA_NUL_STRING, .len = PHV_NAME_MAX - 1 },
};

static const struct nla_policy vcpu_policy[PHV_A_VCPU_DOMAIN + 1] = {
	[PHV_A_VCPU_DOMAIN]	= { .type = NLA_U32 },
};

/* What they are at */

static u32 vcpu_state(struct phv_vcpu *vcpu)
{
	if (!READ_ONCE(vcpu->in_run))
		return PHV_VCPU_STATE_STOPPED;
	return rcuwait_active(&vcpu->wait) ? PHV_VCPU_STATE_BLOCKED : PHV_VCPU_STATE_RUNNING;
}

static u32 domain_state(struct phv_domain *domain, int ended)
{
	u32 state = PHV_DOMAIN_STATE_PAUSED;
	unsigned int i;

	if (ended >= 0)
		return PHV_DOMAIN_STATE_SHUTDOWN;
	if (!READ_ONCE(domain->started))
		return PHV_DOMAIN_STATE_CREATED;
	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		struct phv_vcpu *vcpu = domain_vcpu(domain, i);

		if (!vcpu)
			continue;
		switch (vcpu_state(vcpu)) {
		case PHV_VCPU_STATE_RUNNING:
			return PHV_DOMAIN_STATE_RUNNING;
		case PHV_VCPU_STATE_BLOCKED:
			state = PHV_DOMAIN_STATE_BLOCKED;
			break;
		}
	}
	return state;
}

static u32 domain_owner(struct phv_domain *domain)
{
	u32 owner;

	rcu_read_lock();
	owner = pid_task(domain->owner, PIDTYPE_TGID) ? pid_nr(domain->owner) : 0;
	rcu_read_unlock();
	return owner;
}

/* Replies. -EMSGSIZE when there is no room. */

static int put_domain_name(struct sk_buff *skb, const struct phv_domain *domain)
{
	return nla_put_u32(skb, PHV_A_DOMAIN_ID, domain->id) ?:
	       nla_put_string(skb, PHV_A_DOMAIN_NAME, domain->name);
}

static int put_domain(struct sk_buff *skb, struct phv_domain *domain)
{
	int ended = atomic_read(&domain->ended);
	int ret;

	ret = put_domain_name(skb, domain) ?:
	      nla_put_u32(skb, PHV_A_DOMAIN_STATE, domain_state(domain, ended)) ?:
	      nla_put_u32(skb, PHV_A_DOMAIN_VCPUS, READ_ONCE(domain->vcpu_count)) ?:
	      nla_put_u64_64bit(skb, PHV_A_DOMAIN_MEMORY, memory_size(&domain->memory),
				PHV_A_DOMAIN_PAD) ?:
	      nla_put_u32(skb, PHV_A_DOMAIN_OWNER, domain_owner(domain)) ?:
	      nla_put_u64_64bit(skb, PHV_A_DOMAIN_AGE,
				ktime_get_boottime_ns() - domain->created, PHV_A_DOMAIN_PAD);
	if (!ret && ended >= 0)
		ret = nla_put_u32(skb, PHV_A_DOMAIN_SHUTDOWN_REASON, ended);
	/* Pairs with PHV_XEN_SETUP. */
	if (!ret && smp_load_acquire(&domain->pv_ready))
		ret = nla_put_u64_64bit(skb, PHV_A_DOMAIN_MAX_MEMORY,
					memory_op_max_pages(domain) << PAGE_SHIFT,
					PHV_A_DOMAIN_PAD);
	return ret;
}

static int put_exits(struct sk_buff *skb, const struct phv_counters *counters)
{
	struct nlattr *nest;
	unsigned int i;
	u64 count;

	for (i = 0; i < ARRAY_SIZE(counters->exits); i++) {
		count = READ_ONCE(counters->exits[i]);
		if (!count)
			continue;
		nest = nla_nest_start(skb, PHV_A_VCPU_EXITS);
		if (!nest || nla_put_u32(skb, PHV_A_EXITS_REASON, i) ||
		    nla_put_u64_64bit(skb, PHV_A_EXITS_COUNT, count, PHV_A_EXITS_PAD))
			return -EMSGSIZE;
		nla_nest_end(skb, nest);
	}
	return 0;
}

static int put_vcpu(struct sk_buff *skb, struct phv_vcpu *vcpu)
{
	const struct phv_counters *counters = vcpu->counters;
	const struct {
		int attr;
		u64 value;
	} values[] = {
		{ PHV_A_VCPU_USER_EXITS, READ_ONCE(counters->user_exits) },
		{ PHV_A_VCPU_INTERRUPTS, READ_ONCE(counters->interrupts) },
		{ PHV_A_VCPU_NMIS, READ_ONCE(counters->nmis) },
		{ PHV_A_VCPU_EXCEPTIONS, READ_ONCE(counters->exceptions) },
		{ PHV_A_VCPU_POSTED, READ_ONCE(counters->posted) },
		{ PHV_A_VCPU_EPT_FAULTS, READ_ONCE(counters->ept_faults) },
		{ PHV_A_VCPU_FLUSHES, READ_ONCE(counters->flushes) },
		{ PHV_A_VCPU_BLOCKED, READ_ONCE(counters->blocked) },
		{ PHV_A_VCPU_MIGRATIONS, READ_ONCE(counters->migrations) },
	};
	unsigned int i;
	int ret;

	ret = nla_put_u32(skb, PHV_A_VCPU_DOMAIN, vcpu->domain->id) ?:
	      nla_put_u32(skb, PHV_A_VCPU_ID, vcpu->id) ?:
	      nla_put_u32(skb, PHV_A_VCPU_STATE, vcpu_state(vcpu)) ?:
	      put_exits(skb, counters);
	for (i = 0; i < ARRAY_SIZE(values) && !ret; i++)
		ret = nla_put_u64_64bit(skb, values[i].attr, values[i].value, PHV_A_VCPU_PAD);
	return ret;
}

/* PHV_CMD_DOMAIN_GET */

static struct phv_domain *find_domain(struct genl_info *info)
{
	struct nlattr *id = info->attrs[PHV_A_DOMAIN_ID];
	struct nlattr *name = info->attrs[PHV_A_DOMAIN_NAME];
	struct phv_domain *domain;

	if (!id == !name) {
		NL_SET_ERR_MSG(info->extack, "a domain is wanted by id or by name");
		return ERR_PTR(-EINVAL);
	}
	domain = id ? domain_find(nla_get_u32(id)) : domain_find_name(nla_data(name));
	if (!domain) {
		NL_SET_ERR_MSG_ATTR(info->extack, id ?: name, "no such domain");
		return ERR_PTR(-ENOENT);
	}
	return domain;
}

static int domain_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct phv_domain *domain;
	struct sk_buff *reply;
	int ret = -EMSGSIZE;
	void *header;

	domain = find_domain(info);
	if (IS_ERR(domain))
		return PTR_ERR(domain);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply) {
		ret = -ENOMEM;
		goto put;
	}
	header = genlmsg_put_reply(reply, info, &family, 0, PHV_CMD_DOMAIN_GET);
	if (!header || put_domain(reply, domain))
		goto free;
	genlmsg_end(reply, header);
	domain_put(domain);
	return genlmsg_reply(reply, info);

free:
	nlmsg_free(reply);
put:
	domain_put(domain);
	return ret;
}

/* A message of a dump; those of one that domains came or went under are marked. */
static void *dump_message(struct sk_buff *skb, struct netlink_callback *cb, u8 command)
{
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &family,
			     NLM_F_MULTI, command);
	if (header)
		genl_dump_check_consistent(cb, header);
	return header;
}

static int dump_domain(struct sk_buff *skb, struct netlink_callback *cb,
		       struct phv_domain *domain)
{
	void *header = dump_message(skb, cb, PHV_CMD_DOMAIN_GET);

	if (!header)
		return -EMSGSIZE;
	if (put_domain(skb, domain)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* cb->args: [0] the first domain that is not in a reply yet. */
static int domain_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct phv_domain *domain;
	int ret = 0;

	cb->seq = domain_generation();
	while ((domain = domain_next(cb->args[0]))) {
		cb->args[0] = domain->id;
		ret = dump_domain(skb, cb, domain);
		domain_put(domain);
		if (ret)
			break;
		cb->args[0]++;
	}
	return skb->len;
}

/* PHV_CMD_VCPU_GET */

static int dump_vcpu(struct sk_buff *skb, struct netlink_callback *cb, struct phv_vcpu *vcpu)
{
	void *header = dump_message(skb, cb, PHV_CMD_VCPU_GET);

	if (!header)
		return -EMSGSIZE;
	if (put_vcpu(skb, vcpu)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* From vCPU *@id on; 0 when the last is done, and *@id is 0 again. */
static int dump_vcpus(struct sk_buff *skb, struct netlink_callback *cb,
		      struct phv_domain *domain, long *id)
{
	struct phv_vcpu *vcpu;

	for (; *id < PHV_MAX_VCPUS; ++*id) {
		vcpu = domain_vcpu(domain, *id);
		if (vcpu && dump_vcpu(skb, cb, vcpu))
			return -EMSGSIZE;
	}
	*id = 0;
	return 0;
}

static int vcpu_get_start(struct netlink_callback *cb)
{
	struct nlattr *id = phv_genl_dump_attrs(cb)[PHV_A_VCPU_DOMAIN];
	struct phv_domain *domain;

	if (!id)
		return 0;
	domain = domain_find(nla_get_u32(id));
	if (!domain) {
		NL_SET_ERR_MSG_ATTR(cb->extack, id, "no such domain");
		return -ENOENT;
	}
	cb->args[0] = domain->id;
	cb->args[2] = 1;
	domain_put(domain);
	return 0;
}

/* cb->args: [0] domain and [1] vCPU that are not in a reply yet; [2] only that domain. */
static int vcpu_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct phv_domain *domain;
	int ret = 0;

	cb->seq = domain_generation();
	while (!ret && cb->args[2] < 2) {
		domain = cb->args[2] ? domain_find(cb->args[0]) : domain_next(cb->args[0]);
		if (!domain)
			break;
		if (domain->id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = domain->id;
		ret = dump_vcpus(skb, cb, domain, &cb->args[1]);
		domain_put(domain);
		if (!ret) {
			cb->args[0]++;
			/* that was the one */
			cb->args[2] *= 2;
		}
	}
	return skb->len;
}

/* Events */

void netlink_event(struct phv_domain *domain, u32 event, u32 reason)
{
	struct sk_buff *skb;
	void *header;

	if (!genl_has_listeners(&family, &init_net, GROUP_LIFECYCLE))
		return;
	skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	header = skb ? genlmsg_put(skb, 0, 0, &family, 0, PHV_CMD_LIFECYCLE) : NULL;
	if (!header || put_domain_name(skb, domain) ||
	    nla_put_u32(skb, PHV_A_DOMAIN_EVENT, event) ||
	    (event == PHV_EVENT_SHUTDOWN &&
	     nla_put_u32(skb, PHV_A_DOMAIN_SHUTDOWN_REASON, reason))) {
		nlmsg_free(skb);
		/* Who listens is to know that something was lost. */
		genl_set_err(&family, &init_net, 0, GROUP_LIFECYCLE, -ENOBUFS);
		return;
	}
	genlmsg_end(skb, header);
	genlmsg_multicast(&family, skb, 0, GROUP_LIFECYCLE, GFP_KERNEL);
}

/* The family */

static const struct genl_ops ops[] = {
	{
		.cmd		= PHV_CMD_DOMAIN_GET,
		.doit		= domain_get_doit,
		.dumpit		= domain_get_dumpit,
		.policy		= domain_policy,
		.maxattr	= ARRAY_SIZE(domain_policy) - 1,
	}, {
		.cmd		= PHV_CMD_VCPU_GET,
		.flags		= GENL_ADMIN_PERM,
		.start		= vcpu_get_start,
		.dumpit		= vcpu_get_dumpit,
		.policy		= vcpu_policy,
		.maxattr	= ARRAY_SIZE(vcpu_policy) - 1,
	},
};

static const struct genl_multicast_group groups[] = {
	[GROUP_LIFECYCLE] = { .name = PHV_MCGRP_LIFECYCLE },
};

static struct genl_family family __ro_after_init = {
	.name		= PHV_FAMILY_NAME,
	.version	= PHV_FAMILY_VERSION,
	.module		= THIS_MODULE,
	.ops		= ops,
	.n_ops		= ARRAY_SIZE(ops),
	.resv_start_op	= __PHV_CMD_MAX,
	.mcgrps		= groups,
	.n_mcgrps	= ARRAY_SIZE(groups),
};

int __init netlink_init(void)
{
	return genl_register_family(&family);
}

void netlink_exit(void)
{
	genl_unregister_family(&family);
}
