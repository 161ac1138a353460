/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Guest-virtual addresses: translation by the guest's page tables, and copying.
 *
 * All of it with the vCPU loaded, by its own thread. It may sleep, unless GVA_NOFAULT says
 * that it must not.
 */
#ifndef PHV_GVA_H
#define PHV_GVA_H

#include <linux/types.h>

struct phv_vcpu;

/*
 * An access, as the bits of a page fault's error code (SDM volume 3, 4.7): a read with
 * supervisor rights is 0.
 */
#define GVA_PRESENT	0x01	/* in struct gva_fault only */
#define GVA_WRITE	0x02
#define GVA_USER	0x04
#define GVA_RESERVED	0x08	/* in struct gva_fault only */
#define GVA_FETCH	0x10

/*
 * Not of the processor: what can't be done without sleeping gives -EAGAIN. For the inner
 * loop, with interrupts off; there the caller keeps CR2 and PKRU.
 */
#define GVA_NOFAULT	0x100

/**
 * struct gva_fault - the page fault that the access would have caused
 * @address: linear address, for CR2
 * @error: its error code, GVA_*
 */
struct gva_fault {
	u64 address;
	u32 error;
};

/**
 * gva_to_gpa - translate a linear address as the processor would
 * @vcpu: the vCPU
 * @gva: linear address
 * @access: GVA_WRITE, GVA_USER, GVA_FETCH, GVA_NOFAULT
 * @gpa: where to put the guest-physical address
 * @page_size: where to put the size in bytes of the page it is in, or NULL
 * @fault: filled in for -EFAULT
 *
 * Accessed and dirty flags stay as they are; protection keys are not looked at.
 *
 * Return: 0; -EFAULT for a page fault; -EINVAL when the address is not canonical, which
 * is a #GP or #SS; -ENXIO when a page table is not in memory; -EAGAIN for GVA_NOFAULT.
 */
int gva_to_gpa(struct phv_vcpu *vcpu, u64 gva, u32 access, u64 *gpa,
	       u64 *page_size, struct gva_fault *fault);

/**
 * gva_read - copy from guest-virtual memory
 * @vcpu: the vCPU
 * @gva: linear address; wraps at 4 GiB outside 64-bit mode
 * @buf: where to
 * @size: bytes
 * @access: GVA_USER, GVA_FETCH, GVA_NOFAULT
 * @fault: filled in for -EFAULT
 *
 * Return: 0, or as gva_to_gpa(); -ENXIO also when the memory itself is not there. Part
 * of @buf may have been written then.
 */
int gva_read(struct phv_vcpu *vcpu, u64 gva, void *buf, size_t size, u32 access,
	     struct gva_fault *fault);

/**
 * gva_write - copy to guest-virtual memory
 * @vcpu: the vCPU
 * @gva: linear address; wraps at 4 GiB outside 64-bit mode
 * @buf: where from
 * @size: bytes
 * @access: GVA_USER, GVA_NOFAULT; GVA_WRITE is implied
 * @fault: filled in for -EFAULT
 *
 * Return: as gva_read(); part of the memory may have been written.
 */
int gva_write(struct phv_vcpu *vcpu, u64 gva, const void *buf, size_t size, u32 access,
	      struct gva_fault *fault);

#endif /* PHV_GVA_H */
