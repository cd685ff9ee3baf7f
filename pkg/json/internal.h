/* SPDX-License-Identifier: Apache-2.0 */
/*
 * internal.h - what json.c and decode.c see of a value; no other file may include it. cJSON's
 * struct is declared by our name, so that the struct json that all others hold is it.
 */
#pragma once

#define cJSON json
#include <cjson/cJSON.h>
#undef cJSON
