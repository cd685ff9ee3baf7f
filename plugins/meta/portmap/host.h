/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host.h - what host ports need of the host besides rules: that its own loopback addresses may lead
 * to containers, and that connections do not go where a port has led before.
 */
#pragma once

#include "conf.h"
#include "skel/call.h"

/*
 * The host's processes reach the ports by a loopback address: what comes and goes by the
 * container's bridge, or its veth, may have one. The interface is shared with other containers, so
 * this is not taken back, but for a route of ::1 that the other backends need: it goes with the
 * last recorded attachment that is reached by the same interface. Pushes its undo.
 */
int portmap_allow_loopback(struct cni_call *c, const struct portmap *conf) NODISCARD;
/*
 * Of a conf that portmap_from_record() has made. Our table's route goes only when a repair turns
 * from it.
 */
int portmap_close_loopback(struct cni_call *c, const struct portmap *conf) NODISCARD;

/*
 * ADD: connections to the ports that are tracked already and do not begin anew, which are UDP's.
 * DEL: connections to the ports that lead to the container.
 */
int portmap_conntrack_flush(struct cni_call *c, const struct portmap_list *list) NODISCARD;
