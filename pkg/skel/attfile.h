/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attfile.h - what a plugin keeps of an attachment between ADD and DEL: one small JSON file in
 * a directory that only root may enter.
 */
#pragma once

#include "json/json.h"

#define ATTFILE_MAX 2000000 /* bytes, of two configurations; what is larger is not read */

/*
 * Written whole or not at all, into a directory that exists; an object, and what could not be read
 * again is not written. err->sys is ENOENT if there is none.
 */
int attfile_store(const char *path, const struct json *v, struct arena *arena,
		  struct err *err) NODISCARD;
int attfile_load(const char *path, struct arena *arena, const struct json **v,
		 struct err *err) NODISCARD;
