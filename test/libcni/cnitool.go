// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containernetworking/cni/libcni"
)

// `cnictl -cnitool VERB NAME NETNS` takes what cnitool takes, in the order in which v1.3.0 looks at it,
// and prints and exits as it does: the other side of the tests of ours.
const cnitoolUsage = `cnitool: Add, check, remove, gc or status network interfaces from a network namespace
  cnitool add <net> <netns>
  cnitool check <net> <netns>
  cnitool del <net> <netns>
  cnitool gc <net> <netns>
  cnitool status <net> <netns>
`

var cnitoolVerbs = map[string]func(context.Context, *runtime) error{
	"add":    cnitoolAdd,
	"check":  check,
	"del":    del,
	"gc":     gcAll,
	"status": status,
}

// A result may come with an error: that of a cache that cannot be written.
func cnitoolAdd(ctx context.Context, r *runtime) error {
	result, err := r.cni.AddNetworkList(ctx, r.list, r.rt)
	if result != nil {
		_ = result.Print()
	}
	return err
}

// strictArgs turns "K=V;K=V" into pairs, each with one "=" and something on both sides of it.
func strictArgs(text string) ([][2]string, error) {
	var pairs [][2]string
	if text == "" {
		return nil, nil
	}
	for _, piece := range strings.Split(text, ";") {
		key, value, ok := strings.Cut(piece, "=")
		if !ok || key == "" || value == "" || strings.Contains(value, "=") {
			return nil, fmt.Errorf("invalid CNI_ARGS pair %q", piece)
		}
		pairs = append(pairs, [2]string{key, value})
	}
	return pairs, nil
}

// runtimeFromEnv reads the rest of what the tool is told; an interface name may be empty.
func runtimeFromEnv(netns string) (*libcni.RuntimeConf, error) {
	var err error
	rt := &libcni.RuntimeConf{IfName: "eth0"}
	if caps := os.Getenv("CAP_ARGS"); caps != "" {
		if err = json.Unmarshal([]byte(caps), &rt.CapabilityArgs); err != nil {
			return nil, err
		}
	}
	if rt.Args, err = strictArgs(os.Getenv("CNI_ARGS")); err != nil {
		return nil, err
	}
	if name, ok := os.LookupEnv("CNI_IFNAME"); ok {
		rt.IfName = name
	}
	if rt.NetNS, err = filepath.Abs(netns); err != nil {
		return nil, err
	}
	sum := sha512.Sum512([]byte(rt.NetNS))
	rt.ContainerID = "cnitool-" + hex.EncodeToString(sum[:10])
	return rt, nil
}

func cnitool(args []string) error {
	list, err := libcni.LoadConfList(envOr("NETCONFPATH", "/etc/cni/net.d"), args[1])
	if err != nil {
		return err
	}
	rt, err := runtimeFromEnv(args[2])
	if err != nil {
		return err
	}
	verb := cnitoolVerbs[args[0]]
	if verb == nil {
		return nil
	}
	return verb(context.Background(), &runtime{
		cni:  libcni.NewCNIConfig(filepath.SplitList(os.Getenv("CNI_PATH")), nil),
		list: list,
		rt:   rt,
	})
}

func cnitoolMain(args []string) {
	if len(args) < 3 {
		fmt.Fprint(os.Stderr, cnitoolUsage)
		os.Exit(1)
	}
	if err := cnitool(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
