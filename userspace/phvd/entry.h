/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * entry - what a vCPU's VMCS has to say; see entry.c.
 */
#ifndef _ENTRY_H
#define _ENTRY_H

#include <json-c/json.h>

#include "vm.h"

void entry_failure(const struct vm_vcpu *vcpu, char *text, size_t size);
struct json_object *entry_fields(const struct vm_vcpu *vcpu, int *err);

#endif /* _ENTRY_H */
