// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's end: while a guest runs on each CPU, the host panics, or is replaced
 * by another kernel.  The next kernel has to boot, on CPUs that have left VMX.
 *
 * The environment variable PHV_KEXEC says which: crash (the kernel's command line
 * has to have a crashkernel=) or reboot.  Without it all is skipped: the machine
 * does not come back.  This program is the next kernel's init, too; it gives the
 * rest of the results, in the form that the runner would have given them, and ends
 * the test host.
 */
#include <fcntl.h>
#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "phvtest.h"
#include "testhost/testport.h"
#include "vm.h"

/* What tells the next kernel's init that it is one; no dot: those are not passed on. */
#define PARAMETER	"phv_kexec"

#define PAGE		4096UL

/* The next kernel behind its first pages, where there is no crash kernel's place */
#define SOMEWHERE	0x8000000UL
#define KERNEL_OFFSET	0x1000000UL
/* The 64-bit entry of a bzImage, in what is loaded of it */
#define ENTRY_OFFSET	0x200

/* Offsets in struct boot_params, and in a bzImage */
#define BP_E820_COUNT	0x1e8
#define BP_HEADER	0x1f1
#define BP_HEADER_SIZE	0x7b
#define BP_LOADER_TYPE	0x210
#define BP_RAMDISK	0x218
#define BP_RAMDISK_SIZE	0x21c
#define BP_LINE		0x228
#define BP_INIT_SIZE	0x260
#define BP_E820_TABLE	0x2d0

#define E820_RAM	1
#define E820_RESERVED	2

/* Entries of an initramfs begin and end at multiples of this. */
#define CPIO_ALIGN	4

static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);

	if (got < 0)
		ksft_exit_fail_msg("%s: %m\n", path);
	close(fd);
	text[got] = '\0';
}

/* The command line of this kernel, without what is for the boot loader or for us */
static void next_command_line(const char *mode, char *line, size_t size)
{
	char mine[2048], *word, *rest = mine;

	read_text("/proc/cmdline", mine, sizeof(mine));
	mine[strcspn(mine, "\n")] = '\0';
	snprintf(line, size, PARAMETER "=%s nr_cpus=1", mode);
	while ((word = strsep(&rest, " "))) {
		if (!strncmp(word, "crashkernel=", 12) || !strncmp(word, "initrd=", 7) ||
		    !strncmp(word, "BOOT_IMAGE=", 11) ||
		    strlen(line) + strlen(word) + 2 > size)
			continue;
		strcat(strcat(line, " "), word);
	}
}

static void cpio_pad(FILE *file)
{
	while (ftell(file) % CPIO_ALIGN)
		fputc(0, file);
}

static void cpio_entry(FILE *file, const char *name, unsigned int mode,
		       unsigned long size)
{
	fprintf(file, "070701%08x%08x%08x%08x%08x%08x%08lx%08x%08x%08x%08x%08zx%08x%s",
		0, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, strlen(name) + 1, 0, name);
	fputc(0, file);
	cpio_pad(file);
}

/* An initramfs with this program as /init */
static int make_initramfs(void)
{
	int fd = memfd_create("initramfs", 0), self = open("/proc/self/exe", O_RDONLY);
	FILE *file = fdopen(fd, "w");
	char buffer[4096];
	struct stat stat;
	ssize_t got;

	if (!file || self < 0 || fstat(self, &stat))
		ksft_exit_fail_msg("initramfs: %m\n");
	cpio_entry(file, "init", S_IFREG | 0755, stat.st_size);
	while ((got = read(self, buffer, sizeof(buffer))) > 0)
		fwrite(buffer, 1, got, file);
	cpio_pad(file);
	cpio_entry(file, "TRAILER!!!", 0, 0);
	if (fflush(file))
		ksft_exit_fail_msg("initramfs: %m\n");
	close(self);
	return fd;
}

