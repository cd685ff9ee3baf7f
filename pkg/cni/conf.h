/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - the keys that every network configuration has (CNI spec, section 1). */
#ifndef CNIC_CNI_CONF_H
#define CNIC_CNI_CONF_H

#include "skel/call.h"

/*
 * Fill all of *conf; the first error is that of the name, as libcni has it. conf->version is what the
 * document says, whatever else is wrong with it: the error object carries it. `lenient` is for DEL,
 * which demands nothing else but a version (decode.h); not for GC, which needs to know who is alive.
 */
int cni_conf_decode(struct cni_conf *conf, const struct json *raw, bool lenient,
		    struct err *err) NODISCARD;

#endif
