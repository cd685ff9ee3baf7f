/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/request.h"

int cni_request_decode(struct cni_request *req, struct err *err)
{
	const struct json *v;

	if (json_parse(req->stdin_text, req->stdin_len, &v, err) < 0)
		return -1;
	return cni_conf_decode(&req->net, v, req->command == CNI_DEL, err);
}

int cni_request_decode_prev(struct cni_request *req, struct err *err)
{
	struct cni_result *prev;

	if ((req->command != CNI_ADD && req->command != CNI_CHECK) || !req->net.prev_result)
		return 0;
	prev = arena_new(json_arena(), struct cni_result);
	req->prev = prev;
	return cni_result_parse(req->net.prev_result, req->net.version, true, "prevResult", prev,
				err);
}
