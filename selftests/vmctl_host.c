// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmctl: what `vmctl host` says, with phv.ko and without it, against the
 * processor's own registers and against what is known of the emulator's CPU
 * models; and how it answers wrong usage.  It runs on machines that phv.ko
 * refuses, too: that is when its advice is wanted.
 *
 * The program is found by PATH, or named by the environment variable VMCTL.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "phvtest.h"

#define NOBODY		65534

#define FEATURE(name)	{ #name, PHV_CAP_##name }

/* Each of these is in the output, in lower case, and nothing else is. */
static const struct {
	const char *name;
	__u64 bit;
} features[] = {
	FEATURE(VMX), FEATURE(FEATURE_CONTROL), FEATURE(TRUE_CONTROLS),
	FEATURE(SECONDARY_CONTROLS), FEATURE(TERTIARY_CONTROLS),
	FEATURE(MSR_BITMAPS), FEATURE(LOAD_EFER), FEATURE(LOAD_PAT),
	FEATURE(VIRTUAL_NMIS), FEATURE(UNRESTRICTED_GUEST),
	FEATURE(PREEMPTION_TIMER), FEATURE(PAUSE_LOOP_EXITING),
	FEATURE(TSC_SCALING), FEATURE(SHADOW_VMCS), FEATURE(XSAVES),
	FEATURE(VMFUNC), FEATURE(MODE_BASED_EXEC), FEATURE(LOAD_CET),
	FEATURE(EPT), FEATURE(EPT_2M), FEATURE(EPT_1G), FEATURE(EPT_EXEC_ONLY),
	FEATURE(EPT_5LEVEL), FEATURE(EPT_AD), FEATURE(PML),
	FEATURE(INVEPT_SINGLE), FEATURE(EPT_VE), FEATURE(VPID),
	FEATURE(INVVPID_ADDRESS), FEATURE(INVVPID_SINGLE),
	FEATURE(INVVPID_GLOBAL), FEATURE(TPR_SHADOW), FEATURE(APIC_ACCESS),
	FEATURE(X2APIC), FEATURE(APIC_REGISTERS), FEATURE(VIRTUAL_INTERRUPTS),
	FEATURE(POSTED_INTERRUPTS), FEATURE(IPI_VIRTUALIZATION),
};

/* What the table of models below tells of. */
#define WESTMERE	(PHV_CAP_VMX | PHV_CAP_EPT | PHV_CAP_VPID | \
			 PHV_CAP_UNRESTRICTED_GUEST)
#define APICV		(PHV_CAP_APIC_REGISTERS | PHV_CAP_VIRTUAL_INTERRUPTS)
#define HASWELL		(WESTMERE | PHV_CAP_EPT_AD | PHV_CAP_EPT_1G | \
			 PHV_CAP_SHADOW_VMCS | APICV)
#define CANNON_LAKE	((HASWELL & ~APICV) | PHV_CAP_TSC_SCALING)
#define SKYLAKE		(HASWELL | PHV_CAP_TSC_SCALING | PHV_CAP_PML | \
			 PHV_CAP_POSTED_INTERRUPTS)
#define TOLD		SKYLAKE

/* The emulator's CPU models, by what is in their names. */
static const struct {
	const char *name;
	__u64 features;
} models[] = {
	{ "Ryzen",	0 },				/* ryzen */
	{ "T9600",	PHV_CAP_VMX },			/* core2_penryn_t9600 */
	{ "750 ",	PHV_CAP_VMX | PHV_CAP_EPT | PHV_CAP_VPID },
							/* corei5_lynnfield_750 */
	{ "M 520",	WESTMERE },			/* corei5_arrandale_m520 */
	{ "i7-2600K",	WESTMERE },			/* corei7_sandy_bridge_2600k */
	{ "i7-3770K",	WESTMERE },			/* corei7_ivy_bridge_3770k */
	{ "i7-4770",	HASWELL },			/* corei7_haswell_4770 */
	{ "5Y70",	HASWELL },			/* broadwell_ult */
	{ "i3-8121U",	CANNON_LAKE },			/* corei3_cnl */
	{ "i7-7800X",	SKYLAKE },			/* corei7_skylake_x */
	{ "i7-1065G7",	SKYLAKE },			/* corei7_icelake_u */
	{ "i5-1135G7",	SKYLAKE },			/* tigerlake */
	{ "245K",	SKYLAKE },			/* arrow_lake */
};

