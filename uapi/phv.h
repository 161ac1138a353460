/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * phv - the contract between phv.ko and user space.
 *
 * What lives here: the ioctls of /dev/phv and of the descriptors it hands
 * out.  Rules of this file: C11, fixed-width members, no pointers (user
 * addresses travel as __u64), explicit padding.  Members are marked [in],
 * [out] or [in,out] as the kernel reads or writes them; a reserved member must
 * be zero on input (-EINVAL otherwise) and is zero on output.
 *
 * Every ioctl fails with -ENOTTY when the number is unknown to the descriptor,
 * with -EFAULT when its argument cannot be read or written, and with -ENOMEM when
 * there is no memory for what it has to do.
 */
#ifndef _UAPI_PHV_H
#define _UAPI_PHV_H

#include <linux/const.h>
#include <linux/ioctl.h>
#include <linux/types.h>

#define PHV_DEVICE		"/dev/phv"

/* Raised when a program built against an older header would misbehave. */
#define PHV_API_VERSION		1

#define PHV_IOC			0xB8

/*
 * Processor features, as bits of phv_caps.features.  The SDM volume 3,
 * appendix A, "VMX Capability Reporting Facility", says where each is
 * reported; the names are the SDM's.
 */
#define PHV_CAP_VMX			_BITULL(0)	/* CPUID.1:ECX.VMX */
#define PHV_CAP_FEATURE_CONTROL		_BITULL(1)	/* VMXON allowed by firmware */
#define PHV_CAP_TRUE_CONTROLS		_BITULL(2)	/* TRUE capability MSRs */
#define PHV_CAP_SECONDARY_CONTROLS	_BITULL(3)
#define PHV_CAP_TERTIARY_CONTROLS	_BITULL(4)
#define PHV_CAP_MSR_BITMAPS		_BITULL(5)
#define PHV_CAP_LOAD_EFER		_BITULL(6)	/* entry load, exit load and save */
#define PHV_CAP_LOAD_PAT		_BITULL(7)	/* entry load, exit load and save */
#define PHV_CAP_VIRTUAL_NMIS		_BITULL(8)
#define PHV_CAP_UNRESTRICTED_GUEST	_BITULL(9)
#define PHV_CAP_PREEMPTION_TIMER	_BITULL(10)
#define PHV_CAP_PAUSE_LOOP_EXITING	_BITULL(11)
#define PHV_CAP_TSC_SCALING		_BITULL(12)
#define PHV_CAP_SHADOW_VMCS		_BITULL(13)
#define PHV_CAP_XSAVES			_BITULL(14)
#define PHV_CAP_VMFUNC			_BITULL(15)
#define PHV_CAP_MODE_BASED_EXEC		_BITULL(16)
#define PHV_CAP_LOAD_CET		_BITULL(17)

#define PHV_CAP_EPT			_BITULL(20)
#define PHV_CAP_EPT_2M			_BITULL(21)
#define PHV_CAP_EPT_1G			_BITULL(22)
#define PHV_CAP_EPT_EXEC_ONLY		_BITULL(23)
#define PHV_CAP_EPT_5LEVEL		_BITULL(24)
#define PHV_CAP_EPT_AD			_BITULL(25)	/* accessed and dirty flags */
#define PHV_CAP_PML			_BITULL(26)
#define PHV_CAP_INVEPT_SINGLE		_BITULL(27)
#define PHV_CAP_EPT_VE			_BITULL(28)	/* EPT-violation #VE */

#define PHV_CAP_VPID			_BITULL(32)
#define PHV_CAP_INVVPID_ADDRESS		_BITULL(33)
#define PHV_CAP_INVVPID_SINGLE		_BITULL(34)
#define PHV_CAP_INVVPID_GLOBAL		_BITULL(35)	/* single, retaining globals */

#define PHV_CAP_TPR_SHADOW		_BITULL(40)
#define PHV_CAP_APIC_ACCESS		_BITULL(41)	/* virtualize APIC accesses */
#define PHV_CAP_X2APIC			_BITULL(42)	/* virtualize x2APIC mode */
#define PHV_CAP_APIC_REGISTERS		_BITULL(43)	/* APIC-register virtualization */
#define PHV_CAP_VIRTUAL_INTERRUPTS	_BITULL(44)	/* virtual-interrupt delivery */
#define PHV_CAP_POSTED_INTERRUPTS	_BITULL(45)
#define PHV_CAP_IPI_VIRTUALIZATION	_BITULL(46)

/**
 * struct phv_caps - what the processors of this host can do
 * @version: [out] PHV_API_VERSION of the module
 * @cpus: [out] CPUs online when the call was made; all of them are alike
 * @features: [out] PHV_CAP_* bits the CPUs have
 * @required: [out] PHV_CAP_* bits without which the module does not load
 * @basic: [out] IA32_VMX_BASIC
 * @feature_control: [out] IA32_FEATURE_CONTROL
 * @pin: [out] pin-based controls; these and the four below are the TRUE
 *	capability MSRs where the CPU has them
 * @proc: [out] primary processor-based controls
 * @exit: [out] VM-exit controls
 * @entry: [out] VM-entry controls
 * @proc2: [out] secondary processor-based controls, 0 without them
 * @proc3: [out] tertiary processor-based controls, 0 without them
 * @misc: [out] IA32_VMX_MISC
 * @ept_vpid: [out] IA32_VMX_EPT_VPID_CAP
 * @vmfunc: [out] IA32_VMX_VMFUNC, 0 without VM functions
 * @cr0_fixed0: [out] IA32_VMX_CR0_FIXED0
 * @cr0_fixed1: [out] IA32_VMX_CR0_FIXED1
 * @cr4_fixed0: [out] IA32_VMX_CR4_FIXED0
 * @cr4_fixed1: [out] IA32_VMX_CR4_FIXED1
 * @reserved: [out] 0
 *
 * A control field's capability MSR has the bits that must be 1 in its low, and
 * the bits that may be 1 in its high half (SDM volume 3, appendix A.3).
 */
