/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - being told of a descriptor by an epoll(7): `of` is what the event will name. */
#pragma once

#include <stdint.h>

#include "base/err.h"

int listen_events_add(int epoll, int fd, uint32_t events, void *of, struct err *err) NODISCARD;
