/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ioctl fuzzer's calls: what ioctl_fuzz.c makes programs of, and ioctl_fuzz_calls.c does.
 *
 * A call names a description and has a number for each of its fields. Descriptors and addresses
 * are not among them: a call says "domain 1" or "region 2, 4096 bytes behind its start", and
 * what that is, is seen when the call is made. So a program means the same in each run, and
 * as text.
 */
#ifndef IOCTL_FUZZ_H
#define IOCTL_FUZZ_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/types.h>

#define FUZZ_FIELDS	10	/* of a call, at most */
#define FUZZ_THREADS	4
#define FUZZ_CALLS	160	/* of a program, at most */
#define FUZZ_AREA	0x2000	/* bytes of a thread's own for arguments */

/* Descriptors, in slots of one kind each. */
enum fuzz_kind {
	FD_NONE, FD_DEVICE, FD_DOMAIN, FD_VCPU, FD_EVENTFD, FD_OTHER, FD_KINDS
};

#define FUZZ_SLOTS	6	/* of each kind */

/* How a field's number is printed, and what becomes of it. */
enum fuzz_type { FIELD_NUMBER, FIELD_FD, FIELD_POINTER };

/**
 * struct fuzz_field - a field of a call
 * @name: what it is called
 * @type: see above
 * @offset: where it is in the argument's struct
 * @size: bytes there; 0 if the number is the call's own
 * @make: a number for it
 * @param: for @make
 */
struct fuzz_field {
	const char *name;
	enum fuzz_type type;
	__u16 offset;
	__u8 size;
	__u64 (*make)(__u64 *random, __u64 param);
	__u64 param;
};

struct fuzz_call {
	__u16 what;		/* index of its description */
	__u16 thread;		/* who makes it; FUZZ_THREADS: all wait for it to be over */
	__u64 arg[FUZZ_FIELDS];
};

struct fuzz_program {
	unsigned int count;
	struct fuzz_call call[FUZZ_CALLS];
};

/* A thread that makes calls. */
struct fuzz_thread {
	unsigned int id;
	__u8 *area;		/* argument */
	__u8 *list;		/* what the argument points to */
};

/**
 * struct fuzz_description - something that can be called
 * @name: its name in a program's text
 * @weight: how often, relative to others
 * @request: the ioctl's number, 0 for what is none
 * @errnos: those that <phv.h> has for it, besides those of all; 0 ends them
 * @call: do it: result or a negative errno. NULL: an ioctl with a plain struct
 * @field: its fields; for an ioctl, the first one is the descriptor
 */
struct fuzz_description {
	const char *name;
	unsigned int weight;
	unsigned int request;
	const short *errnos;
	long (*call)(struct fuzz_thread *thread, const struct fuzz_call *call);
	struct fuzz_field field[FUZZ_FIELDS];
};

extern const struct fuzz_description fuzz_descriptions[];
extern const unsigned int fuzz_description_count;

/* Descriptors and regions, in their first state; in the process that makes the calls. */
void fuzz_calls_begin(void);

/* Make a call: its result, or a negative errno. */
long fuzz_call(struct fuzz_thread *thread, const struct fuzz_call *call);

/* Is that a result that <phv.h> has for this call? */
bool fuzz_result_is_known(const struct fuzz_call *call, long result);

/* A description at random, by weight. */
unsigned int fuzz_pick(__u64 *random);

/* Its fields, at random. */
void fuzz_make_call(__u64 *random, unsigned int what, struct fuzz_call *call);

/* The index of a description, -1 if there is none of that name. */
int fuzz_find(const char *name);

/* FIELD_FD and FIELD_POINTER: numbers of these. */
#define FUZZ_FD(kind, index)		((__u64)(kind) << 8 | (index))
#define FUZZ_POINTER(region, offset)	((__u64)((region) + 1) << 32 | (offset))
#define FUZZ_OWN			0	/* the thread's own area, or list */

#define FUZZ_REGIONS			6
#define FUZZ_KERNEL			FUZZ_REGIONS		/* "region" of the kernel's */
#define FUZZ_NULL			(FUZZ_REGIONS + 1)	/* and at address 0 */

#endif /* IOCTL_FUZZ_H */
