/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading and writing a vCPU's state from user space.
 */
#ifndef PHV_STATE_H
#define PHV_STATE_H

struct phv_vcpu;

/* PHV_GET_* and PHV_SET_* of a vCPU. With its mutex, not loaded. */
long vcpu_state_ioctl(struct phv_vcpu *vcpu, unsigned int cmd, void __user *uarg);

#endif /* PHV_STATE_H */