/* An image of the running kernel, or one of its line */
static int open_kernel(void)
{
	unsigned int version, patchlevel;
	struct utsname name;
	char path[128];
	int fd;

	uname(&name);
	snprintf(path, sizeof(path), "/boot/vmlinuz-%s", name.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (sscanf(name.release, "%u.%u", &version, &patchlevel) != 2)
		ksft_exit_fail_msg("%s?\n", name.release);
	snprintf(path, sizeof(path), "/guests/linux-%u.%u", version, patchlevel);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		ksft_exit_skip("%s: %m\n", path);
	return fd;
}

/* Memory that the next kernel gets, and where it is put */
struct range {
	u64 start, end;			/* the first byte, the last one */
	u32 type;
};

struct place {
	struct range map[32];
	unsigned int count;
	u64 base;
};

/* What "%llx-%llx : Crash kernel" says, in /proc/iomem */
static void place_in_crash_kernel(struct place *place)
{
	FILE *file = fopen("/proc/iomem", "re");
	unsigned long long start, end;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, "Crash kernel") ||
		    sscanf(line, "%llx-%llx", &start, &end) != 2 || !start)
			continue;
		/* no kernel boots without some memory below 1 MiB */
		place->map[place->count++] = (struct range){ 0x1000, 0x9efff, E820_RAM };
		place->map[place->count++] = (struct range){ start, end, E820_RAM };
		place->base = start;
	}
	if (file)
		fclose(file);
	if (!place->count)
		ksft_exit_skip("needs crashkernel= on the kernel's command line\n");
}

/* All of memory, as the firmware told it to this kernel */
static void place_in_memory(struct place *place)
{
	char path[64], text[64];
	struct range *range;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(place->map); i++) {
		range = &place->map[i];
		snprintf(path, sizeof(path), "/sys/firmware/memmap/%u/start", i);
		if (access(path, R_OK))
			break;
		read_text(path, text, sizeof(text));
		range->start = strtoull(text, NULL, 0);
		snprintf(path, sizeof(path), "/sys/firmware/memmap/%u/end", i);
		read_text(path, text, sizeof(text));
		range->end = strtoull(text, NULL, 0);
		snprintf(path, sizeof(path), "/sys/firmware/memmap/%u/type", i);
		read_text(path, text, sizeof(text));
		range->type = strncmp(text, "System RAM", 10) ? E820_RESERVED : E820_RAM;
	}
	place->count = i;
	place->base = SOMEWHERE;
}

/*
 * The first pages of the next kernel's place: its boot_params, its command line,
 * and the code that hands them over (Documentation/arch/x86/boot.rst, "64-bit Boot
 * Protocol").
 */
struct first_pages {
	u8 params[PAGE];
	char line[PAGE];
	u8 code[PAGE];
};

static void put32(u8 *at, u32 value)
{
	memcpy(at, &value, sizeof(value));
}

static void put64(u8 *at, u64 value)
{
	memcpy(at, &value, sizeof(value));
}