struct phv_caps {
	__u32 version;
	__u32 cpus;
	__u64 features;
	__u64 required;
	__u64 basic;
	__u64 feature_control;
	__u64 pin;
	__u64 proc;
	__u64 exit;
	__u64 entry;
	__u64 proc2;
	__u64 proc3;
	__u64 misc;
	__u64 ept_vpid;
	__u64 vmfunc;
	__u64 cr0_fixed0;
	__u64 cr0_fixed1;
	__u64 cr4_fixed0;
	__u64 cr4_fixed1;
	__u64 reserved[6];
};

/* A domain's name: 1 to 31 of [A-Za-z0-9_.-], not starting with a digit, '-' or '.'. */
#define PHV_NAME_MAX		32

/**
 * struct phv_create_domain - argument of PHV_CREATE_DOMAIN
 * @name: [in] NUL-terminated, unique among the domains of this host
 * @flags: [in] 0
 * @id: [out] the domain's number, 1 to 32751, free again when it is gone
 * @reserved: [in] 0
 */
struct phv_create_domain {
	char name[PHV_NAME_MAX];
	__u32 flags;
	__u32 id;
	__u64 reserved[3];
};

/**
 * PHV_GET_CAPS - ioctl of /dev/phv: what the processors can do
 *
 * Argument: struct phv_caps.  Returns 0.
 */
#define PHV_GET_CAPS		_IOR(PHV_IOC, 0x00, struct phv_caps)

/**
 * PHV_CREATE_DOMAIN - ioctl of /dev/phv: make an empty domain
 *
 * Argument: struct phv_create_domain.  Returns a descriptor (close-on-exec);
 * the domain lives until the last descriptor that needs it is closed.  The
 * first domain puts every CPU of the host into VMX operation, the end of the
 * last takes them out of it.
 *
 * -EINVAL	bad name, unknown flag, or a reserved member is not zero
 * -EEXIST	a domain has this name
 * -EBUSY	another hypervisor has VMX on; the kernel log names it
 * -ENOSPC	32751 domains exist
 * -EMFILE, -ENFILE, -ENOMEM	no descriptor or no memory to be had
 * -EIO		a CPU refused VMXON; the kernel log has it
 */
#define PHV_CREATE_DOMAIN	_IOWR(PHV_IOC, 0x01, struct phv_create_domain)

/**
 * PHV_CREATE_VCPU - ioctl of a domain: make a virtual CPU
 *
 * Argument: the vCPU's number by value, 0 to PHV_MAX_VCPUS - 1; it is the local
 * APIC's identifier too.  Returns a descriptor (close-on-exec) that keeps the
 * domain alive.  vCPU 0 starts running in the state of a reset, the others wait
 * for INIT and start-up IPIs.
 *
 * -EINVAL	number too large
 * -EEXIST	the domain has this vCPU, or had it
 * -EPERM	the caller's address space is not the domain's (the creator's)
 * -EMFILE, -ENFILE, -ENOMEM	no descriptor or no memory to be had
 */
#define PHV_CREATE_VCPU		_IO(PHV_IOC, 0x10)

#define PHV_MAX_VCPUS		128

/* Flags of struct phv_memory. */
#define PHV_MEMORY_READONLY	_BITUL(0)	/* guest writes go to user space */
#define PHV_MEMORY_LOG_DIRTY	_BITUL(1)	/* PHV_GET_DIRTY knows what was written */

/**
 * struct phv_memory - a region of guest-physical memory
 * @guest_addr: [in] first guest-physical address, bytes, page-aligned
 * @size: [in] bytes, page-aligned, not 0
 * @user_addr: [in] the same memory in the caller's address space, page-aligned
 * @flags: [in] PHV_MEMORY_*
 * @reserved: [in] 0
 *
 * The memory stays the caller's: it can be swapped, shared, discarded, remapped
 * and protected like any other; the guest sees what the caller would see there.
 */
struct phv_memory {
	__u64 guest_addr;
	__u64 size;
	__u64 user_addr;
	__u32 flags;
	__u32 reserved;
};

/**
 * PHV_ADD_MEMORY - ioctl of a domain: give it a region of memory
 *
 * -EINVAL	something is unaligned, zero, wraps, or beyond the guest's
 *		physical address width; the local APICs' page, 0xfee00000, is
 *		in it; unknown flags; reserved not 0
 * -EEXIST	it overlaps a region the domain has
 * -ENOSPC	the domain has PHV_MAX_REGIONS of them
 * -EPERM	the caller's address space is not the domain's
 * -ENOMEM	no memory for the region's bookkeeping
 *
 * Whether there is memory at @user_addr is seen when the guest gets there.
 */
