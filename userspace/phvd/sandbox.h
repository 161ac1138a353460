/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sandbox - what a worker gives up before it touches anything of a guest's.
 */
#ifndef _SANDBOX_H
#define _SANDBOX_H

int sandbox_enter(unsigned int slot);

#endif /* _SANDBOX_H */
