/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver.h - what programs that run plugins share (test/bench, test/race): calls with an
 * environment of their own, and network namespaces. Whatever fails here ends the program with a
 * message.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ENVIRONMENT_MAX 128

struct environment {
	unsigned n;
	size_t used;
	char text[6144], *list[ENVIRONMENT_MAX]; /* list: what spawn() takes */
};

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void text(char *to, size_t size, const char *fmt, ...);
double now_ms(void);

/* One NAME=VALUE more, of a struct that begins with n and used 0. */
__attribute__((format(printf, 2, 3))) void environment_add(struct environment *e, const char *fmt,
							   ...);
/* All that this program has. */
void environment_inherit(struct environment *e);

/* A descriptor from which `in` can be read: no longer than the buffer of a pipe. */
int open_input(const char *in);
/* `err` -1: nobody reads it. */
pid_t spawn(char *const *argv, char *const *envp, int in, int out, int err);
/* Up to the end or the buffer's. False if the end did not come; limit_ms -1: none. */
bool read_all(int fd, char *to, size_t size, int limit_ms);

int netns_open(const char *path);
void netns_enter(int fd);
/* Makes one with this name, and enters it. */
void netns_make(const char *path);

void make_dir(const char *path);
