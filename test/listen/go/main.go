// SPDX-License-Identifier: Apache-2.0

// The sockets of `cnic listen`, by containernetworking's pkg/ns: what hack/bench --listen puts beside it.
//
//	listen-go ADDRESS PATH...    listens there in each namespace, says so, and waits for the end of stdin
package main

import (
	"fmt"
	"io"
	"net"
	"os"

	"github.com/containernetworking/plugins/pkg/ns"
)

func main() {
	listeners := make([]net.Listener, 0, len(os.Args))
	for _, path := range os.Args[2:] {
		err := ns.WithNetNSPath(path, func(ns.NetNS) error {
			l, err := net.Listen("tcp", os.Args[1])
			if err == nil {
				listeners = append(listeners, l)
			}
			return err
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	fmt.Println("sockets", len(listeners))
	io.Copy(io.Discard, os.Stdin)
}
