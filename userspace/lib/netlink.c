// SPDX-License-Identifier: GPL-2.0-only
/*
 * libphv: the module's generic-netlink family, by libnl.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <xen/xen.h>
#include <xen/sched.h>

#include "netlink.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct phv_nl {
	struct nl_sock *sock;
	int family;
	char error[128];

	/* The request under way */
	int result;
	bool done;
	bool interrupted;
	int (*domain)(const struct phv_nl_domain *domain, void *arg);
	int (*vcpu)(const struct phv_nl_vcpu *vcpu, void *arg);
	void *arg;
};

/* libnl's errors; those of the kernel come by on_error(). */
static int nl_errno(int err)
{
	switch (-err) {
	case 0:
		return 0;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_INTR:
		return -EINTR;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EPERM;
	case NLE_DUMP_INTR:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

static const char *name_of(const char *const *names, size_t count, __u32 value)
{
	return value < count ? names[value] : "unknown";
}

const char *phv_nl_domain_state(__u32 state)
{
	static const char *const names[] = {
		[PHV_DOMAIN_STATE_CREATED] = "created",
		[PHV_DOMAIN_STATE_RUNNING] = "running",
		[PHV_DOMAIN_STATE_BLOCKED] = "blocked",
		[PHV_DOMAIN_STATE_PAUSED] = "paused",
		[PHV_DOMAIN_STATE_SHUTDOWN] = "shutdown",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

const char *phv_nl_vcpu_state(__u32 state)
{
	static const char *const names[] = {
		[PHV_VCPU_STATE_RUNNING] = "running",
		[PHV_VCPU_STATE_BLOCKED] = "blocked",
		[PHV_VCPU_STATE_STOPPED] = "stopped",
	};

	return name_of(names, ARRAY_SIZE(names), state);
}

const char *phv_nl_event_name(__u32 event)
{
	static const char *const names[] = {
		[PHV_EVENT_CREATED] = "created",
		[PHV_EVENT_STARTED] = "started",
		[PHV_EVENT_SHUTDOWN] = "shutdown",
		[PHV_EVENT_DESTROYED] = "destroyed",
	};

	return name_of(names, ARRAY_SIZE(names), event);
}

const char *phv_nl_reason(__u32 reason)
{
	static const char *const names[] = {
		[SHUTDOWN_poweroff] = "poweroff",
		[SHUTDOWN_reboot] = "reboot",
		[SHUTDOWN_suspend] = "suspend",
		[SHUTDOWN_crash] = "crash",
		[SHUTDOWN_watchdog] = "watchdog",
		[SHUTDOWN_soft_reset] = "soft-reset",
	};

	if (reason == PHV_ENDED_TRIPLE_FAULT)
		return "triple-fault";
	return reason == PHV_ENDED_HALTED ? "halted" : name_of(names, ARRAY_SIZE(names), reason);
}

static void get_u32(struct nlattr *attr, __u32 *value)
{
	if (attr)
		*value = nla_get_u32(attr);
}

static void get_u64(struct nlattr *attr, __u64 *value)
{
	if (attr)
		*value = nla_get_u64(attr);
}

static int on_domain(struct phv_nl *nl, struct nlmsghdr *header)
{
	static struct nla_policy policy[PHV_A_DOMAIN_MAX + 1] = {
		[PHV_A_DOMAIN_ID] = { .type = NLA_U32 },
		[PHV_A_DOMAIN_NAME] = { .type = NLA_STRING, .maxlen = PHV_NAME_MAX },
		[PHV_A_DOMAIN_STATE] = { .type = NLA_U32 },
		[PHV_A_DOMAIN_SHUTDOWN_REASON] = { .type = NLA_U32 },
		[PHV_A_DOMAIN_VCPUS] = { .type = NLA_U32 },
		[PHV_A_DOMAIN_MEMORY] = { .type = NLA_U64 },
		[PHV_A_DOMAIN_MAX_MEMORY] = { .type = NLA_U64 },
		[PHV_A_DOMAIN_OWNER] = { .type = NLA_U32 },
		[PHV_A_DOMAIN_AGE] = { .type = NLA_U64 },
		[PHV_A_DOMAIN_EVENT] = { .type = NLA_U32 },
	};
	struct nlattr *attrs[PHV_A_DOMAIN_MAX + 1];
	struct phv_nl_domain domain = { .reason = -1 };

	if (genlmsg_parse(header, 0, attrs, PHV_A_DOMAIN_MAX, policy) < 0)
		return -EPROTO;
	get_u32(attrs[PHV_A_DOMAIN_ID], &domain.id);
	if (attrs[PHV_A_DOMAIN_NAME])
		nla_strlcpy(domain.name, attrs[PHV_A_DOMAIN_NAME], sizeof(domain.name));
	get_u32(attrs[PHV_A_DOMAIN_STATE], &domain.state);
	if (attrs[PHV_A_DOMAIN_SHUTDOWN_REASON])
		domain.reason = nla_get_u32(attrs[PHV_A_DOMAIN_SHUTDOWN_REASON]);
	get_u32(attrs[PHV_A_DOMAIN_VCPUS], &domain.vcpus);
	get_u64(attrs[PHV_A_DOMAIN_MEMORY], &domain.memory);
	get_u64(attrs[PHV_A_DOMAIN_MAX_MEMORY], &domain.max_memory);
	get_u32(attrs[PHV_A_DOMAIN_OWNER], &domain.owner);
	get_u64(attrs[PHV_A_DOMAIN_AGE], &domain.age);
	get_u32(attrs[PHV_A_DOMAIN_EVENT], &domain.event);
	return nl->domain ? nl->domain(&domain, nl->arg) : 0;
}

static int get_exits(struct nlmsghdr *header, struct phv_counters *counters)
{
	struct nlattr *attrs[PHV_A_EXITS_MAX + 1], *attr;
	int rest;

	nla_for_each_attr(attr, genlmsg_attrdata(genlmsg_hdr(header), 0),
			  genlmsg_attrlen(genlmsg_hdr(header), 0), rest) {
		__u32 reason = ~0U;

		if (nla_type(attr) != PHV_A_VCPU_EXITS)
			continue;
		if (nla_parse_nested(attrs, PHV_A_EXITS_MAX, attr, NULL) < 0)
			return -EPROTO;
		get_u32(attrs[PHV_A_EXITS_REASON], &reason);
		if (reason < ARRAY_SIZE(counters->exits))
			get_u64(attrs[PHV_A_EXITS_COUNT], &counters->exits[reason]);
	}
	return 0;
}

static int on_vcpu(struct phv_nl *nl, struct nlmsghdr *header)
{
	struct nlattr *attrs[PHV_A_VCPU_MAX + 1];
	struct phv_nl_vcpu vcpu = {};

	if (genlmsg_parse(header, 0, attrs, PHV_A_VCPU_MAX, NULL) < 0 ||
	    get_exits(header, &vcpu.counters))
		return -EPROTO;
	get_u32(attrs[PHV_A_VCPU_DOMAIN], &vcpu.domain);
	get_u32(attrs[PHV_A_VCPU_ID], &vcpu.id);
	get_u32(attrs[PHV_A_VCPU_STATE], &vcpu.state);
	get_u64(attrs[PHV_A_VCPU_USER_EXITS], &vcpu.counters.user_exits);
	get_u64(attrs[PHV_A_VCPU_INTERRUPTS], &vcpu.counters.interrupts);
	get_u64(attrs[PHV_A_VCPU_NMIS], &vcpu.counters.nmis);
	get_u64(attrs[PHV_A_VCPU_EXCEPTIONS], &vcpu.counters.exceptions);
	get_u64(attrs[PHV_A_VCPU_POSTED], &vcpu.counters.posted);
	get_u64(attrs[PHV_A_VCPU_EPT_FAULTS], &vcpu.counters.ept_faults);
	get_u64(attrs[PHV_A_VCPU_FLUSHES], &vcpu.counters.flushes);
	get_u64(attrs[PHV_A_VCPU_BLOCKED], &vcpu.counters.blocked);
	get_u64(attrs[PHV_A_VCPU_MIGRATIONS], &vcpu.counters.migrations);
	return nl->vcpu ? nl->vcpu(&vcpu, nl->arg) : 0;
}

/* What the kernel sends: replies of the request under way, events. */
static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *header = nlmsg_hdr(msg);
	struct phv_nl *nl = arg;
	int ret = 0;

	if (header->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	if (nl->result)
		return NL_OK;
	switch (genlmsg_hdr(header)->cmd) {
	case PHV_CMD_LIFECYCLE:
		nl->done = true;
		ret = on_domain(nl, header);
		break;
	case PHV_CMD_DOMAIN_GET:
		ret = on_domain(nl, header);
		break;
	case PHV_CMD_VCPU_GET:
		ret = on_vcpu(nl, header);
		break;
	}
	nl->result = ret;
	return NL_OK;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct phv_nl *nl = arg;

	if (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP_INTR)
		nl->interrupted = true;
	nl->done = true;
	return NL_STOP;
}

/* With NETLINK_EXT_ACK, words follow the request's header (NETLINK_CAP_ACK). */
static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct nlmsghdr *header = (struct nlmsghdr *)error - 1;
	size_t rest = header->nlmsg_len - NLMSG_HDRLEN;
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	struct phv_nl *nl = arg;

	(void)from;
	nl->done = true;
	nl->result = error->error;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS) || rest < sizeof(*error))
		return NL_STOP;
	rest -= sizeof(*error);
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)(error + 1), rest, NULL) >= 0 &&
	    attrs[NLMSGERR_ATTR_MSG])
		nla_strlcpy(nl->error, attrs[NLMSGERR_ATTR_MSG], sizeof(nl->error));
	return NL_STOP;
}

