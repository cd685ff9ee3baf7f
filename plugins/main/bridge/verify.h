/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - CHECK of a bridge and its port. Changes nothing; code 102 where something is missing.
 */
#pragma once

#include "ensure.h"
#include "port.h"

/* The bridge of prevResult. */
int bridge_verify(struct cni_call *c, const struct bridge_options *options,
		  struct link *br) NODISCARD;

/* The host's end of `inside` as its port. */
int bridge_verify_port(struct cni_call *c, const struct link *br, const struct link *inside,
		       const struct bridge_port *want) NODISCARD;
