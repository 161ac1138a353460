/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * viewer - what goes between a worker and those who look at its domain's console.
 *
 * The connection is a socket of SOCK_SEQPACKET.  A packet is a type, one byte, and
 * data.  Used by vmctl's console.c and phvd's console.c.
 */
#ifndef _VIEWER_H
#define _VIEWER_H

/* To the viewer, bytes the guest wrote; from the viewer, bytes for the guest. */
#define VIEWER_DATA		'd'
/* To the viewer: it was too slow, and did not get as many bytes as the text says. */
#define VIEWER_LOST		'l'
/* To the viewer: "1", it may write from now on; "0", it may do so no more. */
#define VIEWER_WRITER		'w'
/* To the viewer, last: a JSON object, why the domain ended. */
#define VIEWER_END		'e'
/* From the viewer, last: it leaves on purpose. */
#define VIEWER_DETACH		'q'

/* The largest packet, with its type */
#define VIEWER_PACKET_MAX	4096

#endif /* _VIEWER_H */
