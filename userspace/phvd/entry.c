// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a vCPU could not be entered, and its VMCS for those who ask. Its thread is not in
 * PHV_RUN meanwhile, which would have the module's answers wait.
 */
#include <stdio.h>

#include <vmcs.h>

#include "entry.h"

/**
 * entry_failure - say which check of the processor's a vCPU has not passed
 * @vcpu: the vCPU, after PHV_EXIT_ENTRY_FAILED
 * @text: put here
 * @size: its size
 */
void entry_failure(const struct vm_vcpu *vcpu, char *text, size_t size)
{
	const struct phv_run *run = vcpu->run;
	const struct vmcs_failure *failure = NULL;
	struct vmcs_verdict verdict;
	struct vmcs vmcs = { 0 };
	struct vmcs_cpu cpu;

	if (!vmcs_this_cpu(vcpu->vm->device, &cpu) && !vmcs_read(vcpu->fd, &vmcs)) {
		vmcs_check(&vmcs, &cpu, &verdict);
		failure = vmcs_explain(&verdict, run->entry.reason, run->entry.error);
	}
	if (failure)
		snprintf(text, size, "%s: %s", vmcs_area_names[failure->area], failure->text);
	else
		snprintf(text, size, "reason %#x, error %u, qualification %#llx",
			 run->entry.reason, run->entry.error,
			 (unsigned long long)run->entry.qualification);
}

/* Numbers of JSON have a sign, so these are texts. */
static void add_number(struct json_object *json, const char *key, __u64 number)
{
	char text[24];

	snprintf(text, sizeof(text), "%#llx", (unsigned long long)number);
	json_object_object_add(json, key, json_object_new_string(text));
}

/**
 * entry_fields - a vCPU's VMCS
 * @vcpu: the vCPU, parked
 * @err: a negative errno is put here when there is none
 *
 * Return: an object with the values of the fields by their encodings, or NULL
 */
struct json_object *entry_fields(const struct vm_vcpu *vcpu, int *err)
{
	struct vmcs vmcs = { 0 };
	struct json_object *json;
	char key[12];
	size_t i;

	*err = vmcs_read(vcpu->fd, &vmcs);
	if (*err)
		return NULL;
	json = json_object_new_object();
	for (i = 0; vmcs_fields[i].name; i++) {
		if (!vmcs_known(&vmcs, vmcs_fields[i].encoding))
			continue;
		snprintf(key, sizeof(key), "%#x", vmcs_fields[i].encoding);
		add_number(json, key, vmcs_get(&vmcs, vmcs_fields[i].encoding));
	}
	return json;
}