/* What a run of vmctl came to. */
struct run {
	int status;
	char out[32768];
	char err[1024];
};

static void read_back(int fd, char *text, size_t size)
{
	ssize_t length = pread(fd, text, size - 1, 0);

	text[length < 0 ? 0 : length] = '\0';
	close(fd);
}

/* Runs vmctl with up to two arguments, as user uid. */
static void vmctl(struct run *run, uid_t uid, const char *a, const char *b)
{
	const char *path = getenv("VMCTL") ?: "vmctl";
	int out = memfd_create("out", 0), err = memfd_create("err", 0), status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		if (uid && (setgid(uid) || setuid(uid)))
			_exit(126);
		execlp(path, "vmctl", a, b, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	run->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	read_back(out, run->out, sizeof(run->out));
	read_back(err, run->err, sizeof(run->err));
}

static bool is_one_line(const char *text)
{
	const char *newline = strchr(text, '\n');

	return newline && newline > text && !newline[1];
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(object, name, &value))
		ksft_print_msg("the output lacks %s\n", name);
	return value;
}

static const char *text(struct json_object *object, const char *name)
{
	return json_object_get_string(member(object, name)) ?: "";
}

/* A boolean that must be one: null, or none at all, isn't false. */
static bool is(struct json_object *object, const char *name, bool expected)
{
	struct json_object *value = member(object, name);

	return json_object_is_type(value, json_type_boolean) &&
	       json_object_get_boolean(value) == expected;
}

static int feature_index(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (!strcasecmp(features[i].name, name))
			return i;
	return -1;
}

/* Holds the array of features against the bits; all of them, each once. */
static bool features_are(struct json_object *root, __u64 present)
{
	struct json_object *array = member(root, "features"), *entry;
	bool match = true;
	size_t i, length;
	__u64 seen = 0;
	int index;

	if (!json_object_is_type(array, json_type_array))
		return false;
	length = json_object_array_length(array);
	for (i = 0; i < length; i++) {
		entry = json_object_array_get_idx(array, i);
		index = feature_index(text(entry, "name"));
		if (index < 0) {
			ksft_print_msg("unknown feature %s\n",
				       text(entry, "name"));
			return false;
		}
		seen |= features[index].bit;
		if (is(entry, "present", present & features[index].bit) &&
		    *text(entry, "why"))
			continue;
		ksft_print_msg("%s is wrong\n", text(entry, "name"));
		match = false;
	}
	return match && length == ARRAY_SIZE(features) &&
	       __builtin_popcountll(seen) == (int)ARRAY_SIZE(features);
}

static __u64 features_told(struct json_object *root)
{
	struct json_object *array = member(root, "features"), *entry;
	__u64 told = 0;
	size_t i;
	int index;

	for (i = 0; i < json_object_array_length(array); i++) {
		entry = json_object_array_get_idx(array, i);
		index = feature_index(text(entry, "name"));
		if (index >= 0 && is(entry, "present", true))
			told |= features[index].bit;
	}
	return told;
}

static bool is_missing(struct json_object *root, const char *name)
{
	struct json_object *array = member(root, "missing");
	size_t i;

	for (i = 0; i < json_object_array_length(array); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(array, i)),
			    name))
			return true;
	return false;
}

static bool msr_is(struct json_object *root, const char *name, __u64 value)
{
	char expected[19];

	snprintf(expected, sizeof(expected), "0x%016llx", value);
	return !strcmp(text(member(root, "msrs"), name), expected);
}

static bool msrs_are(struct json_object *root, const struct vmx_msrs *msrs)
{
	bool controls = msrs->basic >> 55 & 1;

	return msr_is(root, "IA32_FEATURE_CONTROL", msrs->feature_control) &&
	       msr_is(root, "IA32_VMX_BASIC", msrs->basic) &&
	       msr_is(root, controls ? "IA32_VMX_TRUE_PROCBASED_CTLS" :
		      "IA32_VMX_PROCBASED_CTLS", msrs->proc) &&
	       msr_is(root, "IA32_VMX_MISC", msrs->misc) &&
	       (!msrs->proc2 ||
		msr_is(root, "IA32_VMX_PROCBASED_CTLS2", msrs->proc2)) &&
	       (!msrs->ept_vpid ||
		msr_is(root, "IA32_VMX_EPT_VPID_CAP", msrs->ept_vpid));
}