#define PHV_ADD_MEMORY		_IOW(PHV_IOC, 0x11, struct phv_memory)

#define PHV_MAX_REGIONS		512

/**
 * PHV_CHANGE_MEMORY - ioctl of a domain: set the flags of a region
 *
 * @guest_addr, @size and @user_addr must be those of the region.
 * Errors as for PHV_ADD_MEMORY, and
 *
 * -ENOENT	the domain has no such region
 */
#define PHV_CHANGE_MEMORY	_IOW(PHV_IOC, 0x12, struct phv_memory)

/**
 * PHV_REMOVE_MEMORY - ioctl of a domain: take a region away
 *
 * @guest_addr, @size and @user_addr must be those of the region, @flags 0.  On
 * return no vCPU reaches the memory any more.
 *
 * -EINVAL	flags or reserved not 0
 * -ENOENT	the domain has no such region
 * -EPERM	the caller's address space is not the domain's
 */
#define PHV_REMOVE_MEMORY	_IOW(PHV_IOC, 0x13, struct phv_memory)

/**
 * struct phv_dirty - which pages were written
 * @guest_addr: [in] first guest-physical address of interest, page-aligned
 * @size: [in] bytes, page-aligned
 * @bitmap: [in] user address of (@size / 4096) bits, rounded up to 64; the page
 *	at @guest_addr is bit 0 of the first __u64
 * @reserved: [in] 0
 */
struct phv_dirty {
	__u64 guest_addr;
	__u64 size;
	__u64 bitmap;
	__u64 reserved;
};

/**
 * PHV_GET_DIRTY - ioctl of a domain: fetch and clear the dirty log
 *
 * The range must lie within one region that has PHV_MEMORY_LOG_DIRTY.  A page is
 * reported once for any number of writes since it was last reported.
 *
 * -EINVAL	unaligned, empty or wrapping range; reserved not 0
 * -ENOENT	the range is not within a region, or the region is not logged
 * -EPERM	the caller's address space is not the domain's
 */
#define PHV_GET_DIRTY		_IOW(PHV_IOC, 0x14, struct phv_dirty)

/**
 * struct phv_cpuid_entry - what CPUID returns for one leaf
 * @leaf: [in,out] EAX on input
 * @subleaf: [in,out] ECX on input; 0 when the leaf has none
 * @flags: [in,out] PHV_CPUID_*
 * @eax: [in,out] result
 * @ebx: [in,out] result
 * @ecx: [in,out] result
 * @edx: [in,out] result
 * @reserved: [in] 0
 */
struct phv_cpuid_entry {
	__u32 leaf;
	__u32 subleaf;
	__u32 flags;
	__u32 eax;
	__u32 ebx;
	__u32 ecx;
	__u32 edx;
	__u32 reserved;
};

#define PHV_CPUID_SUBLEAF	_BITUL(0)	/* the result depends on ECX */

#define PHV_MAX_CPUID		96

/**
 * struct phv_cpuid - a list of CPUID results
 * @count: [in,out] entries at @entries; on output, those there are
 * @reserved: [in] 0
 * @entries: [in] user address of an array of struct phv_cpuid_entry
 */
struct phv_cpuid {
	__u32 count;
	__u32 reserved;
	__u64 entries;
};

/**
 * PHV_GET_CPUID - ioctl of a domain: what its vCPUs' CPUID returns
 *
 * A new domain's table is the host's less what a guest cannot have.  The bits that follow
 * from a vCPU's state or number (APIC identifier, OSXSAVE, OSPKE, the size of
 * the XSAVE area) are filled in when the guest asks.
 *
 * -E2BIG	@count is too small; it is set to what is needed
 * -EINVAL	reserved not 0
 */
#define PHV_GET_CPUID		_IOWR(PHV_IOC, 0x15, struct phv_cpuid)

/**
 * PHV_SET_CPUID - ioctl of a domain: replace the table
 *
 * To be called before the first vCPU is made.
 *
 * -EINVAL	more than PHV_MAX_CPUID entries, an entry twice, unknown flags,
 *		reserved not 0, or XCR0 bits (leaf 0xD) that the host's table
 *		has not
 * -EBUSY	the domain has a vCPU
 */
#define PHV_SET_CPUID		_IOW(PHV_IOC, 0x16, struct phv_cpuid)

/* What happens to RDMSR and WRMSR of an MSR. */
#define PHV_MSR_DEFAULT		0	/* as the module sees fit */
#define PHV_MSR_FAULT		1	/* #GP */
#define PHV_MSR_IGNORE		2	/* reads @value, writes are dropped */

/**
 * struct phv_msr_policy - how the domain treats an MSR
 * @index: [in] the MSR
 * @action: [in] PHV_MSR_*
 * @value: [in] for PHV_MSR_IGNORE
 * @reserved: [in] 0
 */
struct phv_msr_policy {
	__u32 index;
	__u32 action;
	__u64 value;
	__u64 reserved[2];
};

/**
 * PHV_SET_MSR_POLICY - ioctl of a domain: treat an MSR differently
 *
 * Only MSRs that the module would answer with #GP, and those it emulates, can be
 * changed, not those the processor switches itself.  To be called before the
 * first vCPU is made.
 *
 * -EINVAL	unknown action, or the MSR cannot be changed; reserved not 0
 * -ENOSPC	the domain has 64 such rules
 * -EBUSY	the domain has a vCPU
 */
