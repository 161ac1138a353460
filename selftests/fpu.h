/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fpu.S: all registers of a kind from memory, and to it.
 */
#ifndef FPU_H
#define FPU_H

void x87_load(const void *area);
void x87_store(void *area);
void sse_load(const void *area);
void sse_store(void *area);
void avx_load(const void *area);
void avx_store(void *area);
void avx512_load(const void *area);
void avx512_store(void *area);

#endif /* FPU_H */
