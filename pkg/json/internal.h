/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - what json.c and decode.c share; no other file may include it. */
#pragma once

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "json/json.h"

const cJSON *json_cjson(const struct json *v);

/* encoding/json's key match when no key is exact: ASCII case does not count. */
bool json_key_folds(const char *a, const char *b);
