/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * EPT: the tables, their faults and flushes, the dirty log.
 *
 * The order of the locks, from the outside to the inside: memory.mutex; the
 * owner's mmap_lock and page-table locks; ept.lock.  Documentation/memory.rst
 * tells how the parts work together.
 */
#ifndef PHV_EPT_H
#define PHV_EPT_H

#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <asm/page_types.h>

struct list_head;
struct page;
struct phv_domain;
struct phv_vcpu;

/* Levels of the tables, by what an entry covers. */
#define EPT_4K		1
#define EPT_2M		2
#define EPT_1G		3
#define EPT_ROOT	4

/* Guest-physical addresses that four levels can translate. */
#define EPT_ADDRESS_BITS	48

/*
 * A domain's EPT.
 *
 * What protects a member:
 *	I	immutable after creation
 *	l	@lock: entries gain rights under its read half, with cmpxchg(),
 *		and lose them under its write half
 *	a	atomic
 *	c	that CPU's, interrupts off
 */
struct ept {
	rwlock_t lock;
	u64 *root;			/* I; entries l */
	atomic64_t generation;		/* a: moves when a right is taken away */
	atomic64_t flushed;		/* a: all CPUs have forgotten what was before */
	cpumask_var_t cpus;		/* a: where vCPUs are loaded */
	u64 __percpu *seen;		/* c: generation of the CPU's last INVEPT */
	atomic_t logged;		/* a: regions with a dirty log */
	void *apic_page;		/* I: the APIC-access page, or NULL: see ept_map_apic() */
};

/* New tables that one fault may need, at most. */
#define EPT_SPARE_TABLES	(EPT_ROOT - EPT_4K)

/*
 * A vCPU's part; of its thread, but for the log's contents, which belong to the
 * CPU it is loaded on, interrupts off.
 */
struct ept_vcpu {
	u64 *spare[EPT_SPARE_TABLES];	/* zeroed tables for the next fault */
	unsigned int spares;
	u64 *log;			/* page-modification log, or NULL without PML */
};

/* The value for the VMCS's EPTP field. */
u64 ept_pointer(const struct phv_domain *domain);

/* EPT's part of a vCPU and of its VMCS (EPTP, PML); vmcs_init() calls the last. */
int ept_create_vcpu(struct phv_vcpu *vcpu);
void ept_destroy_vcpu(struct phv_vcpu *vcpu);
void ept_setup_vmcs(struct phv_vcpu *vcpu);

/*
 * The vCPU comes to this CPU, or leaves it; preemption off, VMCS current.
 * From load to put this CPU takes part in flushes, and load makes up for those it missed.
 */
void ept_load(struct phv_vcpu *vcpu);
void ept_put(struct phv_vcpu *vcpu);

/*
 * Map the APIC-access page where guests in xAPIC mode look for their local APICs. 1 or
 * -ENOMEM. Process context, the vCPU loaded.
 */
int ept_map_apic(struct phv_vcpu *vcpu);

/*
 * The guest has touched what it has given back: PHV_XEN_SCRATCH. 1 when it can be tried
 * again, 0 when it is something else, -ENOMEM. Process context, owner's address space.
 */
int ept_map_hole(struct phv_vcpu *vcpu, u64 gpa);

/*
 * What a translation leads to has changed for this vCPU, without any change of the EPT:
 * forget them on this CPU now, and on others when the vCPU comes there. Loaded.
 */
void ept_flush_vcpu(struct phv_vcpu *vcpu);

/* The same for all vCPUs; done on return. Interrupts on. */
void ept_flush_all(struct ept *ept);

/* Exit: the page-modification log is full. Result as of all handlers; interrupts off. */
int ept_exit_pml_full(struct phv_vcpu *vcpu);

/*
 * The rest is for module/memory.c and module/ept/ only.
 */

/* tables.c: see there for what each function wants held. */
int ept_max_level(bool execute);
int ept_create(struct ept *ept);
void ept_destroy(struct ept *ept);
int ept_spare_tables(struct ept_vcpu *vcpu);

/* Has ept_map() what it may need? */
static inline bool ept_has_spare_tables(const struct ept_vcpu *vcpu)
{
	return vcpu->spares == EPT_SPARE_TABLES;
}

void ept_free_spare_tables(struct ept_vcpu *vcpu);

/**
 * struct ept_page - what ept_map() is to map
 * @gfn: guest frame
 * @pfn: host frame that backs it
 * @level: EPT_4K to EPT_1G; at the larger ones the aligned area around @gfn is mapped
 * @host_writable: the owner may write it
 * @writable: so may the guest, at once
 * @dirty: a write by the guest needs no logging
 */
struct ept_page {
	u64 gfn;
	u64 pfn;
	int level;
	bool host_writable;
	bool writable;
	bool dirty;
};

void ept_map(struct ept *ept, struct ept_vcpu *vcpu, const struct ept_page *page);
bool ept_make_writable(struct ept *ept, u64 gfn, u64 *pfn);

void ept_zap(struct ept *ept, u64 start, u64 end, struct list_head *tables);
void ept_write_protect(struct ept *ept, u64 start, u64 end);
void ept_log_writes(struct ept *ept, u64 start, u64 end);
void ept_log_again(struct ept *ept, u64 gfn, unsigned long pages);
bool ept_test_young(struct ept *ept, u64 start, u64 end, bool clear);
void ept_free_tables(struct list_head *tables, bool may_sleep);

/* flush.c */
int ept_flush_create(struct ept *ept);
void ept_flush_destroy(struct ept *ept);
void ept_flush(struct ept *ept);

/* Would ept_flush() have anything to do? */
static inline bool ept_needs_flush(struct ept *ept)
{
	return atomic64_read(&ept->flushed) < atomic64_read(&ept->generation);
}

void ept_drain_logs(struct ept *ept);

/* dirty.c */
void ept_drain_log(struct phv_vcpu *vcpu);

#endif /* PHV_EPT_H */
