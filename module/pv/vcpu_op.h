/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Starting and stopping the vCPUs of a Xen domain, by VCPUOP_initialise, _up and _down.
 */
#ifndef PHV_VCPU_OP_H
#define PHV_VCPU_OP_H

#include <linux/types.h>

struct phv_vcpu;
struct vcpu_hvm_context;

struct vcpu_op_vcpu {
	bool down;			/* a: since VCPUOP_down */
	struct vcpu_hvm_context *start;	/* a: from VCPUOP_initialise to VCPUOP_up */
};

/* VCPU_REQ_UP, and INIT: for the vCPU's own thread, loaded. */
void vcpu_op_take_up(struct phv_vcpu *vcpu);
void vcpu_op_take_init(struct phv_vcpu *vcpu);

/* With the vCPU. */
void vcpu_op_destroy(struct phv_vcpu *vcpu);

#endif /* PHV_VCPU_OP_H */