/* The machine's features: 0 without VMX. */
static bool real_features(struct vmx_msrs *msrs, __u64 *real)
{
	*real = 0;
	memset(msrs, 0, sizeof(*msrs));
	if (!cpuid_has_vmx())
		return true;
	if (vmx_msrs_read(0, msrs))
		return false;
	*real = vmx_msrs_features(msrs);
	return true;
}

static struct json_object *host_json(struct run *run, uid_t uid)
{
	struct json_object *root;

	vmctl(run, uid, "host", "--json");
	root = json_tokener_parse(run->out);
	if (!root)
		ksft_print_msg("exit status %d, no JSON: %s%s\n", run->status,
			       run->err, run->err[0] ? "" : "(nothing)");
	return root;
}

static const char *missing_for(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_NO_VMX:
		return "vmx";
	case VERDICT_LOCKED:
		return "feature_control";
	case VERDICT_NO_EPT:
		return "ept";
	case VERDICT_NO_UNRESTRICTED:
		return "unrestricted_guest";
	default:
		return NULL;
	}
}

/* `vmctl host --json` as root, with the module or without it. */
static void test_json(const char *source)
{
	enum verdict verdict = vmx_verdict();
	struct json_object *root;
	struct vmx_msrs msrs;
	static struct run run;
	const char *missing;
	bool loads, read;
	__u64 real;

	read = real_features(&msrs, &real);
	root = host_json(&run, 0);
	loads = verdict == VERDICT_LOADS;
	missing = missing_for(verdict);

	ksft_test_result(root && json_object_get_int(member(root, "schema")) == 1 &&
			 !strcmp(text(root, "source"), source) && !run.err[0],
			 "%s: host --json is JSON of schema 1\n", source);
	ksft_test_result(root && run.status == (loads ? 0 : 6) &&
			 is(root, "supported", loads),
			 "%s: exit status %d: %s\n", source, run.status,
			 verdict_text(verdict));
	ksft_test_result(root && (missing ? is_missing(root, missing) :
				  !json_object_array_length(member(root, "missing"))),
			 "%s: missing: %s\n", source, missing ?: "nothing");
	ksft_test_result(root && read && features_are(root, real),
			 "%s: all features are what the MSRs show\n", source);
	ksft_test_result(root && (!cpuid_has_vmx() || msrs_are(root, &msrs)),
			 "%s: the MSRs have their values\n", source);
	ksft_test_result(root && is(member(root, "module"), "loaded",
				    module_is_loaded("phv")) &&
			 json_object_get_int(member(member(root, "cpu"), "online")) ==
			 __builtin_popcountll(cpus_online()),
			 "%s: module and CPUs are told\n", source);
	json_object_put(root);
}

static void cpu_name(char name[49])
{
	unsigned int words[12] = { 0 };
	unsigned int i;

	for (i = 0; i < 3; i++)
		__get_cpuid(0x80000002 + i, &words[i * 4], &words[i * 4 + 1],
			    &words[i * 4 + 2], &words[i * 4 + 3]);
	memcpy(name, words, sizeof(words));
	name[sizeof(words)] = '\0';
}

static void test_model(void)
{
	char name[49];
	struct json_object *root;
	static struct run run;
	__u64 told;
	size_t i;

	cpu_name(name);
	for (i = 0; i < ARRAY_SIZE(models); i++)
		if (strstr(name, models[i].name))
			break;
	if (!vmx_cpus_known() || i == ARRAY_SIZE(models)) {
		ksft_test_result_skip("model: %s is none of the emulator's\n",
				      name);
		return;
	}

	root = host_json(&run, 0);
	told = root ? features_told(root) & TOLD : ~0ULL;
	if (told != models[i].features)
		ksft_print_msg("told %#llx, not %#llx\n", told,
			       models[i].features);
	ksft_test_result(told == models[i].features,
			 "model: %s has what it should\n", name);
	json_object_put(root);
}