static u32 get32(const u8 *at)
{
	u32 value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void fill_params(u8 *params, const u8 *image, const struct place *place,
			const struct kexec_segment *initramfs)
{
	u8 *entry = params + BP_E820_TABLE;
	unsigned int i;

	memcpy(params + BP_HEADER, image + BP_HEADER, BP_HEADER_SIZE);
	params[BP_LOADER_TYPE] = 0xff;
	put32(params + BP_LINE, place->base + offsetof(struct first_pages, line));
	put32(params + BP_RAMDISK, (u64)initramfs->mem);
	put32(params + BP_RAMDISK_SIZE, initramfs->bufsz);
	params[BP_E820_COUNT] = place->count;
	for (i = 0; i < place->count; i++, entry += 20) {
		put64(entry, place->map[i].start);
		put64(entry + 8, place->map[i].end - place->map[i].start + 1);
		put32(entry + 16, place->map[i].type);
	}
}

/* mov $boot_params, %rsi; mov $entry, %rax; jmp *%rax */
static void fill_code(u8 *code, u64 params, u64 entry)
{
	static const u8 text[] = { 0x48, 0xbe, 0, 0, 0, 0, 0, 0, 0, 0,
				   0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 };

	memcpy(code, text, sizeof(text));
	put64(code + 2, params);
	put64(code + 12, entry);
}

static const u8 *map_file(int fd, size_t *size)
{
	struct stat stat;
	void *data;

	if (fstat(fd, &stat))
		ksft_exit_fail_msg("fstat: %m\n");
	*size = stat.st_size;
	data = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %m\n");
	return data;
}

/*
 * kexec_load(2), not kexec_file_load(2): that one's check sums take the emulated
 * machine a minute.
 */
static void load_next(const char *mode, bool crashes)
{
	static struct first_pages first;
	struct kexec_segment segments[3] = { { .buf = &first, .bufsz = sizeof(first) } };
	struct place place = { .count = 0 };
	size_t size, setup;
	const u8 *image = map_file(open_kernel(), &size);

	if (crashes)
		place_in_crash_kernel(&place);
	else
		place_in_memory(&place);
	setup = (image[BP_HEADER] + 1) * 512;
	segments[0].mem = (void *)place.base;
	segments[0].memsz = sizeof(first);
	segments[1].buf = image + setup;
	segments[1].bufsz = size - setup;
	segments[1].mem = (void *)(place.base + KERNEL_OFFSET);
	segments[1].memsz = (get32(image + BP_INIT_SIZE) + PAGE - 1) & -PAGE;
	segments[2].buf = map_file(make_initramfs(), &segments[2].bufsz);
	segments[2].memsz = (segments[2].bufsz + PAGE - 1) & -PAGE;
	segments[2].mem = (u8 *)segments[1].mem + segments[1].memsz;

	next_command_line(mode, first.line, sizeof(first.line));
	fill_params(first.params, image, &place, &segments[2]);
	fill_code(first.code, place.base, (u64)segments[1].mem + ENTRY_OFFSET);
	if (syscall(SYS_kexec_load, place.base + offsetof(struct first_pages, code),
		    ARRAY_SIZE(segments), segments, crashes ? KEXEC_ON_CRASH : 0))
		ksft_exit_skip("kexec_load: %m\n");
}

static u64 turns[64];

static void guest_spin(u64 id)
{
	for (;;)
		WRITE_ONCE(turns[id], turns[id] + 1);
}

/* When VMX is gone, the host is about to follow. */
static void *keep_running(void *vcpu)
{
	long ret;

	do
		ret = vcpu_ioctl((struct vcpu *)vcpu, PHV_RUN, 0);
	while (!ret || ret == -EINTR);
	pause();
	return NULL;
}

/* One vCPU on each CPU, that never leaves the guest of itself; do they run? */
static bool run_guests(unsigned int count)
{
	struct vm *vm = vm_create();
	unsigned int i, running = 0;
	pthread_t thread;

	for (i = 0; i < count; i++) {
		pin_to_cpu(i);
		if (pthread_create(&thread, NULL, keep_running,
				   vm_add_guest(vm, i, guest_spin, i)))
			return false;
	}
	for (i = 0; i < count; i++) {
		u64 before = READ_ONCE(turns[i]);
		int tries = 100;

		while (READ_ONCE(turns[i]) == before && tries--)
			usleep(10000);
		running += READ_ONCE(turns[i]) != before;
	}
	return running == count;
}

static void say(const char *text)
{
	testport_write(TESTPORT_PORT_OUT, text, strlen(text));
}

/* In the next kernel, as its process 1: what nobody else is there to say. */
static __noreturn void next_kernel(void)
{
	char text[64];
	u64 cpus;
	bool clean;

	if (!testport_open()) {
		cpus = testport_call(TESTPORT_CALL_VMX_CPUS, 0);
		clean = !cpus;
		snprintf(text, sizeof(text), "# # CPUs in VMX operation: %#llx\n",
			 (unsigned long long)cpus);
		if (!clean)
			say(text);
		say("# ok 2 the next kernel boots\n");
		say(clean ? "# ok 3 no CPU is in VMX operation\n" :
			    "# not ok 3 no CPU is in VMX operation\n");
		say(clean ? "ok 1 selftests: phv: kexec\n" :
			    "not ok 1 selftests: phv: kexec # exit=1\n");
		testport_call(TESTPORT_CALL_EXIT, clean ? 0 : 1);
	}
	for (;;)
		pause();
}

/* What was said so far has a way to go, through the runner and out. */
static void let_it_out(void)
{
	fflush(stdout);
	sleep(1);
}

static __noreturn void crash(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "c", 1) < 0)
		ksft_exit_fail_msg("/proc/sysrq-trigger: %m\n");
	ksft_exit_fail_msg("the host lives\n");
}

int main(void)
{
	const char *mode = getenv("PHV_KEXEC");
	bool crashes;
	__u64 cpus;

	if (getpid() == 1 && getenv(PARAMETER))
		next_kernel();
	ksft_print_header();
	if (!mode)
		ksft_exit_skip("ends the machine: only if PHV_KEXEC says how\n");
	crashes = !strcmp(mode, "crash");
	if (!vmx_cpus_known())
		ksft_exit_skip("needs a test host\n");
	close(test_open_phv());
	load_next(mode, crashes);
	ksft_set_plan(3);
	cpus = cpus_online();
	ksft_test_result(run_guests(__builtin_popcountll(cpus)) && vmx_cpus() == cpus,
			 "a guest runs on each CPU\n");
	let_it_out();
	if (crashes)
		crash();
	reboot(LINUX_REBOOT_CMD_KEXEC);
	ksft_exit_fail_msg("kexec: %m\n");
}
