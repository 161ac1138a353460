// SPDX-License-Identifier: GPL-2.0-only
/*
 * phv and KVM beside each other.  Whoever holds VMX keeps it, the other is told
 * so, and both work when the one has let go.
 *
 * KVM takes VMX with its first VM; from Linux 6.12 on it does so when kvm_intel
 * is loaded, unless kvm.enable_virt_at_load=0.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "phvtest.h"

#define AT_LOAD		"/sys/module/kvm/parameters/enable_virt_at_load"
#define GUEST_CODE	0x1000
#define GUEST_PORT	0x10
#define GUEST_BYTE	0x42

static int phv;
static bool kvm_has_at_load;

static bool kvm_load(const char *parameters)
{
	return !run_command("modprobe kvm %s 2>/dev/null && modprobe kvm_intel 2>/dev/null",
			    parameters);
}

static bool kvm_unload(void)
{
	run_command("rmmod kvm_intel 2>/dev/null");
	run_command("rmmod kvm 2>/dev/null");
	return !module_is_loaded("kvm_intel") && !module_is_loaded("kvm");
}

/* Has KVM, as loaded now, taken VMX with its load? */
static bool kvm_takes_at_load(void)
{
	return !run_command("grep -q Y " AT_LOAD " 2>/dev/null");
}

/* Returns a VM's descriptor or a negative errno. */
static int vm_create(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;

	if (kvm < 0)
		return -errno;
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (vm < 0)
		vm = -errno;
	close(kvm);
	return vm;
}

static bool vcpu_set_up(int vcpu)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return false;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return !ioctl(vcpu, KVM_SET_SREGS, &sregs) &&
	       !ioctl(vcpu, KVM_SET_REGS, &regs);
}

/* The guest writes a byte to a port and halts. */
static bool vcpu_runs(int vcpu)
{
	/* The run page, and behind it the data of port accesses. */
	const size_t size = 2 * 4096;
	struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_SHARED, vcpu, 0);
	bool ok;

	if (run == MAP_FAILED)
		return false;
	ok = vcpu_set_up(vcpu) && !ioctl(vcpu, KVM_RUN, 0) &&
	     run->exit_reason == KVM_EXIT_IO && run->io.port == GUEST_PORT &&
	     ((unsigned char *)run)[run->io.data_offset] == GUEST_BYTE &&
	     !ioctl(vcpu, KVM_RUN, 0) && run->exit_reason == KVM_EXIT_HLT;
	if (!ok)
		ksft_print_msg("KVM: exit reason %u, %s\n", run->exit_reason,
			       strerror(errno));
	munmap(run, size);
	return ok;
}

static bool vm_runs(int vm)
{
	static const unsigned char code[] = {
		0xb0, GUEST_BYTE,	/* mov $GUEST_BYTE, %al */
		0xe6, GUEST_PORT,	/* out %al, $GUEST_PORT */
		0xf4,			/* hlt */
	};
	struct kvm_userspace_memory_region region = {
		.guest_phys_addr = GUEST_CODE, .memory_size = 4096,
	};
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool ok = false;
	int vcpu;

	memcpy(memory, code, sizeof(code));
	region.userspace_addr = (__u64)memory;
	if (!ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region)) {
		vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
		ok = vcpu >= 0 && vcpu_runs(vcpu);
		if (vcpu >= 0)
			close(vcpu);
	}
	munmap(memory, 4096);
	return ok;
}

/* A whole VM's life, so that KVM holds VMX no longer than it must. */
static bool kvm_works(void)
{
	int vm = vm_create();
	bool ok;

	if (vm < 0) {
		ksft_print_msg("KVM: no VM: %s\n", strerror(-vm));
		return false;
	}
	ok = vm_runs(vm);
	close(vm);
	return ok;
}

/* KVM can't have VMX: -EBUSY from Linux 6.1, -EIO from 6.12. */
static bool kvm_is_refused(int vm)
{
	ksft_print_msg("a VM: %s\n", strerror(vm < 0 ? -vm : 0));
	return vm == -EBUSY || vm == -EIO;
}

static bool phv_works(void)
{
	int fd = domain_create(phv, "works", NULL);
	bool on;

	if (fd < 0) {
		ksft_print_msg("phv: no domain: %s\n", strerror(-fd));
		return false;
	}
	on = !vmx_cpus_known() || vmx_cpus() == cpus_online();
	close(fd);
	return on;
}