static void test_table(void)
{
	struct vmx_msrs msrs;
	static struct run run;
	char row[64], *p;
	bool match;
	__u64 real;
	size_t i;

	match = real_features(&msrs, &real);
	vmctl(&run, 0, "host", NULL);
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		snprintf(row, sizeof(row), "\n%-18s  %s", features[i].name,
			 features[i].bit & real ? "present" : "missing");
		for (p = row; *p && *p != ' '; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p += 'a' - 'A';
		if (strstr(run.out, row))
			continue;
		ksft_print_msg("no row: %s\n", row + 1);
		match = false;
	}
	ksft_test_result(match && strstr(run.out, vmx_verdict() == VERDICT_LOADS ?
					 "supported   yes" : "supported   no"),
			 "the table has a row for each feature\n");
}

/* A plain user, without the module: only the lack of VMX can be told. */
static void test_user_without_module(void)
{
	struct json_object *root;
	static struct run run;
	bool ok;

	root = host_json(&run, NOBODY);
	if (cpuid_has_vmx())
		ok = run.status == 4 && is_one_line(run.err) &&
		     strstr(run.err, "/dev/cpu/0/msr: Permission denied") &&
		     root && !member(root, "supported");
	else
		ok = run.status == 6 && root && is(root, "supported", false);
	ksft_test_result(ok, "a plain user, no module: exit status %d\n",
			 run.status);
	json_object_put(root);
}

static void test_user_with_module(void)
{
	static const char message[] =
		"vmctl: host: /dev/phv: Permission denied (are you in group phv?)\n";
	static struct run run;

	vmctl(&run, NOBODY, "host", NULL);
	ksft_test_result(run.status == 4 && !run.out[0] &&
			 !strcmp(run.err, message),
			 "a plain user, module loaded: exit status %d\n",
			 run.status);
}

static void expect_usage(const char *a, const char *b)
{
	static struct run run;

	vmctl(&run, 0, a, b);
	ksft_test_result(run.status == 2 && is_one_line(run.err) && !run.out[0],
			 "usage: vmctl%s%s%s%s: exit status %d\n", a ? " " : "",
			 a ?: "", b ? " " : "", b ?: "", run.status);
}

static void test_usage(void)
{
	static struct run run;

	expect_usage(NULL, NULL);
	expect_usage("frobnicate", NULL);
	expect_usage("host", "extra");
	expect_usage("host", "--frobnicate");
	expect_usage("version", "extra");
	expect_usage("help", "frobnicate");

	vmctl(&run, 0, "help", NULL);
	ksft_test_result(!run.status && !run.err[0] && strstr(run.out, "host") &&
			 strstr(run.out, "help") && strstr(run.out, "version"),
			 "help lists the verbs\n");
	vmctl(&run, 0, "help", "host");
	ksft_test_result(!run.status && !run.err[0] &&
			 strstr(run.out, "usage: vmctl host [--json]\n"),
			 "help host shows its usage\n");
	vmctl(&run, 0, "version", NULL);
	ksft_test_result(!run.status && is_one_line(run.out) &&
			 !strncmp(run.out, "vmctl ", 6),
			 "version is a line\n");
	ksft_test_result(run_command("%s help 2>/dev/null >/dev/full",
				     getenv("VMCTL") ?: "vmctl") == 1,
			 "a full disk is a failure\n");
}

int main(void)
{
	static struct run run;
	bool was_loaded, loads;

	ksft_print_header();
	test_need_root();
	vmctl(&run, 0, "version", NULL);
	if (run.status == 127)
		ksft_exit_skip("no vmctl in PATH; VMCTL may name it\n");
	was_loaded = module_is_loaded("phv");
	if (was_loaded && phv_unload())
		ksft_exit_skip("phv.ko is in use\n");

	loads = vmx_verdict() == VERDICT_LOADS && phv_module_path();

	ksft_set_plan(loads ? 26 : 19);
	test_usage();
	test_json(cpuid_has_vmx() ? "msr" : "cpuid");
	test_table();
	test_model();
	test_user_without_module();

	if (!loads)
		ksft_finished();
	if (phv_load())
		ksft_exit_fail_msg("phv.ko doesn't load\n");
	if (!was_loaded)
		phv_unload_at_exit();
	test_json("module");
	test_user_with_module();
	ksft_finished();
}
