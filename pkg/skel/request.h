/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - a request's configuration, from the text on stdin. */
#pragma once

#include "skel/call.h"

/* Fill req->net from req->stdin_text; req->command says how strict. */
int cni_request_decode(struct cni_request *req, struct err *err) NODISCARD;

/*
 * Fill req->prev: on ADD it is what the chain did before, for CHECK the result of ADD. DEL and GC
 * do without.
 */
int cni_request_decode_prev(struct cni_request *req, struct err *err) NODISCARD;
