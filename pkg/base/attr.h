/* SPDX-License-Identifier: Apache-2.0 */
/* attr.h - the few compiler attributes and macros that all files share. */
#pragma once

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define NODISCARD     __attribute__((warn_unused_result))