#define PHV_SET_MSR_POLICY	_IOW(PHV_IOC, 0x17, struct phv_msr_policy)

/* What happens to IN and OUT. */
#define PHV_PORTS_IGNORE	0	/* reads all ones, writes are dropped */
#define PHV_PORTS_USER		1	/* PHV_EXIT_IO */
#define PHV_PORTS_DOORBELL	2	/* a write signals @eventfd; reads all ones */

/**
 * struct phv_ports - how the domain treats a range of I/O ports
 * @first: [in] first port
 * @count: [in] ports in the range, 1 to 65536
 * @action: [in] PHV_PORTS_*
 * @eventfd: [in] for PHV_PORTS_DOORBELL, else -1
 * @reserved: [in] 0
 */
struct phv_ports {
	__u32 first;
	__u32 count;
	__u32 action;
	__s32 eventfd;
	__u64 reserved[2];
};

/**
 * PHV_SET_PORTS - ioctl of a domain: say what a range of I/O ports does
 *
 * The default is PHV_PORTS_IGNORE for all.  A range replaces an equal range;
 * PHV_PORTS_IGNORE removes it.
 *
 * -EINVAL	range beyond port 65535, unknown action, eventfd where none
 *		belongs, reserved not 0
 * -EBADF	@eventfd is not an eventfd
 * -EEXIST	it overlaps a different range
 * -ENOENT	nothing to remove
 * -ENOSPC	the domain has 32 ranges
 */
#define PHV_SET_PORTS		_IOW(PHV_IOC, 0x18, struct phv_ports)

/**
 * struct phv_irqfd - an eventfd that interrupts a vCPU
 * @eventfd: [in] each signal of it delivers @vector
 * @vcpu: [in] number of the vCPU
 * @vector: [in] 16 to 255
 * @flags: [in] PHV_IRQFD_*
 * @reserved: [in] 0
 */
struct phv_irqfd {
	__s32 eventfd;
	__u32 vcpu;
	__u32 vector;
	__u32 flags;
	__u64 reserved[2];
};

#define PHV_IRQFD_REMOVE	_BITUL(0)

/**
 * PHV_SET_IRQFD - ioctl of a domain: bind an eventfd to an interrupt
 *
 * -EINVAL	bad vector, unknown flags, reserved not 0
 * -EBADF	@eventfd is not an eventfd
 * -ENOENT	no such vCPU, or no such binding to remove
 * -EEXIST	this eventfd is bound already
 * -ENOSPC	the domain has 1024 bindings
 */
#define PHV_SET_IRQFD		_IOW(PHV_IOC, 0x19, struct phv_irqfd)

/**
 * PHV_SET_TSC_KHZ - ioctl of a domain: frequency of the guest's TSC
 *
 * Argument: kHz by value; the default is the host's.  To be called before the
 * first vCPU is made, and before PHV_XEN_SETUP.
 *
 * -EINVAL	0, or beyond what the CPU's TSC scaling can do
 * -EOPNOTSUPP	not the host's frequency, and the CPU has no TSC scaling
 * -EBUSY	the domain has a vCPU, or is a Xen domain
 */
#define PHV_SET_TSC_KHZ		_IO(PHV_IOC, 0x1a)

/*
 * Xen domains: guests that speak Xen's interface for HVM and PVH domains.
 * What follows is for a domain on which PHV_XEN_SETUP was called; before it
 * all fail with -ENXIO.  All fail with -EPERM when the caller's address space
 * is not the domain's.  Domain 0, of which guests know, is the caller.
 */

/**
 * struct phv_xen_setup - argument of PHV_XEN_SETUP
 * @frames_addr: [in] user address, page-aligned, of PHV_XEN_FRAMES(@grant_frames)
 *	pages: the shared_info page, then the grant table's frames, then its status
 *	frames, which version 2 of the table uses. They stay the caller's, who
 *	reads grants there; the module keeps them in memory
 * @grant_frames: [in] 1 to PHV_XEN_MAX_GRANT_FRAMES
 * @flags: [in] PHV_XEN_*
 * @max_pages: [in] pages of memory that the domain may have at most (Xen's
 *	maximum reservation), not 0
 * @reserved: [in] 0
 */
struct phv_xen_setup {
	__u64 frames_addr;
	__u32 grant_frames;
	__u32 flags;
	__u64 max_pages;
	__u64 reserved[4];
};

#define PHV_XEN_MAX_GRANT_FRAMES	64

/* Two bytes of status for each of the 256 grants that a frame of version 2 has. */
#define PHV_XEN_STATUS_FRAMES(grant_frames)	(((grant_frames) + 7) / 8)

/* 1 + grant_frames + PHV_XEN_STATUS_FRAMES(grant_frames) */
#define PHV_XEN_FRAMES(grant_frames)		(1 + ((grant_frames) * 9 + 7) / 8)

#define PHV_XEN_NO_FIFO			_BITUL(0)	/* 2-level event channels only */
#define PHV_XEN_NO_UPCALL_VECTOR	_BITUL(1)	/* no per-vCPU upcall vectors */
#define PHV_XEN_NATIVE_TSC		_BITUL(2)	/* the TSC is the guest's best clock */

