# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# containerd's CRI, as the kubelet uses it: containerd with its plugins' directory the one under test, an
# image for pods that is made here, and the kubelet's part by test/cri/client.py.
#
#	pod web '{"port_mappings": [...]}' | cri run     prints the sandbox's id
#	cri stop ID...; cri remove ID...

CONTAINERD_SOCKET=/run/containerd.sock

cri() {
	"$ROOT/test/cri/client.py" $CONTAINERD_SOCKET "$@" 3>&- 4>&-
}

ctr_with() {
	ctr --address $CONTAINERD_SOCKET --connect-timeout 30s -n k8s.io "$@" 3>&- 4>&-
}

# containerd_start PLUGINS NET_D : returns when the CRI answers and the pods' image is there.
containerd_start() {
	local dir=$BATS_FILE_TMPDIR/containerd
	mkdir -p "$dir"
	cat >"$dir/config.toml" <<-END
		version = 2
		root = "$dir/root"
		state = "/run/containerd"
		[grpc]
		address = "$CONTAINERD_SOCKET"
		[plugins."io.containerd.grpc.v1.cri"]
		sandbox_image = "localhost/pause:1"
		disable_cgroup = true
		disable_apparmor = true
		restrict_oom_score_adj = true
		[plugins."io.containerd.grpc.v1.cri".containerd]
		snapshotter = "native"
		default_runtime_name = "runc"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		runtime_type = "io.containerd.runc.v2"
		[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
		BinaryName = "runc"
		[plugins."io.containerd.grpc.v1.cri".cni]
		bin_dir = "$1"
		conf_dir = "$2"
	END
	containerd --config "$dir/config.toml" >"$dir/log" 2>&1 3>&- 4>&- &
	echo $! >"$dir/pid"
	cri version
	pause_image "$dir/pause" >"$dir/pause.tar"
	ctr_with image import "$dir/pause.tar"
}

containerd_stop() {
	kill "$(cat "$BATS_FILE_TMPDIR/containerd/pid")"
}

# pause_image DIR : what `docker save` would print of an image that sleeps.
pause_image() {
	local layer arch
	mkdir -p "$1/layer/bin"
	cp "$(command -v busybox)" "$1/layer/bin/busybox"
	ln -s busybox "$1/layer/bin/sleep"
	tar -C "$1/layer" -cf "$1/layer.tar" .
	layer=$(sha256sum <"$1/layer.tar")
	arch=$(dpkg --print-architecture)
	jq -n --arg layer "${layer%% *}" --arg arch "$arch" '{architecture: $arch, os: "linux",
		config: {Entrypoint: ["/bin/sleep", "100000"]},
		rootfs: {type: "layers", diff_ids: ["sha256:\($layer)"]}}' >"$1/config.json"
	jq -n '[{Config: "config.json", RepoTags: ["localhost/pause:1"], Layers: ["layer.tar"]}]' \
		>"$1/manifest.json"
	tar -C "$1" -c manifest.json config.json layer.tar
}

# pod NAME [MORE] : a PodSandboxConfig on one line.
pod() {
	jq -nc --arg name "$1" --argjson more "${2:-{\}}" '
		{metadata: {name: $name, uid: "uid-\($name)", namespace: "default"}, linux: {}} * $more'
}

# about_pod ID : of its status $pod_name, $pod_state, $pod_ips, $pod_pid, and $pod_ns, its namespace's name.
about_pod() {
	local status info
	status=$(cri status "$1")
	info=$(jq -r .info.info <<<"$status")
	pod_name=$(jq -r .status.metadata.name <<<"$status")
	pod_state=$(jq -r .status.state <<<"$status")
	pod_ips=$(jq -r '.status.network | .ip, .additionalIps[].ip' <<<"$status" | sort)
	pod_pid=$(jq -r .pid <<<"$info")
	pod_ns=$(jq -r '.runtimeSpec.linux.namespaces[] | select(.type == "network").path' <<<"$info")
	pod_ns=${pod_ns##*/}
}
