// SPDX-License-Identifier: GPL-2.0-only
/*
 * TAPs and bridges; see net_host.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net_host.h"
#include "phv.h"
#include "phvd.h"

#define TUN_DEVICE	"/dev/net/tun"
/* Bridges that users other than root may have their domains in, one on a line */
#define BRIDGES_FILE	"/etc/phv/bridges"
/* What the parent makes it marks so. */
#define OUR_ALIAS	"phv"
#define PATTERN		"phv%d"

static int __printf(3, 4) fail(char why[NET_WHY_MAX], int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, NET_WHY_MAX, format, args);
	va_end(args);
	return err;
}

static struct nl_sock *open_route(void)
{
	struct nl_sock *socket = nl_socket_alloc();

	if (socket && !nl_connect(socket, NETLINK_ROUTE))
		return socket;
	nl_socket_free(socket);
	return NULL;
}

/* Who may. */

static bool is_listed(const char *bridge)
{
	FILE *file = fopen(BRIDGES_FILE, "re");
	char line[128];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n#")] = '\0';
		found = !strcmp(line, bridge);
	}
	if (file)
		fclose(file);
	return found;
}

static bool owns(uid_t user, const char *interface)
{
	char path[64];
	unsigned int owner;
	FILE *file;
	bool same;

	snprintf(path, sizeof(path), "/sys/class/net/%s/owner", interface);
	file = fopen(path, "re");
	same = file && fscanf(file, "%u", &owner) == 1 && owner == user;
	if (file)
		fclose(file);
	return same;
}

/* Root may do everything; others what root has prepared for them. */
static int check_user(const struct net_config *config, uid_t user, char why[NET_WHY_MAX])
{
	if (!user || config->kind == NET_USER)
		return 0;
	if (!config->antispoof)
		return fail(why, -EPERM, "net: antispoof=off is for root");
	if (*config->interface && !owns(user, config->interface))
		return fail(why, -EPERM, "net: %s: not a TAP of yours", config->interface);
	if (*config->bridge && !is_listed(config->bridge))
		return fail(why, -EPERM, "net: %s: not in " BRIDGES_FILE, config->bridge);
	if (!*config->interface && !*config->bridge)
		return fail(why, -EPERM, "net: a TAP of its own is for root; user is for all");
	return 0;
}

/* TAPs. */

#define ALIAS_MAX	(PHV_NAME_MAX + 16)

/* Whose a TAP is, in what the kernel keeps for it. */
static void tap_alias(const char *domain, unsigned int number, char alias[ALIAS_MAX])
{
	snprintf(alias, ALIAS_MAX, OUR_ALIAS "/%s/%u", domain, number);
}

/* Does a TAP stay when nobody has it open? Then it was not made here. */
static bool is_persistent(const char *interface)
{
	unsigned int flags = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", interface);
	file = fopen(path, "re");
	if (file && fscanf(file, "%x", &flags) != 1)
		flags = 0;
	if (file)
		fclose(file);
	return flags & IFF_PERSIST;
}

static void take_down(struct nl_sock *socket, struct rtnl_link *link)
{
	struct rtnl_link *change = rtnl_link_alloc();

	if (!change)
		return;
	rtnl_link_unset_flags(change, IFF_UP);
	rtnl_link_set_master(change, 0);
	if (rtnl_link_change(socket, link, change, 0))
		log_line("%s: can't be taken down", rtnl_link_get_name(link));
	rtnl_link_put(change);
}

/*
 * Sees to it that nothing goes through a domain's TAPs any more, whoever has them open.
 * Those that were made here go; one that is persistent is only taken down, if it may be
 * open still.
 */
