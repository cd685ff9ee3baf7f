#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the kubelet asks of a container runtime, by hand (the API is made by hack/peers).

	client.py SOCKET version
	client.py SOCKET networks    the CNI lists that the runtime has loaded, as JSON
	client.py SOCKET run         a PodSandboxConfig as JSON on each line of stdin; prints the ids
	client.py SOCKET status ID   PodSandboxStatusResponse as JSON, with what the runtime itself says
	client.py SOCKET list        the ids of all sandboxes
	client.py SOCKET stop ID...
	client.py SOCKET remove ID...

Several sandboxes are run, stopped, removed four at a time. Of a call that fails the message goes to
stderr; exit 1.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from google.protobuf import json_format

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../build/peers/cri"))
import api_pb2 as api

AT_ONCE = 4
SECONDS = 120


class Runtime:
    def __init__(self, socket):
        self.channel = grpc.insecure_channel("unix:" + socket)

    def call(self, method, **fields):
        send = self.channel.unary_unary(
            "/runtime.v1.RuntimeService/" + method,
            request_serializer=getattr(api, method + "Request").SerializeToString,
            response_deserializer=getattr(api, method + "Response").FromString)
        return send(getattr(api, method + "Request")(**fields), timeout=SECONDS, wait_for_ready=True)


def run(runtime, line):
    config = json_format.Parse(line, api.PodSandboxConfig())
    sys.stdout.write(runtime.call("RunPodSandbox", config=config).pod_sandbox_id + "\n")  # one piece: threads write


def status(runtime, sandbox):
    print(json_format.MessageToJson(
        runtime.call("PodSandboxStatus", pod_sandbox_id=sandbox, verbose=True),
        including_default_value_fields=True))


def stop(runtime, sandbox):
    runtime.call("StopPodSandbox", pod_sandbox_id=sandbox)


def remove(runtime, sandbox):
    runtime.call("RemovePodSandbox", pod_sandbox_id=sandbox)


def version(runtime, _):
    print(json_format.MessageToJson(runtime.call("Version")))


def networks(runtime, _):
    print(runtime.call("Status", verbose=True).info["cniconfig"])


def list_all(runtime, _):
    for sandbox in runtime.call("ListPodSandbox").items:
        print(sandbox.id)


VERBS = {"run": run, "status": status, "stop": stop, "remove": remove, "version": version, "list": list_all,
         "networks": networks}


# True if the call is done.
def attempt(verb, runtime, what):
    try:
        verb(runtime, what)
        return True
    except grpc.RpcError as e:
        print(e.details(), file=sys.stderr)
        return False


def main():
    socket, verb, *what = sys.argv[1:]
    if verb == "run":
        what = sys.stdin.read().splitlines()
    elif verb in ("version", "list", "networks"):
        what = [None]
    runtime = Runtime(socket)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda one: attempt(VERBS[verb], runtime, one), what))
    return 0 if all(done) else 1


sys.exit(main())
