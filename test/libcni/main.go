// SPDX-License-Identifier: Apache-2.0

// cnictl drives a network configuration list through the real libcni: a runtime small enough to
// test plugins with. Verbs that succeed print nothing, except add (the result) and validate (the
// capabilities in use). `cnictl -cnitool` is another program, see cnitool.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/types"
)

type runtime struct {
	cni  *libcni.CNIConfig
	list *libcni.NetworkConfigList
	rt   *libcni.RuntimeConf
	// attachments still in use, as gc is told: "id/ifname,id/ifname"
	valid string
}

var verbs = map[string]func(context.Context, *runtime) error{
	"add":      add,
	"check":    check,
	"del":      del,
	"gc":       gc,
	"status":   status,
	"validate": validate,
}

func add(ctx context.Context, r *runtime) error {
	result, err := r.cni.AddNetworkList(ctx, r.list, r.rt)
	if err != nil {
		return err
	}
	return result.Print()
}

func check(ctx context.Context, r *runtime) error {
	return r.cni.CheckNetworkList(ctx, r.list, r.rt)
}

func del(ctx context.Context, r *runtime) error {
	return r.cni.DelNetworkList(ctx, r.list, r.rt)
}

func validate(ctx context.Context, r *runtime) error {
	capabilities, err := r.cni.ValidateNetworkList(ctx, r.list)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(capabilities)
}

// splitArgs turns "K=V;K=V" into pairs; the value may contain "=".
func splitArgs(text string) ([][2]string, error) {
	var pairs [][2]string
	if text == "" {
		return nil, nil
	}
	for _, piece := range strings.Split(text, ";") {
		at := strings.Index(piece, "=")
		if at < 1 {
			return nil, fmt.Errorf("not a KEY=VALUE pair: %q", piece)
		}
		pairs = append(pairs, [2]string{piece[:at], piece[at+1:]})
	}
	return pairs, nil
}

func envOr(key, fallback string) string {
	if value := os.Getenv(key); value != "" {
		return value
	}
	return fallback
}

func parse() (func(context.Context, *runtime) error, *runtime, error) {
	conf := flag.String("conf", os.Getenv("NETCONF"), "network configuration list (a file)")
	id := flag.String("id", os.Getenv("CNI_CONTAINERID"), "container id")
	netns := flag.String("netns", os.Getenv("CNI_NETNS"), "path of the network namespace")
	ifname := flag.String("ifname", envOr("CNI_IFNAME", "eth0"), "interface name")
	args := flag.String("args", os.Getenv("CNI_ARGS"), "K=V;K=V")
	caps := flag.String("caps", os.Getenv("CAP_ARGS"), "capability arguments (JSON object)")
	path := flag.String("path", os.Getenv("CNI_PATH"), "plugin directories, separated by ':'")
	cache := flag.String("cache", "/var/lib/cni", "where results are cached")
	valid := flag.String("valid", "", "attachments still in use, for gc: id/ifname,id/ifname")
	flag.Parse()

	verb := verbs[flag.Arg(0)]
	if verb == nil || flag.NArg() != 1 {
		return nil, nil, errors.New("usage: cnictl [flags] add|check|del|gc|status|validate")
	}
	list, err := libcni.ConfListFromFile(*conf)
	if err != nil {
		return nil, nil, err
	}
	pairs, err := splitArgs(*args)
	if err != nil {
		return nil, nil, err
	}
	rt := &libcni.RuntimeConf{ContainerID: *id, NetNS: *netns, IfName: *ifname, Args: pairs}
	if *caps != "" {
		if err := json.Unmarshal([]byte(*caps), &rt.CapabilityArgs); err != nil {
			return nil, nil, err
		}
	}
	return verb, &runtime{
		cni:   libcni.NewCNIConfigWithCacheDir(strings.Split(*path, ":"), *cache, nil),
		list:  list,
		rt:    rt,
		valid: *valid,
	}, nil
}

// fail prints what the plugin said as JSON where it was a plugin's error object, so that a test
// can ask for the code, and as text on stderr in any case.
func fail(err error) {
	var object *types.Error
	if errors.As(err, &object) {
		_ = json.NewEncoder(os.Stdout).Encode(object)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-cnitool" {
		cnitoolMain(os.Args[2:])
		return
	}
	verb, r, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := verb(context.Background(), r); err != nil {
		fail(err)
	}
}
