// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic-netlink family: who there is, what vCPUs have been through, what becomes of
 * domains, and requests that make no sense.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "guest.h"
#include "phvtest.h"
#include "vm.h"

#include "netlink.h"

#define MANY	300

static struct phv_nl *open_nl(void)
{
	struct phv_nl *nl;

	check_eq(phv_nl_open(&nl), 0);
	return nl;
}

static struct phv_nl_domain get(struct phv_nl *nl, __u32 id)
{
	struct phv_nl_domain domain = {};

	check_eq(phv_nl_get(nl, NULL, id, &domain), 0);
	return domain;
}

static void a_domain(void)
{
	struct phv_nl *nl = open_nl();
	struct phv_nl_domain domain, again;
	struct vm *vm = vm_create();

	domain = get(nl, vm->id);
	check_eq(domain.id, vm->id);
	check_eq(domain.state, PHV_DOMAIN_STATE_CREATED);
	check_eq(domain.reason, -1);
	check_eq(domain.vcpus, 0);
	check_eq(domain.max_memory, 0);
	check_eq(domain.owner, getpid());
	check(domain.memory > 0);

	check_eq(phv_nl_get(nl, domain.name, 0, &again), 0);
	check_eq(again.id, domain.id);
	check(again.age > domain.age);
	vcpu_create(vm, 3);
	check_eq(get(nl, vm->id).vcpus, 1);
	phv_nl_close(nl);
}

static void guest_three_exits(void)
{
	cpuid(0, 0);
	cpuid(0, 0);
	guest_sync(1);
}

static int take_vcpu(const struct phv_nl_vcpu *vcpu, void *arg)
{
	struct phv_nl_vcpu *to = arg;

	to[vcpu->id] = *vcpu;
	return 0;
}

static void vcpus(void)
{
	struct phv_nl *nl = open_nl();
	struct vcpu *vcpu = vm_with_guest(guest_three_exits);
	struct phv_nl_vcpu told[PHV_MAX_VCPUS] = {};
	struct phv_counters counters;
	int i;

	check_eq(get(nl, vcpu->vm->id).state, PHV_DOMAIN_STATE_CREATED);
	vcpu_expect(vcpu, VCPU_SYNC);
	check_eq(get(nl, vcpu->vm->id).state, PHV_DOMAIN_STATE_PAUSED);
	for (i = 1; i < PHV_MAX_VCPUS; i++)
		vcpu_create(vcpu->vm, i);
	vcpu_get_counters(vcpu, &counters);
	check_eq(phv_nl_vcpus(nl, vcpu->vm->id, take_vcpu, told), 0);
	for (i = 0; i < PHV_MAX_VCPUS; i++) {
		check_eq(told[i].domain, vcpu->vm->id);
		check_eq(told[i].id, i);
		check_eq(told[i].state, PHV_VCPU_STATE_STOPPED);
		check_eq(told[i].counters.user_exits, i ? 0 : counters.user_exits);
	}
	check(told[0].counters.exits[10] >= 2);
	check_eq(told[0].counters.exits[10], counters.exits[10]);
	phv_nl_close(nl);
}

/* Three domains, and how many vCPUs of theirs have been told, in order. */
struct all {
	u32 id[3];
	unsigned int told[3];
	struct vm *remove;
};

static int see_any_vcpu(const struct phv_nl_vcpu *vcpu, void *arg)
{
	struct all *all = arg;
	unsigned int i;

	if (all->remove)
		vm_destroy(all->remove);
	all->remove = NULL;
	for (i = 0; i < ARRAY_SIZE(all->id); i++)
		if (vcpu->domain == all->id[i])
			check_eq(vcpu->id, all->told[i]++);
	return 0;
}

/* The list of all vCPUs, and one of whose domains goes while it is being told. */
static void vcpus_of_all(void)
{
	const unsigned int counts[] = { PHV_MAX_VCPUS, PHV_MAX_VCPUS, 2 };
	struct phv_nl *nl = open_nl();
	struct all all = { .remove = NULL };
	struct vm *vm[ARRAY_SIZE(counts)];
	unsigned int i, id;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		vm[i] = vm_create();
		all.id[i] = vm[i]->id;
		for (id = 0; id < counts[i]; id++)
			vcpu_create(vm[i], id);
	}
	check_eq(phv_nl_vcpus(nl, 0, see_any_vcpu, &all), 0);
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		check_eq(all.told[i], counts[i]);

	memset(all.told, 0, sizeof(all.told));
	all.remove = vm[1];
	check_eq(phv_nl_vcpus(nl, 0, see_any_vcpu, &all), -EAGAIN);
	check_eq(all.told[0], counts[0]);
	check(all.told[1] < counts[1]);
	check_eq(all.told[2], counts[2]);
	phv_nl_close(nl);
}

