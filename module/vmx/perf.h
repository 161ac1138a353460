/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's performance counters while a guest runs.
 */
#ifndef PHV_PERF_H
#define PHV_PERF_H

struct phv_vcpu;

int perf_create(struct phv_vcpu *vcpu);
void perf_destroy(struct phv_vcpu *vcpu);
void perf_setup_vmcs(struct phv_vcpu *vcpu);
void perf_before_entry(struct phv_vcpu *vcpu);

#endif /* PHV_PERF_H */
