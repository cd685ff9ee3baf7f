// SPDX-License-Identifier: Apache-2.0

//go:build !oldlibcni

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

func gc(ctx context.Context, r *runtime) error {
	args := &libcni.GCArgs{ValidAttachments: []types.GCAttachment{}}
	for _, pair := range strings.FieldsFunc(r.valid, func(c rune) bool { return c == ',' }) {
		at := strings.Index(pair, "/")
		if at < 1 {
			return fmt.Errorf("not an ID/IFNAME pair: %q", pair)
		}
		args.ValidAttachments = append(args.ValidAttachments,
			types.GCAttachment{ContainerID: pair[:at], IfName: pair[at+1:]})
	}
	return r.cni.GCNetworkList(ctx, r.list, args)
}

// gcAll is what a caller without a list of attachments does.
func gcAll(ctx context.Context, r *runtime) error {
	return r.cni.GCNetworkList(ctx, r.list, nil)
}

func status(ctx context.Context, r *runtime) error {
	return r.cni.GetStatusNetworkList(ctx, r.list)
}