static void guest_halt(void)
{
	asm volatile("sti; hlt");
}

static void blocked(void)
{
	struct phv_nl *nl = open_nl();
	struct vcpu *vcpu = vm_with_guest(guest_halt);
	unsigned int tries;

	vcpu_start(vcpu);
	vcpu_wait_blocked(vcpu);
	for (tries = 0; tries < 1000; tries++) {
		if (get(nl, vcpu->vm->id).state == PHV_DOMAIN_STATE_BLOCKED)
			break;
		usleep(1000);
	}
	check(tries < 1000);
	phv_nl_close(nl);
}

static void guest_triple_fault(void)
{
	const struct { __u16 limit; __u64 base; } __attribute__((packed)) idt = {};

	asm volatile("lidt %0; ud2" : : "m" (idt));
}

static void expect_event(struct phv_nl *nl, __u32 id, __u32 event, int reason)
{
	struct pollfd wait = { .fd = phv_nl_fd(nl), .events = POLLIN };
	struct phv_nl_domain domain;

	do {
		check_eq(poll(&wait, 1, 10000), 1);
		check_eq(phv_nl_event(nl, &domain), 0);
	} while (domain.id != id);
	check_eq(domain.event, event);
	check_eq(domain.reason, reason);
}

static void lifecycle(void)
{
	struct phv_nl *nl = open_nl(), *asks = open_nl();
	struct vcpu *vcpu;
	__u32 id;

	check_eq(phv_nl_listen(nl), 0);
	vcpu = vm_with_guest(guest_triple_fault);
	id = vcpu->vm->id;
	expect_event(nl, id, PHV_EVENT_CREATED, -1);
	vcpu_expect(vcpu, PHV_EXIT_SHUTDOWN);
	expect_event(nl, id, PHV_EVENT_STARTED, -1);
	expect_event(nl, id, PHV_EVENT_SHUTDOWN, PHV_ENDED_TRIPLE_FAULT);
	check_eq(get(asks, id).state, PHV_DOMAIN_STATE_SHUTDOWN);
	check_eq(get(asks, id).reason, PHV_ENDED_TRIPLE_FAULT);
	vcpu_expect(vcpu, PHV_EXIT_SHUTDOWN);
	close(vcpu->fd);
	munmap(vcpu->run, 0x1000);
	close(vcpu->vm->fd);
	/* The end was told once. */
	expect_event(nl, id, PHV_EVENT_DESTROYED, -1);
	check_eq(phv_nl_get(asks, NULL, id, &(struct phv_nl_domain){}), -ENOENT);
	phv_nl_close(asks);
	phv_nl_close(nl);
}

static void guest_halt_for_good(void)
{
	asm volatile("cli; hlt");
}

static void all_halted(void)
{
	struct phv_nl *nl = open_nl();
	struct vcpu *vcpu;

	check_eq(phv_nl_listen(nl), 0);
	vcpu = vm_with_guest(guest_halt_for_good);
	vcpu_expect(vcpu, PHV_EXIT_HALTED);
	expect_event(nl, vcpu->vm->id, PHV_EVENT_CREATED, -1);
	expect_event(nl, vcpu->vm->id, PHV_EVENT_STARTED, -1);
	expect_event(nl, vcpu->vm->id, PHV_EVENT_SHUTDOWN, PHV_ENDED_HALTED);
	phv_nl_close(nl);
}

struct seen {
	unsigned int count;
	__u32 last;
	int remove;
};

static int see(const struct phv_nl_domain *domain, void *arg)
{
	struct seen *seen = arg;

	check(domain->id > seen->last);
	seen->last = domain->id;
	if (!seen->count++ && seen->remove >= 0)
		close(seen->remove);
	return 0;
}

static void many(void)
{
	struct phv_nl *nl = open_nl();
	struct seen seen = { .remove = -1 };
	int phv = phv_open(), fd = -1;
	char name[PHV_NAME_MAX];
	unsigned int i;
	int ret;

	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "many-%u", i);
		fd = domain_create(phv, name, NULL);
		check(fd >= 0);
	}
	check_eq(phv_nl_domains(nl, see, &seen), 0);
	check(seen.count >= MANY);

	/* A domain goes while the list is on its way: the list says so. */
	seen = (struct seen){ .remove = fd };
	ret = phv_nl_domains(nl, see, &seen);
	check_eq(ret, -EAGAIN);
	check(seen.count >= MANY - 1);
	phv_nl_close(nl);
}

