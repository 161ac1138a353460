/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vm - the domain itself: its memory, its vCPUs and their threads.
 *
 * Functions are the main thread's.  The threads of the vCPUs are in here alone;
 * what they have to say they leave in struct vm and signal @notice.
 */
#ifndef _VM_H
#define _VM_H

#include <pthread.h>
#include <stdbool.h>

#include <boot.h>
#include <phv.h>

#include "config.h"
#include "console.h"

/* Frames of the grant table. */
#define VM_GRANT_FRAMES		32

/* Why a guest does not go on. */
enum vm_end {
	VM_GOES_ON,
	VM_POWEROFF,
	VM_HALT,
	VM_REBOOT,
	VM_CRASH,
	VM_FAILED,	/* it is not the guest's fault */
};

struct vm;

/**
 * struct vm_vcpu - a vCPU
 * @vm: its domain
 * @number: its number
 * @fd: its descriptor, or -1
 * @run: the page shared with the module
 * @thread: its thread
 * @started: there is a thread
 * @output: bytes of what the guest writes to the console that were taken; the
 *	thread's own
 */
struct vm_vcpu {
	struct vm *vm;
	unsigned int number;
	int fd;
	struct phv_run *run;
	pthread_t thread;
	bool started;
	__u32 output;
};

/**
 * struct vm_channel - an event channel to the guest
 * @port: the guest's port
 * @kick: eventfd by which the guest signals
 * @call: eventfd by which the guest is signalled
 */
struct vm_channel {
	__u32 port;
	int kick;
	int call;
};

/**
 * struct vm - a domain
 * @fd: its descriptor, or -1
 * @id: its number
 * @device: /dev/phv, from vm_build() on
 * @memory: its memory
 * @nothing: a page of ones, for where there is no memory
 * @nothings: (l) at how many places it is
 * @frames: the shared_info page, the grant table and its status
 * @console: where its output goes
 * @vcpu: the vCPUs
 * @vcpus: how many there are
 * @notice: eventfd, signalled when @end changes
 * @lock: protects what is marked (l)
 * @changed: (l) @wanted, @quit or @parked has changed
 * @go: (l) the vCPUs are to run
 * @quit: (l) their threads are to end
 * @parked: (l) how many threads wait
 * @end: (l) why the guest does not go on
 * @why: (l) the same in words, for VM_CRASH and VM_FAILED
 */
struct vm {
	int fd;
	__u32 id;
	int device;
	struct guest_memory memory;
	void *nothing;
	unsigned int nothings;
	void *frames;
	struct console *console;
	struct vm_vcpu *vcpu;
	unsigned int vcpus;
	int notice;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool go;
	bool quit;
	unsigned int parked;
	enum vm_end end;
	char why[200];
};

int vm_init(struct vm *vm, struct console *console);
int vm_build(struct vm *vm, const struct config *config, int device, int kernel,
	     int initrd, struct phv_error *error);
void vm_unpause(struct vm *vm);
void vm_pause(struct vm *vm);
void vm_destroy(struct vm *vm);
int vm_open_channel(struct vm *vm, struct vm_channel *channel);
int vm_bind_channel(struct vm *vm, __u32 port, struct vm_channel *channel);
void vm_unbind_channel(struct vm *vm, struct vm_channel *channel);
void *vm_page(struct vm *vm, __u64 gfn);

#endif /* _VM_H */
