/* SPDX-License-Identifier: Apache-2.0 */
/* block.h - blocks of this node: claiming one, giving one back. */
#pragma once

#include "engine.h"

/* What of the pool lies in this node's blocks: what is given without asking anybody. */
void block_local_set(const struct engine *e, const struct pool *p, struct range_set *set);

/* *got: this node has one block more. False: there is none left of this pool. */
int block_claim(struct engine *e, const struct pool *p, bool *got) NODISCARD;

/* It has nothing in it, and no address of it is given while this goes on. */
int block_return(struct engine *e, const struct ip *base) NODISCARD;
