/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Time as guests of Xen's interface see it, and the events of their timers. Guest code
 * unless it says otherwise.
 */
#ifndef XEN_TIME_H
#define XEN_TIME_H

#include <string.h>

#include "guest/xen.h"

/* Xen 4.19's. */
#ifndef VCPUOP_register_runstate_phys_area
#define VCPUOP_register_runstate_phys_area	14
#define VCPUOP_register_vcpu_time_phys_area	15
#endif

#define NS_PER_US	1000ULL
#define NS_PER_MS	1000000ULL
#define NS_PER_S	1000000000ULL

/* The interrupt of event channels, for all vCPUs. */
#define UPCALL_VECTOR	0xf3

/* System time by a vcpu_time_info. */
static inline u64 time_of(const struct vcpu_time_info *info)
{
	struct vcpu_time_info copy;
	u64 delta;
	u32 version;

	do {
		version = READ_ONCE(info->version);
		barrier();
		memcpy(&copy, info, sizeof(copy));
		delta = rdtsc() - copy.tsc_timestamp;
		barrier();
	} while ((version & 1) || version != READ_ONCE(info->version));
	if (copy.tsc_shift < 0)
		delta >>= -copy.tsc_shift;
	else
		delta <<= copy.tsc_shift;
	return copy.system_time + (u64)(((unsigned __int128)delta * copy.tsc_to_system_mul) >> 32);
}

static inline u64 now(void)
{
	return time_of(&xen_vcpu_info()->time);
}

static inline void spin_for(u64 ns)
{
	u64 end = now() + ns;

	while (now() < end)
		cpu_relax();
}

/* What came to which port, of all vCPUs; 2-level event channels. */
#define PORTS	64

struct event_log {
	u32 count[PORTS];
	u64 time[PORTS];		/* of the last */
};

extern struct event_log event_log;

static inline u32 events(u32 port)
{
	return READ_ONCE(event_log.count[port]);
}

/* By the domain's vector there is no interrupt of the local APIC to be ended. */
static inline void on_callback(struct guest_frame *frame)
{
	struct vcpu_info *info = xen_vcpu_info();
	u64 pending;
	u32 port;

	(void)frame;
	while (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
		__atomic_exchange_n(&info->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
		pending = __atomic_fetch_and(&xen_shared->evtchn_pending[0],
					     READ_ONCE(xen_shared->evtchn_mask[0]),
					     __ATOMIC_SEQ_CST);
		pending &= ~READ_ONCE(xen_shared->evtchn_mask[0]);
		for (port = 0; port < PORTS; port++) {
			if (!(pending & BIT(port)))
				continue;
			WRITE_ONCE(event_log.time[port], now());
			WRITE_ONCE(event_log.count[port], event_log.count[port] + 1);
		}
	}
}

static inline void on_upcall(struct guest_frame *frame)
{
	x2apic_eoi();
	on_callback(frame);
}

/* From here on events interrupt this vCPU. */
static inline void take_events(void)
{
	struct xen_hvm_evtchn_upcall_vector arg = {
		.vcpu = this_cpu()->id, .vector = UPCALL_VECTOR,
	};

	guest_handle(UPCALL_VECTOR, on_upcall);
	x2apic_enable();
	guest_assert_eq(xen_hvm_op(HVMOP_set_evtchn_upcall_vector, &arg), 0);
}

/* The port of this vCPU's VIRQ_TIMER. */
static inline u32 bind_timer(void)
{
	struct evtchn_bind_virq arg = { .virq = VIRQ_TIMER, .vcpu = this_cpu()->id };

	guest_assert_eq(xen_evtchn_op(EVTCHNOP_bind_virq, &arg), 0);
	guest_assert(arg.port > 0 && arg.port < PORTS);
	return arg.port;
}

static inline void mask(u32 port)
{
	__atomic_fetch_or(&xen_shared->evtchn_mask[0], BIT(port), __ATOMIC_SEQ_CST);
}

static inline bool is_pending(u32 port)
{
	return READ_ONCE(xen_shared->evtchn_pending[0]) & BIT(port);
}

static inline void clear_pending(u32 port)
{
	__atomic_fetch_and(&xen_shared->evtchn_pending[0], ~BIT(port), __ATOMIC_SEQ_CST);
}

static inline long set_singleshot(u64 deadline, u32 flags)
{
	struct vcpu_set_singleshot_timer arg = { .timeout_abs_ns = deadline, .flags = flags };

	return xen_vcpu_op(VCPUOP_set_singleshot_timer, this_cpu()->id, &arg);
}

#endif /* XEN_TIME_H */
