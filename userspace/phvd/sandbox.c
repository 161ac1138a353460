// SPDX-License-Identifier: GPL-2.0-only
/*
 * A worker's sandbox.  It starts as root and ends with
 *
 *	- a user and group of its own, no other groups, no capabilities
 *	- an empty, read-only file system, no network, no System V IPC
 *	- no way to get rights by exec, no core dumps, no ptrace by its own user
 *	- the system calls of allowed[] below, and no new executable memory; an
 *	  io_uring that was made before, and is restricted as aio.c says
 *
 * What it has are the descriptors that its parent hands it.  A system call that
 * isn't allowed ends it, after a line that names the call.
 */
#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <phv.h>

#include "net_host.h"
#include "phvd.h"
#include "sandbox.h"

/* What the worker, its threads and its libraries may call, with any arguments. */
static const int allowed[] = {
	SCMP_SYS(accept4), SCMP_SYS(brk), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(close), SCMP_SYS(dup),
	SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(fcntl), SCMP_SYS(fstat),
	SCMP_SYS(fstatfs),
	SCMP_SYS(futex), SCMP_SYS(getpid), SCMP_SYS(getrandom),
	SCMP_SYS(getsockopt), SCMP_SYS(gettid), SCMP_SYS(getuid),
	SCMP_SYS(io_uring_enter), SCMP_SYS(listen),
	SCMP_SYS(lseek), SCMP_SYS(madvise), SCMP_SYS(mremap), SCMP_SYS(munmap),
	SCMP_SYS(newfstatat), SCMP_SYS(poll), SCMP_SYS(pread64), SCMP_SYS(preadv),
	SCMP_SYS(pwritev), SCMP_SYS(read), SCMP_SYS(readv),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_yield),
	SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(set_robust_list),
	SCMP_SYS(shutdown), SCMP_SYS(sigaltstack), SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime), SCMP_SYS(write), SCMP_SYS(writev),
};

/* The system call is named in the log: nobody has to guess what was missing. */
static void on_violation(int signal, siginfo_t *info, void *context)
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
						      info->si_syscall);

	(void)signal;
	(void)context;
	log_line("sandbox: system call %s (%d) is not allowed", name ?: "?",
		 info->si_syscall);
	_exit(1);
}

static int drop_bounds(void)
{
	capng_clear(CAPNG_SELECT_ALL);
	return capng_apply(CAPNG_SELECT_BOUNDS) ? -EPERM : 0;
}

/* Makes an empty file system the root, and loses the old one. */
static int leave_files(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
		  "size=4k,nr_inodes=1,mode=555") ||
	    chdir("/proc"))
		return -errno;
	if (!syscall(SYS_pivot_root, ".", "."))
		return umount2(".", MNT_DETACH) || chdir("/") ? -errno : 0;
	/* An initramfs can't be left, but it can be covered. */
	if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) || chroot(".") ||
	    chdir("/"))
		return -errno;
	return 0;
}

static int limit(void)
{
	static const struct {
		int resource;
		rlim_t max;
	} limits[] = {
		{ RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, 1024 },
		{ RLIMIT_NPROC, PHV_MAX_VCPUS + 16 + NET_INTERFACES_MAX * NET_QUEUES_MAX },
		{ RLIMIT_MSGQUEUE, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit value = { limits[i].max, limits[i].max };

		if (setrlimit(limits[i].resource, &value))
			return -errno;
	}
	return 0;
}

/* Becomes a user that owns nothing; all capabilities go with that. */
static int change_user(unsigned int slot)
{
	uid_t user = WORKER_UID_BASE + slot;

	if (setgroups(0, NULL) || setresgid(user, user, user) ||
	    setresuid(user, user, user))
		return -errno;
	if (!setresuid(0, 0, 0) || !chroot("/"))
		return -EPERM;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return -errno;
	return 0;
}

/* System calls that are allowed with some arguments only. */
static int add_conditional(scmp_filter_ctx filter)
{
	int err;

	err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			       SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, PHV_IOC << 8));
	/* What a TAP leaves to the guest, its queues in use, and whether it has a carrier */
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, TUNSETOFFLOAD));
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, TUNSETQUEUE));
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_EQ, TUNSETCARRIER));
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
					      CLONE_THREAD));
	/* Its arguments can't be looked at: glibc then takes clone() */
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	/* Signals to threads of its own, and to nobody else */
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				      SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	/* There is no file to open: libraries that look for one are told so */
	err = err ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOENT), SCMP_SYS(openat), 0);
	return err;
}

static int filter_calls(void)
{
	struct sigaction action = {
		.sa_sigaction = on_violation, .sa_flags = SA_SIGINFO,
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
	size_t i;
	int err = filter ? 0 : -ENOMEM;

	sigaction(SIGSYS, &action, NULL);
	for (i = 0; !err && i < ARRAY_SIZE(allowed); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	err = err ?: add_conditional(filter);
	err = err ?: seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

/**
 * sandbox_enter - give up everything that a worker has no use for
 * @slot: what its user is made from
 *
 * To be called by root, while there is one thread.
 *
 * Return: 0, or a negative errno: the process must not go on then
 */
int sandbox_enter(unsigned int slot)
{
	static const struct {
		const char *what;
		int (*plain)(void);
		int (*with_slot)(unsigned int slot);
	} steps[] = {
		{ "capabilities", drop_bounds, NULL },
		{ "files", leave_files, NULL },
		{ "limits", limit, NULL },
		{ "user", NULL, change_user },
		{ "system calls", filter_calls, NULL },
	};
	size_t i;
	int err;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		err = steps[i].plain ? steps[i].plain() : steps[i].with_slot(slot);
		if (!err)
			continue;
		log_line("sandbox: %s: %s", steps[i].what, strerror(-err));
		return err;
	}
	return 0;
}
