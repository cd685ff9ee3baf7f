#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test/bench/cluster.py PLUGINS DIR URL PROXY-URL REQUESTS : what cluster costs, in test/e2e/host beside one etcd at URL and
etcd_proxy.py at PROXY-URL, which writes a line for each request to REQUESTS.

held   ADD and DEL of an address in a block that is held, with etcd there and away, beside host-local's, alternately
many   1,000 ADDs over 10 nodes, real executables, beside the arithmetic of whereabouts on the same etcd: for each
       address a lock taken and released, a read of the pool, a write of it (here without its polling interval)
"""
import base64
import http.client
import json
import os
import statistics
import subprocess
import sys
import time
import urllib.parse

plugins, directory, url, proxy, requests = sys.argv[1:6]


def call(plugin, verb, id, conf):
    env = {"CNI_COMMAND": verb, "CNI_CONTAINERID": id, "CNI_IFNAME": "eth0", "CNI_PATH": plugins, "CNI_NETNS": "/run/netns/none"}
    began = time.monotonic()
    subprocess.run([f"{plugins}/{plugin}"], input=conf, stdout=subprocess.DEVNULL, env=env, check=True)
    return (time.monotonic() - began) * 1000


def conf_of(ipam):
    return json.dumps({"cniVersion": "1.1.0", "name": "net", "type": "none", "ipam": ipam}).encode()


def cluster_conf(node, endpoint):
    return conf_of({"type": "cluster", "range": "10.9.0.0/16", "dataDir": f"{directory}/{node}",
                    "etcd": {"endpoints": [endpoint]}})


def held(rounds=300):
    local = conf_of({"type": "host-local", "ranges": [[{"subnet": "10.9.0.0/16"}]], "dataDir": f"{directory}/local"})
    sides = {
        "host-local": ("host-local", local),
        "cluster": ("cluster", cluster_conf("up", url)),
        "cluster without etcd": ("cluster", cluster_conf("down", url)),
    }
    times = {(side, v): [] for side in sides for v in ("ADD", "DEL")}
    for plugin, conf in sides.values():
        call(plugin, "ADD", "first", conf)
    sides["cluster without etcd"] = ("cluster", cluster_conf("down", "http://127.0.0.1:1"))
    for i in range(rounds):
        for side in list(sides)[:: 1 if i % 2 else -1]:
            for v in ("ADD", "DEL"):
                times[side, v].append(call(sides[side][0], v, f"c{i}", sides[side][1]))
    for v in ("ADD", "DEL"):
        theirs = statistics.median(times["host-local", v])
        for side in ("cluster", "cluster without etcd"):
            ours = statistics.median(times[side, v])
            print(f"{v} in a block that is held: {side} {ours:.2f} ms, host-local {theirs:.2f} ms, ratio {ours / theirs:.2f}")


def count():
    with open(requests) as f:
        return sum(1 for _ in f)


def whereabouts(n):
    """Lock (a key if absent, with a lease), read, write (by revision), unlock."""
    at = urllib.parse.urlparse(proxy)
    b64 = lambda s: base64.b64encode(s.encode()).decode()

    def post(path, body):
        c = http.client.HTTPConnection(at.hostname, at.port)
        c.request("POST", path, json.dumps(body))
        r = json.loads(c.getresponse().read())
        c.close()
        return r

    put = lambda key, value: {"request_put": {"key": b64(key), "value": b64(value)}}
    for i in range(n):
        post("/v3/kv/txn", {"compare": [{"key": b64("/wb/lock"), "target": "CREATE", "create_revision": "0"}],
                            "success": [put("/wb/lock", "me")]})
        post("/v3/kv/range", {"key": b64("/wb/pool")})
        post("/v3/kv/txn", {"success": [put("/wb/pool", "x" * 60 * i)]})
        post("/v3/kv/deleterange", {"key": b64("/wb/lock")})


def many(name, ms):
    with open(os.path.join(os.path.dirname(requests), "plan"), "w") as f:
        f.write(f"ms:{ms}" if ms else "pass")
    before, began = count(), time.monotonic()
    confs = [cluster_conf(f"{name}{n}", proxy) for n in range(10)]
    for i in range(1000):
        call("cluster", "ADD", f"c{i}", confs[i % 10])
    ours, asked = time.monotonic() - began, count() - before
    before, began = count(), time.monotonic()
    whereabouts(1000)
    theirs, lots = time.monotonic() - began, count() - before
    print(f"1,000 ADDs over 10 nodes, {ms} ms added to each request: {ours:.2f} s and {asked} requests; "
          f"as whereabouts does {theirs:.2f} s and {lots}: 1/{theirs / ours:.1f} of the time, 1/{lots / asked:.0f} of the requests")


held()
many("a", 0)
many("b", 5)
