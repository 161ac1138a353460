// SPDX-License-Identifier: GPL-2.0-only
/*
 * The smallest guest that is of use: 32-bit code that is entered as a PVH guest,
 * without paging, and does what the first word of its command line says:
 *
 *	poweroff, reboot, crash		shut down for that reason
 *	s5				power off as the ACPI tables say
 *	suspend				ask to be suspended, and say what became of that
 *	nothing				read where there is no memory, then write there
 *	halt				HLT with interrupts off
 *	fault				a triple fault
 *	spin				go round and round
 *	echo				say back what is written on the console; q ends it
 *	flood				write 256 KiB on the console, and power off
 *
 * Before that it says "tiny: " and its command line, by the console_io hypercall.
 * Used by phvd.c.
 */
#define __packed __attribute__((packed))

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define CONSOLE_IO	18
#define SCHED_OP	29
#define EVTCHN_OP	32
#define HVM_OP		34

#define CONSOLE_PAGE	0xfefff000
#define CONSOLE_EVTCHN	18
#define SLEEP_PORT	0x604
#define SLEEP_S5	0x34

/* The entry point for PVH, in a note; and what comes before C. */
asm(".pushsection .note.Xen, \"a\", @note\n"
	    "	.long 4, 4, 18\n"
	    "	.asciz \"Xen\"\n"
	    "	.long start\n"
	    ".popsection\n"
	    "	.globl start\n"
	    "start:\n"
	    "	mov $stack + 4096, %esp\n"
	    "	push %ebx\n"
	    "	call begin\n"
	    "	.bss\n"
	    "	.align 16\n"
	    "stack: .skip 4096\n"
	    "	.text\n");

struct ring {
	char in[1024];
	char out[2048];
	u32 in_cons, in_prod, out_cons, out_prod;
};

static volatile struct ring *const ring = (void *)CONSOLE_PAGE;
static u32 port;

void begin(const u32 *start_info);

static int hypercall(u32 nr, u32 a, u32 b, u32 c)
{
	int ret;

	asm volatile("vmcall" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static int shut_down(u32 reason)
{
	return hypercall(SCHED_OP, 2, (u32)&reason, 0);
}

static u32 length_of(const char *text)
{
	u32 length = 0;

	while (text[length])
		length++;
	return length;
}

static void say(const char *text)
{
	hypercall(CONSOLE_IO, 0, length_of(text), (u32)text);
}

static int is(const char *text, const char *word)
{
	while (*word)
		if (*text++ != *word++)
			return 0;
	return !*text || *text == ' ';
}

/* Says that something has happened in the ring. */
static void kick(void)
{
	hypercall(EVTCHN_OP, 4, (u32)&port, 0);
}

static void wait(void)
{
	kick();
	hypercall(SCHED_OP, 0, 0, 0);
}

static void find_port(void)
{
	struct {
		u16 domain, pad;
		u32 index;
		u64 value;
	} param = { 0x7ff0, 0, CONSOLE_EVTCHN, 0 };

	hypercall(HVM_OP, 1, (u32)&param, 0);
	port = (u32)param.value;
}

static void put(char c)
{
	while (ring->out_prod - ring->out_cons == sizeof(ring->out))
		wait();
	ring->out[ring->out_prod % sizeof(ring->out)] = c;
	asm volatile("" : : : "memory");
	ring->out_prod++;
}

static char get(void)
{
	char c;

	while (ring->in_prod == ring->in_cons)
		wait();
	c = ring->in[ring->in_cons % sizeof(ring->in)];
	asm volatile("" : : : "memory");
	ring->in_cons++;
	return c;
}

static void echo(void)
{
	char c;

	do {
		c = get();
		put(c);
		kick();
	} while (c != 'q');
}

/* Lines of 64 bytes, with a number each. */
static void flood(void)
{
	u32 line, i;

	for (line = 0; line < 4096; line++) {
		for (i = 28; i < 32; i -= 4)
			put("0123456789abcdef"[line >> i & 15]);
		for (i = 8; i < 63; i++)
			put('.');
		put('\n');
		if (line % 16 == 15)
			kick();
	}
}

static void fault(void)
{
	static const struct {
		u16 limit;
		u32 base;
	} __packed none;

	asm volatile("lidt %0; ud2" : : "m"(none));
}

/* The same place twice: what is there once it has been read is the same. */
static void use_nothing(void)
{
	volatile u32 *const places[] = {
		(void *)0xfffffffc, (void *)0xf8000000, (void *)0xf8000ffc, (void *)0xf8000000,
	};
	u32 i;

	for (i = 0; i < 4; i++)
		if (*places[i] != ~0u)
			return say("not ones\n");
	say("ones\n");
	*places[1] = 0;
	say("written\n");
}

void begin(const u32 *start_info)
{
	const char *command = (const char *)start_info[6];

	find_port();
	say("tiny: ");
	say(command);
	say("\n");
	if (is(command, "reboot"))
		shut_down(1);
	if (is(command, "suspend"))
		say(shut_down(2) == 1 ? "called off\n" : "what?\n");
	if (is(command, "nothing"))
		use_nothing();
	if (is(command, "crash"))
		shut_down(3);
	if (is(command, "s5"))
		asm volatile("outb %0, %w1" : : "a"((u8)SLEEP_S5), "d"(SLEEP_PORT));
	if (is(command, "halt"))
		asm volatile("cli; hlt");
	if (is(command, "fault"))
		fault();
	while (is(command, "spin"))
		asm volatile("pause");
	if (is(command, "echo"))
		echo();
	if (is(command, "flood"))
		flood();
	shut_down(0);
	for (;;)
		asm volatile("pause");
}
