/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend.h - the rules of host ports, by three backends: our table (nft_table.h), iptables in the
 * words of the reference (iptables.h), the reference's tables (nft_compat.h). ADD makes those
 * that the configuration asks for, DEL removes all three, CHECK is content with any.
 */
#pragma once

#include "conf.h"
#include "skel/record.h"

/*
 * Those that the configuration asks for, whatever others there are. `conf` is resolved. Pushes its
 * undo; a repair puts back what is gone.
 */
int portmap_rules_make(struct cni_call *c, const struct portmap *conf) NODISCARD;

/* Fails with ERR_CHECK if they are not all there. */
int portmap_rules_check(struct cni_call *c, const struct portmap *conf) NODISCARD;

/*
 * ADD again: what it had in our table by the configuration of its record, if there is one, goes.
 * The others' rules have been replaced.
 */
int portmap_rules_retire(struct cni_call *c, const struct record *r,
			 const struct portmap *conf) NODISCARD;

/* What another backend than the configuration's has goes. */
int portmap_rules_leave(struct cni_call *c, const struct portmap *conf,
			const struct portmap *old) NODISCARD;

/*
 * What this attachment has in our table: by the mappings of its record, or whatever has its
 * comment.
 */
int portmap_rules_del(struct cni_call *c, const struct portmap *conf) NODISCARD;

/* GC: what stale attachments of this network have in the table of these conditions. */
int portmap_rules_gc(struct cni_call *c, const struct portmap *conf) NODISCARD;

/* Can an ADD make its rules? */
int portmap_rules_usable(struct cni_call *c, const struct portmap *conf) NODISCARD;

/*
 * What an attachment has of the other two; without mappings, of the reference's table all that is
 * the container's.
 */
int portmap_rules_del_compat(struct cni_call *c, const char *container_id,
			     const struct portmap *conf) NODISCARD;
