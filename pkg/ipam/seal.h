/* SPDX-License-Identifier: Apache-2.0 */
/* seal.h - how the index knows that directories, and its own head, are as they were left. */
#pragma once

#include "ipam/index.h"

/*
 * Set the directory's modification time to one that no clock shows, and keep it in *seal; false if
 * that fails.
 */
bool seal_put(int dir, const char *name, struct index_seal *seal);
bool seal_holds(const struct index_seal *seal, const struct stat *dir);

void seal_sum(const struct index_head *h, uint8_t sum[16]);
bool seal_sum_holds(const struct index_head *h);
