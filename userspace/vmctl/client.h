/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the verbs talk to phvd.  All functions but client_try() and client_verb() report
 * what goes wrong; what they return then is for the verb to return, too.
 */
#ifndef _CLIENT_H
#define _CLIENT_H

#include <stdio.h>

#include <proto.h>

int client_try(struct proto *phvd);
int client_open(struct proto *phvd);
struct json_object *client_verb(const char *verb, const char *domain);
int client_call(struct proto *phvd, struct json_object *request, const int *fds,
		unsigned int nr_fds, struct proto_message *reply);
int client_wait(struct proto *phvd, struct proto_message *reply);
int client_simple(const char *verb, const char *domain);
void print_clean(FILE *stream, const char *text);
void copy_clean(char *to, size_t size, const char *text);

#endif /* _CLIENT_H */