/* KVM holds VMX: no domain, and the log says who is in the way. */
static bool phv_is_busy(void)
{
	int kmsg = kmsg_open(), fd = domain_create(phv, "busy", NULL);
	unsigned int lines;
	char log[512];

	lines = kmsg_read(kmsg, "phv: ", log, sizeof(log));
	close(kmsg);
	if (fd >= 0)
		close(fd);
	ksft_print_msg("a domain: %s; log: %s\n", strerror(fd < 0 ? -fd : 0),
		       log);
	return fd == -EBUSY && lines == 1 && strstr(log, "kvm_intel");
}

/* KVM as it comes: it has VMX after its load, or while it has a VM. */
static void test_kvm_first(void)
{
	int vm;

	ksft_test_result(kvm_load("") && kvm_works(),
			 "no domain: KVM works beside the module\n");
	kvm_has_at_load = !access(AT_LOAD, F_OK);

	vm = vm_create();
	ksft_test_result(vm >= 0 && phv_is_busy(),
			 "KVM has VMX: EBUSY, and the log names kvm_intel\n");
	ksft_test_result(vm >= 0 && vm_runs(vm), "KVM is none the worse\n");
	if (vm >= 0)
		close(vm);

	if (kvm_takes_at_load())
		ksft_test_result(phv_is_busy(),
				 "kvm_intel loaded, no VM: VMX is taken\n");
	else
		ksft_test_result(phv_works(),
				 "kvm_intel loaded, no VM: VMX is free\n");

	ksft_test_result(kvm_unload() && phv_works(),
			 "KVM is gone: phv works\n");
}

/* A domain is there when KVM comes. */
static void test_phv_first(void)
{
	int domain = domain_create(phv, "first", NULL), vm;
	bool loaded = kvm_load("");

	ksft_test_result(domain >= 0 && loaded == !kvm_takes_at_load() &&
			 loaded == module_is_loaded("kvm_intel"),
			 "a domain is there: kvm_intel %s\n", loaded ?
			 "is loaded, without VMX" : "isn't loaded");
	vm = vm_create();
	ksft_test_result(loaded ? kvm_is_refused(vm) : vm == -ENOENT,
			 "KVM makes no VM: %s\n", strerror(vm < 0 ? -vm : 0));
	if (vm >= 0)
		close(vm);
	ksft_test_result(phv_works(), "phv goes on\n");
	close(domain);

	ksft_test_result(kvm_load("") && kvm_works(),
			 "the domain is gone: KVM works\n");
	ksft_test_result(kvm_unload() && phv_works(),
			 "KVM is gone: phv works again\n");
}

/* Both loaded, and VMX changes hands. */
static void test_together(void)
{
	bool ok = kvm_load(kvm_has_at_load ? "enable_virt_at_load=0" : "");
	int domain, vm, again;

	domain = domain_create(phv, "together", NULL);
	ksft_test_result(ok && domain >= 0,
			 "kvm_intel loaded: a domain is made\n");
	vm = vm_create();
	ksft_test_result(kvm_is_refused(vm) && phv_works(),
			 "the domain has VMX: no VM, phv goes on\n");
	if (vm >= 0)
		close(vm);
	close(domain);

	vm = vm_create();
	ksft_test_result(vm >= 0 && vm_runs(vm) && phv_is_busy(),
			 "the VM has VMX: no domain\n");
	if (vm >= 0)
		close(vm);

	again = domain_create(phv, "again", NULL);
	ksft_test_result(again >= 0, "and a domain again\n");
	if (again >= 0)
		close(again);
	ksft_test_result(kvm_works() && kvm_unload(), "and a VM again\n");
}

int main(void)
{
	bool was_loaded;

	ksft_print_header();
	test_need_root();
	phv = test_open_phv();
	was_loaded = module_is_loaded("kvm_intel");
	if (!kvm_unload())
		ksft_exit_skip("KVM is in use, or built into the kernel\n");
	if (run_command("modinfo kvm_intel >/dev/null 2>&1"))
		ksft_exit_skip("there is no kvm_intel\n");

	ksft_set_plan(16);
	test_kvm_first();
	test_phv_first();
	test_together();
	ksft_test_result(!vmx_cpus_known() || !vmx_cpus(),
			 "no CPU is left in VMX operation\n");
	if (was_loaded)
		kvm_load("");
	ksft_finished();
}
