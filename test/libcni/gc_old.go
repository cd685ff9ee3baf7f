// SPDX-License-Identifier: Apache-2.0

//go:build oldlibcni

package main

import (
	"context"
	"errors"
)

var errOld = errors.New("this libcni has neither GC nor STATUS")

func gc(context.Context, *runtime) error     { return errOld }
func gcAll(context.Context, *runtime) error  { return errOld }
func status(context.Context, *runtime) error { return errOld }