static void stop_taps(struct nl_sock *socket, const char *domain, unsigned int number,
		      bool held)
{
	struct nl_object *object;
	struct nl_cache *links;
	char name[ALIAS_MAX];

	if (rtnl_link_alloc_cache(socket, AF_UNSPEC, &links))
		return;
	tap_alias(domain, number, name);
	for (object = nl_cache_get_first(links); object; object = nl_cache_get_next(object)) {
		struct rtnl_link *link = (struct rtnl_link *)object;
		const char *type = rtnl_link_get_type(link);
		const char *alias = rtnl_link_get_ifalias(link);

		if (!type || strcmp(type, "tun") || !alias || strcmp(alias, name))
			continue;
		if (!is_persistent(rtnl_link_get_name(link)))
			rtnl_link_delete(socket, link);
		else if (held)
			take_down(socket, link);
	}
	nl_cache_free(links);
}

static int open_queue(const struct net_config *config, struct ifreq *request)
{
	int fd = open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	request->ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (config->queues > 1)
		request->ifr_flags |= IFF_MULTI_QUEUE;
	if (!ioctl(fd, TUNSETIFF, request))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static void close_all(const int *fds, unsigned int count)
{
	while (count--)
		close(fds[count]);
}

/* Opens the TAP's queues; how many, with the TAP's name in @config, or an errno. */
static int open_tap(struct net_config *config, int *fds, char why[NET_WHY_MAX])
{
	const char *name = *config->interface ? config->interface : PATTERN;
	struct ifreq request = { 0 };
	unsigned int i;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	for (i = 0; i < config->queues; i++) {
		fds[i] = open_queue(config, &request);
		if (fds[i] >= 0)
			continue;
		close_all(fds, i);
		return fail(why, fds[i], "net: TAP %s: %s%s", name, strerror(-fds[i]),
			    fds[i] == -EINVAL ? " (with so many queues?)" : "");
	}
	snprintf(config->interface, sizeof(config->interface), "%s", request.ifr_name);
	return (int)config->queues;
}

/* Bridges. */

/* Finds a bridge, or makes it if root wants it. Its index, or a negative errno. */
static int find_bridge(struct nl_sock *socket, const char *name, uid_t user,
		       char why[NET_WHY_MAX])
{
	unsigned int index = if_nametoindex(name);
	struct rtnl_link *bridge;
	int err;

	if (index)
		return (int)index;
	if (user)
		return fail(why, -ENODEV, "net: %s: no such bridge", name);
	bridge = rtnl_link_bridge_alloc();
	if (!bridge)
		return fail(why, -ENOMEM, "net: no memory");
	rtnl_link_set_name(bridge, name);
	rtnl_link_set_flags(bridge, IFF_UP);
	err = rtnl_link_add(socket, bridge, NLM_F_CREATE | NLM_F_EXCL);
	rtnl_link_put(bridge);
	if (err)
		return fail(why, -EIO, "net: %s: %s", name, nl_geterror(err));
	return (int)if_nametoindex(name);
}

/* A bridge made here says so, in what the kernel keeps for it. */
static void mark_bridge(struct nl_sock *socket, const char *name)
{
	struct rtnl_link *bridge = NULL, *change = rtnl_link_alloc();

	if (change && !rtnl_link_get_kernel(socket, 0, name, &bridge)) {
		rtnl_link_set_ifalias(change, OUR_ALIAS);
		rtnl_link_change(socket, bridge, change, 0);
	}
	rtnl_link_put(bridge);
	rtnl_link_put(change);
}

static bool has_members(struct nl_cache *links, int bridge)
{
	struct nl_object *object;

	for (object = nl_cache_get_first(links); object; object = nl_cache_get_next(object))
		if (rtnl_link_get_master((struct rtnl_link *)object) == bridge)
			return true;
	return false;
}

/* Removes the bridges that were made here and have no members any more. */
static void remove_bridges(struct nl_sock *socket)
{
	struct nl_object *object;
	struct nl_cache *links;

	if (rtnl_link_alloc_cache(socket, AF_UNSPEC, &links))
		return;
	for (object = nl_cache_get_first(links); object; object = nl_cache_get_next(object)) {
		struct rtnl_link *link = (struct rtnl_link *)object;
		const char *type = rtnl_link_get_type(link);
		const char *alias = rtnl_link_get_ifalias(link);

		if (type && !strcmp(type, "bridge") && alias && !strcmp(alias, OUR_ALIAS) &&
		    !has_members(links, rtnl_link_get_ifindex(link)))
			rtnl_link_delete(socket, link);
	}
	nl_cache_free(links);
}

/* The TAP's address on the host's side, its bridge, and then it is up. */
static int bring_up(struct nl_sock *socket, const struct net_config *config,
		    const char *alias, int bridge, char why[NET_WHY_MAX])
{
	struct rtnl_link *link = NULL, *change = rtnl_link_alloc();
	__u8 mac[6];
	struct nl_addr *address;
	int err;

	/* So high that no bridge takes it for its own */
	memcpy(mac, config->mac, sizeof(mac));
	mac[0] = 0xfe;
	address = nl_addr_build(AF_LLC, mac, sizeof(mac));
	err = change && address ? rtnl_link_get_kernel(socket, 0, config->interface, &link) :
	      -NLE_NOMEM;
	if (!err) {
		rtnl_link_set_addr(change, address);
		rtnl_link_set_flags(change, IFF_UP);
		rtnl_link_set_ifalias(change, alias);
		if (bridge)
			rtnl_link_set_master(change, bridge);
		err = rtnl_link_change(socket, link, change, 0);
	}
	nl_addr_put(address);
	rtnl_link_put(link);
	rtnl_link_put(change);
	return err ? fail(why, -EIO, "net: %s: %s", config->interface, nl_geterror(err)) : 0;
}

static int set_up(const char *domain, unsigned int number, struct net_config *config,
		  uid_t user, char why[NET_WHY_MAX])
{
	struct nl_sock *socket = open_route();
	bool there = *config->bridge && if_nametoindex(config->bridge);
	char alias[ALIAS_MAX];
	int bridge = 0, err = 0;

	if (!socket)
		return fail(why, -EIO, "net: no route socket");
	tap_alias(domain, number, alias);
	if (*config->bridge)
		bridge = find_bridge(socket, config->bridge, user, why);
	if (bridge > 0 && !there)
		mark_bridge(socket, config->bridge);
	err = bridge < 0 ? bridge : bring_up(socket, config, alias, bridge, why);
	nl_socket_free(socket);
	return err;
}

/**
 * net_host_open - make an interface, and what belongs to it
 * @domain: the domain's name
 * @number: the interface's number
 * @config: what it is to be, filled; gets the TAP's name
 * @user: who wants it
 * @fds: the TAP's queues, or a socket, for the worker; the caller closes them
 * @why: what is wrong is put here
 *
 * Return: how many descriptors, or a negative errno
 */
int net_host_open(const char *domain, unsigned int number, struct net_config *config,
		  uid_t user, int fds[NET_QUEUES_MAX], char why[NET_WHY_MAX])
{
	int count, err;

	err = check_user(config, user, why);
	if (err)
		return err;
	if (config->kind == NET_USER) {
		fds[0] = net_user_open(domain, why);
		return fds[0] < 0 ? fds[0] : 1;
	}
	count = open_tap(config, fds, why);
	if (count < 0)
		return count;
	/* Rules come before packets do. */
	err = net_rules_make(domain, number, config, why);
	err = err ?: set_up(domain, number, config, user, why);
	if (!err)
		return count;
	close_all(fds, (unsigned int)count);
	net_host_forget(domain, 1U << number, false);
	return err;
}

/**
 * net_host_forget - clear away what interfaces leave behind
 * @domain: the domain's name
 * @numbers: a bit for each interface
 * @held: the worker is still there, and says only that it has closed the TAPs
 *
 * Rules go last: until then nothing goes through without them.
 */
void net_host_forget(const char *domain, unsigned int numbers, bool held)
{
	struct nl_sock *socket;
	unsigned int i;

	if (!numbers)
		return;
	socket = open_route();
	for (i = 0; i < NET_INTERFACES_MAX; i++) {
		if (!(numbers & 1U << i))
			continue;
		if (socket)
			stop_taps(socket, domain, i, held);
		net_rules_remove(domain, i);
	}
	if (!socket)
		return;
	remove_bridges(socket);
	nl_socket_free(socket);
}
