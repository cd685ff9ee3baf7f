/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - what the process outside and PID 1 tell each other while a sandbox is set up: a pair
 * of sockets that keep messages apart (SOCK_SEQPACKET). The end of one process is the end of the
 * other's reading.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* O_CLOEXEC: [0] is outside, [1] is PID 1's. */
int run_channel_open(int ends[2], struct err *err) NODISCARD;

/* A text, or none (NULL). */
int run_channel_send(int end, const char *text, struct err *err) NODISCARD;
int run_channel_receive(int end, const char **text, struct arena *arena, struct err *err) NODISCARD;

/* A descriptor, which stays the sender's as well. */
int run_channel_send_fd(int end, int fd, struct err *err) NODISCARD;
int run_channel_receive_fd(int end, int *fd, struct err *err) NODISCARD;
