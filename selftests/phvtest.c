// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the tests share; see phvtest.h.
 */
#include <fcntl.h>
#include <linux/module.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "phvtest.h"
#include "testhost/testport.h"

/**
 * run_command - run a shell command
 * @format: the command, as for printf()
 *
 * Return: its exit status, or -1 if it was killed or couldn't be run
 */
int run_command(const char *format, ...)
{
	char command[256];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	fflush(stdout);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/**
 * read_command - run a shell command, and have what it says
 * @text: what it has written is put here, as far as there is room
 * @size: of @text, with the null byte that ends it
 * @format: the command, as for vprintf()
 * @args: likewise
 *
 * Return: as run_command()
 */
int read_command(char *text, size_t size, const char *format, va_list args)
{
	char command[2048];
	size_t length = 0, n;
	FILE *pipe;
	int status;

	vsnprintf(command, sizeof(command), format, args);
	fflush(stdout);
	pipe = popen(command, "re");
	if (!pipe)
		ksft_exit_fail_msg("no shell\n");
	while ((n = fread(text + length, 1, size - 1 - length, pipe)))
		length += n;
	text[length] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/**
 * write_line - write to a file that is there, such as one of /proc or /sys
 * @path: its name
 * @line: what is written, at once
 *
 * Return: true if it was taken
 */
bool write_line(const char *path, const char *line)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return false;
	ok = write(fd, line, strlen(line)) == (ssize_t)strlen(line);
	close(fd);
	return ok;
}

/**
 * spawn_phvd - start a phvd of the test's own
 * @program: phvd, or where it is
 * @directory: where it has its files; what it says is added to "log" there
 * @prepare: what is to be done first, in its process; or NULL
 *
 * It ends with the test. Its workers don't, so they have nothing of the test's to hold on to.
 *
 * Return: its process; it may be some time until it answers
 */
pid_t spawn_phvd(const char *program, const char *directory, void (*prepare)(void))
{
	char path[80];
	pid_t pid;
	int log;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	snprintf(path, sizeof(path), "%s/log", directory);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (prepare)
		prepare();
	unsetenv("LISTEN_PID");
	execlp(program, "phvd", "--directory", directory, NULL);
	_exit(127);
}

/**
 * module_is_loaded - is a module loaded, or built in?
 * @name: its name
 *
 * Return: true if so
 */
bool module_is_loaded(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/**
 * phv_module_path - where phv.ko is
 *
 * Return: the path in the environment variable PHV_MODULE, or else of the module
 * installed for this kernel; NULL if there is none
 */
const char *phv_module_path(void)
{
	static const char * const places[] = {
		"updates/phv.ko", "updates/phv.ko.xz", "updates/phv.ko.zst",
		"extra/phv.ko", "extra/phv.ko.xz", "extra/phv.ko.zst",
	};
	static char path[160];
	struct utsname kernel;
	size_t i;

	if (getenv("PHV_MODULE"))
		return getenv("PHV_MODULE");
	uname(&kernel);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(path, sizeof(path), "/lib/modules/%s/%s",
			 kernel.release, places[i]);
		if (!access(path, R_OK))
			return path;
	}
	return NULL;
}

/**
 * phv_load - load phv.ko
 *
 * Return: 0, -ENOENT if it isn't to be found, or the error that loading gave
 */
int phv_load(void)
{
	const char *path = phv_module_path();
	size_t length = path ? strlen(path) : 0;
	int fd, flags, err;

	if (length < 3)
		return -ENOENT;
	flags = strcmp(path + length - 3, ".ko") ?
		MODULE_INIT_COMPRESSED_FILE : 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = syscall(SYS_finit_module, fd, "", flags) ? -errno : 0;
	close(fd);
	return err;
}

/**
 * phv_unload - unload the module
 *
 * Return: 0 or a negative errno: -EAGAIN while it is in use
 */
int phv_unload(void)
{
	return syscall(SYS_delete_module, "phv", O_NONBLOCK) ? -errno : 0;
}

static void unload(void)
{
	/* Descriptors of the module's would keep it. */
	close_range(3, ~0U, 0);
	phv_unload();
}

/**
 * phv_unload_at_exit - unload the module when the program exits
 */
void phv_unload_at_exit(void)
{
	atexit(unload);
}

/**
 * phv_open - open the module's device
 *
 * Return: a descriptor, or a negative errno
 */
int phv_open(void)
{
	int fd = open(PHV_DEVICE, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * domain_create - create a domain
 * @phv: descriptor of the device
 * @name: the domain's name, cut off if it is too long
 * @id: its number is put here, unless NULL
 *
 * Return: the domain's descriptor, or a negative errno
 */
int domain_create(int phv, const char *name, __u32 *id)
{
	struct phv_create_domain args = { 0 };
	int fd;

	snprintf(args.name, sizeof(args.name), "%s", name);
	fd = ioctl(phv, PHV_CREATE_DOMAIN, &args);
	if (fd < 0)
		return -errno;
	if (id)
		*id = args.id;
	return fd;
}

/**
 * cpus_configured - how many CPUs the machine has, online or not
 *
 * Return: their number
 */
unsigned int cpus_configured(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_CONF);
}

/**
 * cpu_is_online - is a CPU online?
 * @cpu: its number
 *
 * Return: true if so
 */
bool cpu_is_online(unsigned int cpu)
{
	char path[64];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	file = fopen(path, "re");
	if (!file)
		return cpu == 0;	/* one that can't go offline */
	c = fgetc(file);
	fclose(file);
	return c == '1';
}

/**
 * cpu_set_online - take a CPU online or offline
 * @cpu: its number
 * @online: which
 *
 * Return: 0 or a negative errno; 0 if nothing was to be done, too
 */
int cpu_set_online(unsigned int cpu, bool online)
{
	char path[64];
	int fd, err;

	if (cpu_is_online(cpu) == online)
		return 0;
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, online ? "1" : "0", 1) == 1 ? 0 : -errno;
	close(fd);
	return err;
}

/**
 * cpus_online - the CPUs that are online
 *
 * Return: a mask of the first 64
 */
__u64 cpus_online(void)
{
	unsigned int cpu;
	__u64 mask = 0;

	for (cpu = 0; cpu < cpus_configured() && cpu < 64; cpu++)
		if (cpu_is_online(cpu))
			mask |= 1ULL << cpu;
	return mask;
}

/**
 * vmx_cpus_known - can this machine tell which CPUs are in VMX operation?
 *
 * The emulated test host can: nothing else shows it outside the kernel.
 *
 * Return: true if vmx_cpus() works
 */
bool vmx_cpus_known(void)
{
	return !testport_open();
}

/**
 * vmx_cpus - the CPUs in VMX operation; where vmx_cpus_known() said yes
 *
 * Return: a mask
 */
__u64 vmx_cpus(void)
{
	return (__u64)testport_call(TESTPORT_CALL_VMX_CPUS, 0);
}

/**
 * vmx_is - is VMX operation where it should be?
 * @on: there are domains: all CPUs that are online; else none
 *
 * If it isn't, that is printed.
 *
 * Return: true if it is, and where nothing tells
 */
bool vmx_is(bool on)
{
	__u64 expected = on ? cpus_online() : 0;

	if (!vmx_cpus_known() || vmx_cpus() == expected)
		return true;
	ksft_print_msg("CPUs in VMX operation: %#llx, not %#llx\n", vmx_cpus(), expected);
	return false;
}

/**
 * kmsg_open - begin to listen to the kernel log
 *
 * Return: a descriptor for kmsg_read(), which gets what is logged from now on;
 * or a negative errno
 */
int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	lseek(fd, 0, SEEK_END);
	return fd;
}

/**
 * kmsg_read - read what was logged since the last call
 * @fd: descriptor of kmsg_open()
 * @prefix: count the messages that begin so
 * @text: these messages are put here, a line each, as far as they fit
 * @size: its size
 *
 * Return: their number
 */
unsigned int kmsg_read(int fd, const char *prefix, char *text, size_t size)
{
	char record[8192], *message;
	unsigned int count = 0;
	size_t used = 0;
	ssize_t length;

	text[0] = '\0';
	for (;;) {
		length = read(fd, record, sizeof(record) - 1);
		if (length < 0 && errno == EPIPE)
			continue;	/* records were overwritten: go on */
		if (length <= 0)
			return count;
		record[length] = '\0';

		/* "priority,number,time,flags;message\n KEY=value\n" */
		message = strchr(record, ';');
		if (!message || strncmp(++message, prefix, strlen(prefix)))
			continue;
		message[strcspn(message, "\n")] = '\0';
		count++;
		if (used < size)
			used += snprintf(text + used, size - used, "%s\n",
					 message);
	}
}