/* Requests by hand. The kernel's errno, as libnl has it. */
static int send_raw(__u8 command, int flags, void (*fill)(struct nl_msg *msg))
{
	struct nl_sock *sock = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc();
	int family, ret;

	check_eq(genl_connect(sock), 0);
	family = genl_ctrl_resolve(sock, PHV_FAMILY_NAME);
	check(family > 0);
	genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command, 1);
	if (fill)
		fill(msg);
	ret = nl_send_sync(sock, msg);
	nl_socket_free(sock);
	return ret;
}

static void fill_both(struct nl_msg *msg)
{
	nla_put_u32(msg, PHV_A_DOMAIN_ID, 1);
	nla_put_string(msg, PHV_A_DOMAIN_NAME, "x");
}

static void fill_short(struct nl_msg *msg)
{
	nla_put_u16(msg, PHV_A_DOMAIN_ID, 1);
}

static void fill_long_name(struct nl_msg *msg)
{
	nla_put_string(msg, PHV_A_DOMAIN_NAME, "0123456789abcdef0123456789abcdef");
}

static void fill_unterminated(struct nl_msg *msg)
{
	nla_put(msg, PHV_A_DOMAIN_NAME, 4, "name");
}

static void fill_unknown(struct nl_msg *msg)
{
	nla_put_u32(msg, PHV_A_DOMAIN_ID, 1);
	nla_put_u32(msg, 77, 1);
}

static void garbage(void)
{
	struct phv_nl_domain domain;
	struct phv_nl *nl = open_nl();

	check_eq(send_raw(PHV_CMD_DOMAIN_GET, 0, NULL), -NLE_INVAL);
	check_eq(send_raw(PHV_CMD_DOMAIN_GET, 0, fill_both), -NLE_INVAL);
	check(send_raw(PHV_CMD_DOMAIN_GET, 0, fill_short) < 0);
	check(send_raw(PHV_CMD_DOMAIN_GET, 0, fill_long_name) < 0);
	check(send_raw(PHV_CMD_DOMAIN_GET, 0, fill_unterminated) < 0);
	check(send_raw(PHV_CMD_DOMAIN_GET, 0, fill_unknown) < 0);
	check_eq(send_raw(PHV_CMD_VCPU_GET, 0, NULL), -NLE_OPNOTSUPP);
	check_eq(send_raw(PHV_CMD_LIFECYCLE, 0, NULL), -NLE_OPNOTSUPP);
	check_eq(send_raw(200, 0, NULL), -NLE_OPNOTSUPP);

	check_eq(phv_nl_get(nl, "nobody", 0, &domain), -ENOENT);
	check(phv_nl_error(nl) && !strcmp(phv_nl_error(nl), "no such domain"));
	check_eq(phv_nl_get(nl, NULL, ~0U, &domain), -ENOENT);
	check_eq(phv_nl_vcpus(nl, 32752, NULL, NULL), -ENOENT);
	phv_nl_close(nl);
}

/* Everybody sees what there is, and not what guests do. */
static void rights(void)
{
	struct vm *vm = vm_create();
	pid_t pid;
	int status;

	vcpu_create(vm, 0);
	pid = fork();
	if (!pid) {
		struct phv_nl_domain domain;
		struct phv_nl *nl;

		if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
			_exit(1);
		if (phv_nl_open(&nl) || phv_nl_get(nl, NULL, vm->id, &domain))
			_exit(2);
		_exit(phv_nl_vcpus(nl, vm->id, NULL, NULL) == -EPERM ? 0 : 3);
	}
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
}

static const struct test tests[] = {
	{ "a domain is known by number and by name", .host = a_domain },
	{ "vCPUs tell what they have been through", .host = vcpus },
	{ "vCPUs of all domains are told, also when one of these goes", .host = vcpus_of_all },
	{ "a domain that waits is blocked", .host = blocked },
	{ "events come in order, and once", .host = lifecycle },
	{ "a guest that halts for good has ended", .host = all_halted },
	{ "a list may be long, and says when it is not of one time", .host = many },
	{ "garbage is refused", .host = garbage },
	{ "counters are not for everybody", .host = rights },
};

int main(int argc, char **argv)
{
	return test_main(tests, ARRAY_SIZE(tests), argc, argv);
}