static int set_up(struct phv_nl *nl)
{
	int one = 1, ret;

	ret = nl_errno(genl_connect(nl->sock));
	if (ret)
		return ret;
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	nl->family = genl_ctrl_resolve(nl->sock, PHV_FAMILY_NAME);
	if (nl->family < 0)
		return nl_errno(nl->family);
	nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_message, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_end, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_ACK, NL_CB_CUSTOM, on_end, nl);
	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, on_error, nl);
	return 0;
}

int phv_nl_open(struct phv_nl **out)
{
	struct phv_nl *nl = calloc(1, sizeof(*nl));
	int ret = -ENOMEM;

	if (nl)
		nl->sock = nl_socket_alloc();
	if (nl && nl->sock)
		ret = set_up(nl);
	if (ret)
		phv_nl_close(nl);
	else
		*out = nl;
	return ret;
}

void phv_nl_close(struct phv_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

const char *phv_nl_error(const struct phv_nl *nl)
{
	return nl->error[0] ? nl->error : NULL;
}

int phv_nl_fd(const struct phv_nl *nl)
{
	return nl_socket_get_fd(nl->sock);
}

/* Sends a request and takes in all that comes back. */
static int request(struct phv_nl *nl, struct nl_msg *msg)
{
	int ret;

	nl->error[0] = '\0';
	nl->result = 0;
	nl->done = false;
	nl->interrupted = false;
	ret = nl_send_auto(nl->sock, msg);
	nlmsg_free(msg);
	while (ret >= 0 && !nl->done)
		ret = nl_recvmsgs_default(nl->sock);
	if (nl->result)
		return nl->result;
	if (ret < 0)
		return nl_errno(ret);
	return nl->interrupted ? -EAGAIN : 0;
}

static struct nl_msg *new_request(struct phv_nl *nl, __u8 command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, command,
				PHV_FAMILY_VERSION)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static int take_domain(const struct phv_nl_domain *domain, void *arg)
{
	*(struct phv_nl_domain *)arg = *domain;
	return 0;
}

int phv_nl_get(struct phv_nl *nl, const char *name, __u32 id, struct phv_nl_domain *domain)
{
	struct nl_msg *msg = new_request(nl, PHV_CMD_DOMAIN_GET, NLM_F_ACK);

	if (!msg)
		return -ENOMEM;
	if (name)
		nla_put_string(msg, PHV_A_DOMAIN_NAME, name);
	else
		nla_put_u32(msg, PHV_A_DOMAIN_ID, id);
	nl->domain = take_domain;
	nl->arg = domain;
	return request(nl, msg);
}

int phv_nl_domains(struct phv_nl *nl, int (*each)(const struct phv_nl_domain *domain, void *arg),
		   void *arg)
{
	struct nl_msg *msg = new_request(nl, PHV_CMD_DOMAIN_GET, NLM_F_DUMP);

	if (!msg)
		return -ENOMEM;
	nl->domain = each;
	nl->arg = arg;
	return request(nl, msg);
}

int phv_nl_vcpus(struct phv_nl *nl, __u32 domain,
		 int (*each)(const struct phv_nl_vcpu *vcpu, void *arg), void *arg)
{
	struct nl_msg *msg = new_request(nl, PHV_CMD_VCPU_GET, NLM_F_DUMP);

	if (!msg)
		return -ENOMEM;
	if (domain)
		nla_put_u32(msg, PHV_A_VCPU_DOMAIN, domain);
	nl->vcpu = each;
	nl->arg = arg;
	return request(nl, msg);
}

int phv_nl_listen(struct phv_nl *nl)
{
	int group;

	group = genl_ctrl_resolve_grp(nl->sock, PHV_FAMILY_NAME, PHV_MCGRP_LIFECYCLE);
	if (group < 0)
		return nl_errno(group);
	nl_socket_disable_seq_check(nl->sock);
	return nl_errno(nl_socket_add_membership(nl->sock, group));
}

int phv_nl_event(struct phv_nl *nl, struct phv_nl_domain *domain)
{
	int ret = 0;

	nl->domain = take_domain;
	nl->arg = domain;
	nl->result = 0;
	nl->done = false;
	while (ret >= 0 && !nl->done)
		ret = nl_recvmsgs_default(nl->sock);
	return nl->result ?: nl_errno(ret < 0 ? ret : 0);
}
