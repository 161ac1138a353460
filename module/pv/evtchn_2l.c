// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels, 2-level: a bit for each port in shared_info that says that it is
 * pending, one that it is masked, and for each vCPU a bit for each word of them.
 *
 * Called by evtchn.c only. In a domain of 32 bits a word has 32 bits, and there
 * are as many of them: bits are at the same place, masks and the bits of a
 * vCPU are not.
 */
#include <linux/bitops.h>

#include "pv/evtchn_internal.h"

#define PENDING_OFFSET	offsetof(struct shared_info, evtchn_pending)
#define MASK_OFFSET	offsetof(struct shared_info, evtchn_mask)

/* The words of a domain of 32 bits. */
#define COMPAT_PORTS	(32 * 32)
#define COMPAT_MASK	(PENDING_OFFSET + COMPAT_PORTS / 8)

static bool is_compat(const struct evtchn_domain *ed)
{
	return READ_ONCE(ed->domain->pv->compat_shared);
}

static unsigned long *pending_bits(const struct evtchn_domain *ed)
{
	return ed->domain->pv->shared_info.addr + PENDING_OFFSET;
}

static unsigned long *mask_bits(const struct evtchn_domain *ed, bool compat)
{
	return ed->domain->pv->shared_info.addr + (compat ? COMPAT_MASK : MASK_OFFSET);
}

/* How many ports there can be. */
unsigned int evtchn_2l_limit(const struct evtchn_domain *ed)
{
	return is_compat(ed) ? COMPAT_PORTS : EVTCHN_2L_NR_CHANNELS;
}

/**
 * evtchn_2l_tell - tell a vCPU that a port is pending
 * @ed: event channels
 * @port: the port, within the limit
 * @vcpu: number of the vCPU
 */
void evtchn_2l_tell(struct evtchn_domain *ed, u32 port, unsigned int vcpu)
{
	/* In 32-bit words: they need not be aligned to more, and not be split then. */
	u32 *info = (u32 *)upcall_info(ed->domain, vcpu);
	unsigned int bit = is_compat(ed) ? 32 + port / 32 % 32 : 64 + port / 64 % 64;

	if (!word_test_and_set(info + bit / 32, bit % 32))
		upcall_raise(ed->domain, vcpu);
}

/**
 * evtchn_2l_raise - make a port pending, and tell a vCPU unless it is masked
 * @ed: event channels
 * @port: the port
 * @vcpu: number of the vCPU
 *
 * Return: false when it was pending. A full barrier.
 */
bool evtchn_2l_raise(struct evtchn_domain *ed, u32 port, unsigned int vcpu)
{
	bool compat = is_compat(ed);

	if (port >= evtchn_2l_limit(ed) || test_and_set_bit(port, pending_bits(ed)))
		return false;
	if (!test_bit(port, mask_bits(ed, compat)))
		evtchn_2l_tell(ed, port, vcpu);
	return true;
}

void evtchn_2l_unmask(struct evtchn_domain *ed, u32 port, unsigned int vcpu)
{
	if (port >= evtchn_2l_limit(ed))
		return;
	if (test_and_clear_bit(port, mask_bits(ed, is_compat(ed))) &&
	    test_bit(port, pending_bits(ed)))
		evtchn_2l_tell(ed, port, vcpu);
}

bool evtchn_2l_pending(const struct evtchn_domain *ed, u32 port)
{
	return port < evtchn_2l_limit(ed) && test_bit(port, pending_bits(ed));
}

/* Not pending any more; was it? */
bool evtchn_2l_clear(struct evtchn_domain *ed, u32 port)
{
	return port < evtchn_2l_limit(ed) && test_and_clear_bit(port, pending_bits(ed));
}
