# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

# podman_conf DIR PLUGINS NETWORK : DIR/containers.conf, by which podman runs in a throw-away host: on that one of the
# networks in DIR/net.d, with these plugins.
podman_conf() {
	# Below the legacy hierarchy this one confuses crun; a machine without it is fine.
	umount /sys/fs/cgroup/unified 2>/dev/null || true
	mkdir "$1/net.d"
	cat >"$1/containers.conf" <<-END
		[containers]
		default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
		[network]
		network_backend="cni"
		cni_plugin_dirs=["$2"]
		network_config_dir="$1/net.d"
		default_network="$3"
		[engine]
		runtime="crun"
		cgroup_manager="cgroupfs"
		events_logger="none"
	END
}