/*
 * Memory that the guest has given back, when it touches it, is a page of ones, which takes
 * what is written: one page, the module's, for all of it. Without, it is PHV_EXIT_MEMORY.
 */
#define PHV_XEN_SCRATCH			_BITUL(3)

/**
 * PHV_XEN_SETUP - ioctl of a domain: make it a Xen domain
 *
 * To be called once, before the first vCPU is made and after PHV_SET_CPUID,
 * if that is called at all: it adds the leaves from 0x40000000 on.
 *
 * -EINVAL	something is unaligned, zero or too large; unknown flags;
 *		reserved not 0
 * -EBUSY	the domain has a vCPU, or is a Xen domain
 * -EFAULT	there is no writable memory at @frames_addr
 * -ENOSPC	no room for the leaves in the domain's CPUID table
 * -ENOMEM	no memory to be had
 */
#define PHV_XEN_SETUP		_IOW(PHV_IOC, 0x30, struct phv_xen_setup)

/**
 * struct phv_xen_param - an HVM parameter
 * @index: [in] HVM_PARAM_* of Xen's <xen/hvm/params.h>
 * @reserved: [in] 0
 * @value: [in,out]
 */
struct phv_xen_param {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

/*
 * -EINVAL when there is no such parameter, or reserved is not 0. The value is not looked
 * at, but for HVM_PARAM_CALLBACK_IRQ: errors as the guest would get them.
 */
#define PHV_XEN_GET_PARAM	_IOWR(PHV_IOC, 0x31, struct phv_xen_param)
#define PHV_XEN_SET_PARAM	_IOW(PHV_IOC, 0x32, struct phv_xen_param)

/**
 * struct phv_xen_memory_entry - a line of the memory map that the guest can ask for
 * @addr: [in] first guest-physical address
 * @size: [in] bytes
 * @type: [in] E820 type: 1 RAM, 2 reserved, 3 ACPI, 4 NVS, 5 unusable
 * @reserved: [in] 0
 */
struct phv_xen_memory_entry {
	__u64 addr;
	__u64 size;
	__u32 type;
	__u32 reserved;
};

/**
 * struct phv_xen_memory_map - the memory map
 * @count: [in] entries, 1 to PHV_XEN_MAX_MEMORY_MAP
 * @reserved: [in] 0
 * @entries: [in] user address of an array of struct phv_xen_memory_entry
 */
struct phv_xen_memory_map {
	__u32 count;
	__u32 reserved;
	__u64 entries;
};

#define PHV_XEN_MAX_MEMORY_MAP	128

/* What XENMEM_memory_map gives. -EINVAL for a bad count or a reserved member. */
#define PHV_XEN_SET_MEMORY_MAP	_IOW(PHV_IOC, 0x33, struct phv_xen_memory_map)

/**
 * struct phv_evtchn - domain 0's end of an interdomain event channel
 * @port: [in,out] the guest's port
 * @kick: [in] eventfd that is signalled when the guest sends, or -1
 * @call: [in] eventfd each signal of which raises the port in the guest, or -1
 * @flags: [in] 0
 * @reserved: [in] 0
 */
struct phv_evtchn {
	__u32 port;
	__s32 kick;
	__s32 call;
	__u32 flags;
	__u64 reserved[2];
};

/**
 * PHV_EVTCHN_ALLOC - ioctl of a domain: an unbound port of the guest for domain 0
 *
 * As the guest's own EVTCHNOP_alloc_unbound would make it; the only member that
 * is looked at is @flags, and @port is the result.
 *
 * -ENOSPC	the guest has no free port
 * -EINVAL	flags or reserved not 0
 */
#define PHV_EVTCHN_ALLOC	_IOWR(PHV_IOC, 0x34, struct phv_evtchn)

/**
 * PHV_EVTCHN_BIND - ioctl of a domain: take domain 0's end of a channel
 *
 * The port must be unbound and for domain 0: made by PHV_EVTCHN_ALLOC, or by the
 * guest. @kick is signalled once, as Xen does it: what the guest sent before is not
 * known. A signal of @call from before counts. When the guest closes the port,
 * or resets its event channels, the binding ends.
 *
 * -EINVAL	no such port, or it is not unbound and for domain 0; flags or
 *		reserved not 0
 * -EBADF	a descriptor is not an eventfd
 */
#define PHV_EVTCHN_BIND		_IOW(PHV_IOC, 0x35, struct phv_evtchn)

/*
 * PHV_EVTCHN_UNBIND - ioctl of a domain: give up domain 0's end of a channel
 *
 * Argument: the guest's port by value; it is unbound then.
 * -EINVAL when it is not bound to domain 0.
 */
#define PHV_EVTCHN_UNBIND	_IO(PHV_IOC, 0x36)

/*
 * PHV_EVTCHN_SEND - ioctl of a domain: raise a port that is bound to domain 0
 *
 * Argument: the guest's port by value. -EINVAL when it is not.
 */
#define PHV_EVTCHN_SEND		_IO(PHV_IOC, 0x37)

/*
 * PHV_XEN_RESUME - ioctl of a domain: go on after SHUTDOWN_suspend
 *
 * Argument by value: what SCHEDOP_shutdown returns in the guest, 1 when the
 * suspend was called off, 0 after a restore.  -EINVAL for another argument, or
 * when the domain is not in SHUTDOWN_suspend.
 */
#define PHV_XEN_RESUME		_IO(PHV_IOC, 0x38)

/**
 * struct phv_xen_grants - the form of a guest's grant table
 * @version: [out] 1 or 2: the layout of grants, and whether status frames are in use
 * @frames: [out] frames that are in use
 * @reserved: [out] 0
 *
 * A guest changes the version while none of its grants is in use, but for the
 * first 8, which are kept.
 */
struct phv_xen_grants {
	__u32 version;
	__u32 frames;
	__u64 reserved[3];
};

#define PHV_XEN_GET_GRANTS	_IOR(PHV_IOC, 0x39, struct phv_xen_grants)

/*
 * A vCPU's descriptor.  Its ioctls wait for each other, and give -EINTR when a
 * signal handler has run meanwhile; the run page can be mapped from it, one page at
 * offset 0.  All fail with -EPERM when the caller's address space is not the domain's.
 */

/* phv_run.exit_reason */
#define PHV_EXIT_NONE		0	/* it has not run yet */
#define PHV_EXIT_INTR		1	/* signal or immediate_exit; PHV_RUN gave -EINTR */
#define PHV_EXIT_IO		2	/* IN or OUT, INS or OUTS, of a PHV_PORTS_USER port */
#define PHV_EXIT_MEMORY		3	/* access to a hole, or write to read-only memory */
#define PHV_EXIT_HALTED		4	/* HLT with interrupts off on all vCPUs */
#define PHV_EXIT_SHUTDOWN	5	/* triple fault */
#define PHV_EXIT_ENTRY_FAILED	6	/* the processor refused the guest's state */
#define PHV_EXIT_UNHANDLED	7	/* an exit the module has no answer for */
#define PHV_EXIT_XEN_SHUTDOWN	8	/* SCHEDOP_shutdown */
#define PHV_EXIT_XEN_CONSOLE	9	/* CONSOLEIO_write */
#define PHV_EXIT_XEN_RELEASE	10	/* XENMEM_decrease_reservation */

/**
 * struct phv_run - the page a vCPU shares with its thread
 * @immediate_exit: [in] not 0: PHV_RUN returns -EINTR instead of running on;
 *	a signal handler sets it to close the race with a signal that comes
 *	just before the ioctl
 * @exit_reason: [out] PHV_EXIT_*
 * @io: [out] for PHV_EXIT_IO; @io.data is [in] for reads when PHV_RUN goes on
 * @memory: [out] for PHV_EXIT_MEMORY
 * @entry: [out] for PHV_EXIT_ENTRY_FAILED and PHV_EXIT_UNHANDLED
 *
 * The kernel writes the output members before PHV_RUN returns, and reads the
 * input members when PHV_RUN is called, once each.
 */
struct phv_run {
	__u8 immediate_exit;
	__u8 reserved[3];
	__u32 exit_reason;
	union {
		/**
		 * @io: an I/O instruction, or one element of a string
		 * @io.port: first port
		 * @io.size: bytes: 1, 2 or 4
		 * @io.write: 1 OUT, 0 IN
		 * @io.data: what is written, or the answer
		 */
		struct {
			__u16 port;
			__u8 size;
			__u8 write;
			__u32 data;
		} io;
		/**
		 * @memory: an access that found no memory; the instruction has
		 * had no effect and is done again by the next PHV_RUN
		 * @memory.guest_addr: guest-physical address
		 * @memory.access: PHV_ACCESS_*
		 */
		struct {
			__u64 guest_addr;
			__u32 access;
			__u32 reserved;
		} memory;
		/**
		 * @entry: why the guest cannot go on
		 * @entry.reason: the VM-exit reason field, or for a failed
		 *	VMLAUNCH or VMRESUME 0x80000000
		 * @entry.error: VM-instruction error, or 0
		 * @entry.qualification: exit qualification
		 */
		struct {
			__u32 reason;
			__u32 error;
			__u64 qualification;
		} entry;
		/**
		 * @shutdown: the guest asked for the end of the domain, or a
		 * watchdog of its has expired; every vCPU stops, and stays so: PHV_RUN
		 * gives this, on each of them, again and again. When it has on all,
		 * nothing of the guest changes any more.
		 * Reason 2 (suspend): PHV_XEN_RESUME goes on
		 * @shutdown.reason: SHUTDOWN_* of Xen's <xen/sched.h>
		 */
		struct {
			__u32 reason;
			__u32 reserved;
		} shutdown;
		/**
		 * @console: bytes that the guest writes; the next PHV_RUN goes on
		 * @console.length: 1 to 240
		 * @console.data: the bytes, not terminated
		 */
		struct {
			__u32 length;
			__u32 reserved;
			__u8 data[240];
		} console;
		/**
		 * @release: guest frames that the guest gives back. They are holes
		 * from now on; what they held can be freed (MADV_REMOVE,
		 * MADV_DONTNEED). The next PHV_RUN goes on
		 * @release.count: entries of @release.extent that count, 1 to 15
		 * @release.extent.gfn: first guest frame
		 * @release.extent.pages: frames
		 */
		struct {
			__u32 count;
			__u32 reserved;
			struct {
				__u64 gfn;
				__u64 pages;
			} extent[15];
		} release;
		__u64 padding[31];
	};
};

/* phv_run.memory.access */
#define PHV_ACCESS_READ		_BITUL(0)
#define PHV_ACCESS_WRITE	_BITUL(1)
#define PHV_ACCESS_EXECUTE	_BITUL(2)

/**
 * PHV_RUN - ioctl of a vCPU: run it until something is for user space
 *
 * No argument.  Returns 0 and phv_run.exit_reason says what.
 *
 * -EINTR	a signal handler has run, or immediate_exit is set; without a
 *		handler, the call goes on by itself
 * -EFAULT	memory of the domain cannot be had (unmapped, poisoned, no
 *		access); phv_run.memory says where
 * -EIO		the host has lost VMX (reboot, failed resume)
 */
#define PHV_RUN			_IO(PHV_IOC, 0x20)

/**
 * struct phv_regs - general state
 * @gpr: [in,out] RAX RCX RDX RBX RSP RBP RSI RDI R8 … R15, by their encoding
 * @rip: [in,out]
 * @rflags: [in,out]
 */
struct phv_regs {
	__u64 gpr[16];
	__u64 rip;
	__u64 rflags;
};

/* -EINVAL when RFLAGS has reserved bits wrong */
#define PHV_GET_REGS		_IOR(PHV_IOC, 0x21, struct phv_regs)
#define PHV_SET_REGS		_IOW(PHV_IOC, 0x22, struct phv_regs)

/**
 * struct phv_segment - a segment register
 * @base: [in,out]
 * @limit: [in,out] bytes
 * @access: [in,out] access rights as the VMCS has them (SDM volume 3, table
 *	25-2); bit 16 is "unusable"
 * @selector: [in,out]
 * @reserved: [in] 0
 */
struct phv_segment {
	__u64 base;
	__u32 limit;
	__u32 access;
	__u16 selector;
	__u16 reserved[3];
};

/* Index of phv_control.segment, in the order of the VMCS. */
#define PHV_SEG_ES		0
#define PHV_SEG_CS		1
#define PHV_SEG_SS		2
#define PHV_SEG_DS		3
#define PHV_SEG_FS		4
#define PHV_SEG_GS		5
#define PHV_SEG_LDTR		6
#define PHV_SEG_TR		7

/**
 * struct phv_control - segments, control and debug registers
 * @segment: [in,out] by PHV_SEG_*
 * @gdt_base: [in,out]
 * @idt_base: [in,out]
 * @gdt_limit: [in,out]
 * @idt_limit: [in,out]
 * @cr0: [in,out] as the guest reads it, like the others
 * @cr2: [in,out]
 * @cr3: [in,out]
 * @cr4: [in,out]
 * @cr8: [in,out] 0 to 15
 * @efer: [in,out] IA32_EFER
 * @apic_base: [in,out] IA32_APIC_BASE
 * @xcr0: [in,out]
 * @dr: [in,out] DR0 to DR3
 * @dr6: [in,out]
 * @dr7: [in,out]
 * @pdpte: [in,out] the PDPTE registers; used in PAE paging mode
 * @reserved: [in] 0
 */
struct phv_control {
	struct phv_segment segment[8];
	__u64 gdt_base;
	__u64 idt_base;
	__u32 gdt_limit;
	__u32 idt_limit;
	__u64 cr0;
	__u64 cr2;
	__u64 cr3;
	__u64 cr4;
	__u64 cr8;
	__u64 efer;
	__u64 apic_base;
	__u64 xcr0;
	__u64 dr[4];
	__u64 dr6;
	__u64 dr7;
	__u64 pdpte[4];
	__u64 reserved[8];
};

/*
 * -EINVAL when a register has bits that the vCPU cannot have.  What one
 * register says about another (SDM volume 3, 27.3.1) is the processor's to
 * check: PHV_RUN then reports PHV_EXIT_ENTRY_FAILED.
 */
#define PHV_GET_CONTROL		_IOR(PHV_IOC, 0x23, struct phv_control)
#define PHV_SET_CONTROL		_IOW(PHV_IOC, 0x24, struct phv_control)

/**
 * struct phv_msr - one MSR, or one field of the VMCS
 * @index: [in]
 * @reserved: [in] 0
 * @value: [in,out]
 */
struct phv_msr {
	__u32 index;
	__u32 reserved;
	__u64 value;
};

/**
 * struct phv_msrs - a list of MSRs
 * @count: [in] entries at @entries, at most 256
 * @reserved: [in] 0
 * @entries: [in] user address of an array of struct phv_msr
 */
struct phv_msrs {
	__u32 count;
	__u32 reserved;
	__u64 entries;
};

/* Return how many were read or written; the next one would be a #GP. */
#define PHV_GET_MSRS		_IOW(PHV_IOC, 0x25, struct phv_msrs)
#define PHV_SET_MSRS		_IOW(PHV_IOC, 0x26, struct phv_msrs)

/**
 * PHV_GET_VMCS - ioctl of a vCPU: read fields of its VMCS
 *
 * Argument: struct phv_msrs; @index of an entry is the encoding of a field (SDM volume 3,
 * appendix B). For finding out why an entry failed; what means something to a program is in
 * the other structs. The VM-entry interruption information is 0 while the vCPU does not run:
 * PHV_GET_EVENTS has what is to be injected.
 *
 * Returns how many were read; the next one is not there, or not for the caller: host state
 * and the 64-bit control fields, which are addresses for the most part, are for
 * CAP_SYS_RAWIO.
 *
 * -EINVAL	count too large, or a reserved member is not 0
 */
#define PHV_GET_VMCS		_IOW(PHV_IOC, 0x3a, struct phv_msrs)

/**
 * struct phv_xsave - FPU, SSE, AVX … state
 * @size: [in,out] bytes at @area; on output those there are
 * @reserved: [in] 0
 * @area: [in] user address of an XSAVE area in standard (not compacted) format
 */
struct phv_xsave {
	__u32 size;
	__u32 reserved;
	__u64 area;
};

/*
 * -E2BIG	GET: @size is too small; it is set to what is needed
 * -EINVAL	SET: @size is not that, or the header or MXCSR is not valid
 */
#define PHV_GET_XSAVE		_IOWR(PHV_IOC, 0x27, struct phv_xsave)
#define PHV_SET_XSAVE		_IOW(PHV_IOC, 0x28, struct phv_xsave)

/**
 * struct phv_lapic - the local APIC's registers
 * @regs: [in,out] the page of SDM volume 3, table 11-1; the identifier is in x2APIC form
 *	(32 bits) when IA32_APIC_BASE says x2APIC
 * @tsc_deadline: [in,out] IA32_TSC_DEADLINE
 * @reserved: [in] 0
 */
struct phv_lapic {
	__u32 regs[1024];
	__u64 tsc_deadline;
	__u64 reserved[3];
};

/* -EINVAL when a register has bits that it cannot have */
#define PHV_GET_LAPIC		_IOR(PHV_IOC, 0x29, struct phv_lapic)
#define PHV_SET_LAPIC		_IOW(PHV_IOC, 0x2a, struct phv_lapic)

/* phv_events.activity */
#define PHV_ACTIVE		0
#define PHV_HALTED		1
#define PHV_WAIT_FOR_SIPI	2
#define PHV_SHUTDOWN		3

/**
 * struct phv_events - what is on its way into the guest
 * @activity: [in,out] PHV_ACTIVE…
 * @interruptibility: [in,out] blocking: bit 0 by STI, 1 by MOV SS, 3 by NMI
 * @nmi_pending: [in,out] 0 to 2
 * @exception_valid: [in,out] 1: an event (@exception…) is to be delivered next
 * @exception: [in,out] VM-entry interruption information (SDM volume 3, 25.8.3)
 * @exception_error: [in,out] its error code
 * @exception_length: [in,out] its instruction length
 * @reserved: [in] 0
 */
struct phv_events {
	__u32 activity;
	__u32 interruptibility;
	__u32 nmi_pending;
	__u32 exception_valid;
	__u32 exception;
	__u32 exception_error;
	__u32 exception_length;
	__u32 reserved[5];
};

/* -EINVAL when a member is out of range */
#define PHV_GET_EVENTS		_IOR(PHV_IOC, 0x2b, struct phv_events)
#define PHV_SET_EVENTS		_IOW(PHV_IOC, 0x2c, struct phv_events)

/**
 * PHV_INTERRUPT - ioctl of a vCPU: deliver a fixed, edge-triggered interrupt
 *
 * Argument: the vector by value, 16 to 255 (-EINVAL).  Does not wait for
 * PHV_RUN.  Returns 0, also when the local APIC is disabled and drops it.
 */
#define PHV_INTERRUPT		_IO(PHV_IOC, 0x2d)

/* PHV_NMI - ioctl of a vCPU: deliver an NMI.  Does not wait for PHV_RUN. */
#define PHV_NMI			_IO(PHV_IOC, 0x2e)

/**
 * struct phv_counters - what a vCPU has been through
 * @exits: [out] VM exits by basic exit reason
 * @user_exits: [out] returns of PHV_RUN with 0
 * @interrupts: [out] interrupts injected by VM entry
 * @nmis: [out] NMIs injected
 * @exceptions: [out] exceptions injected
 * @posted: [out] interrupts posted to it by a notification, without an exit
 * @ept_faults: [out] EPT violations that mapped memory
 * @flushes: [out] INVVPID and INVEPT for its sake
 * @blocked: [out] times it waited in HLT
 * @migrations: [out] times it moved to another host CPU
 * @hypercalls_unknown: [out] hypercalls that gave -ENOSYS
 * @hypercalls_refused: [out] hypercalls that gave -EPERM
 * @hypercalls: [out] hypercalls by number, those of multicalls too; the last one is for
 *	all numbers from there on
 * @reserved: [out] 0
 */
struct phv_counters {
	__u64 exits[80];
	__u64 user_exits;
	__u64 interrupts;
	__u64 nmis;
	__u64 exceptions;
	__u64 posted;
	__u64 ept_faults;
	__u64 flushes;
	__u64 blocked;
	__u64 migrations;
	__u64 hypercalls_unknown;
	__u64 hypercalls_refused;
	__u64 hypercalls[64];
	__u64 reserved[37];
};

/* Does not wait for PHV_RUN. */
#define PHV_GET_COUNTERS	_IOR(PHV_IOC, 0x2f, struct phv_counters)

#endif /* _UAPI_PHV_H */
