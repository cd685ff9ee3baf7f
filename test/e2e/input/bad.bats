# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# Whatever else a runtime or a user gives us: one error object with a code that names the place, exit 1, and nothing
# has changed.

load ../lib
load bad

# ---- values that are of the right type and wrong ---------------------------------------------

# changed PLUGIN FILTER... : the base of PLUGIN as each jq filter makes it, one a line.
changed() {
	local plugin=$1
	shift
	jq -c --arg plugin "$plugin" ".[\$plugin] | $(printf '(%s),' "$@")empty" <<<"$BASES"
}

# wrong PLUGIN CODES TEXT FILTER... : the base of PLUGIN, changed by jq filters, is refused.
wrong() {
	local plugin=$1 codes=$2 text=$3 conf
	shift 3
	while read -r conf; do
		refuse ADD "$plugin" "$codes" "$text" <<<"$conf"
		refuse STATUS "$plugin" "$codes 50" "$text" <<<"$conf"
	done < <(changed "$plugin" "$@")
}

# What STATUS does not look at.
wrong_add() {
	local plugin=$1 codes=$2 text=$3 conf
	shift 3
	while read -r conf; do
		refuse ADD "$plugin" "$codes" "$text" <<<"$conf"
	done < <(changed "$plugin" "$@")
}

@test "network names" {
	local name
	for name in '' '.' '..' '-a' '_a' 'a b' 'a/b' '../a' 'ä' 'a\n' 'a\t' '*' 'a;b' '.cnic'; do
		refuse ADD bridge 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
		refuse GC loopback 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
		refuse STATUS host-local 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
	done
	refuse ADD host-local 7 'name: longer' <<<"$(base_of host-local | jq -c '.name = "n" * 256')"
	nothing_changed
}

@test "bridge: values" {
	wrong bridge 7 'bridge: ' '.bridge = ""' '.bridge = "a/b"' '.bridge = "a b"' '.bridge = "."' \
		'.bridge = ".."' '.bridge = "a:b"' '.bridge = "a\u00a0b"' '.bridge = "a\tb"'
	wrong bridge 7 'vlanTrunk[0].' '.vlanTrunk = [{minID: 5}]' '.vlanTrunk = [{maxID: 5}]' \
		'.vlanTrunk = [{minID: 5, maxID: 4}]'
	wrong bridge 7 'hairpinMode' '.hairpinMode = true | .promiscMode = true'
	wrong bridge 7 'disableContainerInterface' '.disableContainerInterface = true'
	wrong bridge 7 'plugin' '.ipam.type = "a/b"' '.ipam.type = "../bridge"' '.ipam.type = "nosuch"' \
		'.ipam.type = "/bin/true"' '.ipam.type = "."' '.ipam.type = ".."'
	nothing_changed
}

@test "ovs: values" {
	wrong ovs 7 "trunk[0]" ".trunk = [{minID: 5}]" ".trunk = [{maxID: 5}]" ".trunk = [{minID: 5, maxID: 4}]" \
		".trunk = [{}]"
	wrong ovs "7 11" "" ".socket_file = \"nonsense\"" ".socket_file = \"unix:\"" ".socket_file = \"tcp:x:1\""
	wrong ovs "2" "ssl" ".socket_file = \"ssl:127.0.0.1:1\""
	wrong_add ovs 7 "bridge" "del(.bridge)" ".bridge = \"\""
	wrong_add ovs 7 "runtimeConfig.mac: " ".runtimeConfig.mac = \"x\""
	wrong_add ovs 7 "args.cni.mac: " ".args.cni.mac = \"x\""
	nothing_changed
}

@test "the mirrors: values" {
	local each
	for each in $MIRRORS; do
		wrong "$each" 7 "bridge: " "del(.bridge)" '.bridge = ""'
		wrong "$each" 7 "mirrors: missing" "del(.mirrors)" ".mirrors = []"
		wrong "$each" 7 "mirrors[1].name: " '.mirrors += [{name: "", ingress: true}]'
		wrong_add "$each" 7 "prevResult: missing" .
		wrong_add "$each" "7 11" "" '.socket_file = "nonsense" | .prevResult = {}'
		wrong_add "$each" 11 db.sock ".prevResult = {}"
	done
	wrong ovs-mirror-producer 7 "mirrors[0]: neither ingress nor egress" \
		".mirrors[0].ingress = false" "del(.mirrors[0].ingress)"
	nothing_changed
}

@test "firewall: values" {
	wrong firewall 7 'backend: ' '.backend = "nft"' '.backend = "IPTABLES"' '.backend = "ufw"'
	wrong firewall 7 'ingressPolicy: ' '.ingressPolicy = "Open"' '.ingressPolicy = "closed"'
	wrong firewall 7 'iptablesAdminChainName: ' '.iptablesAdminChainName = "a b"' \
		'.iptablesAdminChainName = "-a"' '.iptablesAdminChainName = "RETURN"' '.iptablesAdminChainName = "a;b"' \
		'.iptablesAdminChainName = "CNI-ISOLATION-STAGE-1"' '.iptablesAdminChainName = "a" * 29' \
		'.iptablesAdminChainName = "a\"b"' '.iptablesAdminChainName = "a\nCOMMIT"' '.iptablesAdminChainName = "ä"'
	wrong_add firewall 7 'prevResult: missing' 'del(.prevResult)'
	wrong_add firewall 7 'prevResult.interfaces' '.ingressPolicy = "isolated" | del(.prevResult.interfaces)' \
		'.ingressPolicy = "isolated" | .prevResult.interfaces[0].name = "a b"' \
		'.ingressPolicy = "isolated" | .prevResult.interfaces[0].sandbox = "/x"'
	[ -z "$(nft list ruleset)" ] || fail "no rules"
	nothing_changed
}

@test "portmap: values" {
	wrong portmap 7 'backend: ' '.backend = "nft"' '.backend = "IPTABLES"'
	wrong portmap 7 'markMasqBit' '.markMasqBit = 32' '.markMasqBit = 13 | .externalSetMarkChain = "M"'
	wrong portmap 7 'externalSetMarkChain: ' '.externalSetMarkChain = ""' '.externalSetMarkChain = "a b"' \
		'.externalSetMarkChain = "-j"' '.externalSetMarkChain = "x" * 29' '.externalSetMarkChain = "a\"b"' \
		'.externalSetMarkChain = "M" | .backend = "nftables"' '.externalSetMarkChain = "a\nb"'
	wrong portmap 7 'conditionsV4' '.conditionsV4 = ["-s", "x"] | .backend = "nftables"' \
		'.conditionsV4 = ["-s", "10.0.0.0/8"] | .backend = "nftables"' \
		'.conditionsV4 = ["ip", "saddr", "10.0.0.0/8"] | .backend = "iptables"' \
		'.conditionsV4 = ["-i", "a\nb"] | .backend = "iptables"' '.conditionsV4 = [""]' \
		'.conditionsV4 = ["tcp dport 80"]' '.conditionsV4 = ["ip saddr"]' '.conditionsV4 = ["ip saddr fd00::1"]' \
		'.conditionsV4 = ["iifname", "a/b"]' '.conditionsV4 = ["iifname *"]' \
		'.conditionsV4 = ["ip saddr 10.0.0.0/8"] | .conditionsV6 = ["-i", "eth0"]' \
		'.conditionsV4 = ["-i", "x" * 5000] | .backend = "iptables"'
	wrong portmap "6 7" 'conditionsV6' '.conditionsV6 = ["ip6 daddr 10.0.0.1"]' '.conditionsV6 = ["ip saddr 10.0.0.1"]' \
		'.conditionsV6 = ["ip6 saddr != fd00::/129"]'
	wrong portmap 7 'runtimeConfig.portMappings[0].protocol: ' '.runtimeConfig.portMappings[0].protocol = "icmp"' \
		'.runtimeConfig.portMappings[0].protocol = "6"' '.runtimeConfig.portMappings[0].protocol = "tcp "'
	wrong portmap 7 'runtimeConfig.portMappings[1].hostPort: ' \
		'.runtimeConfig.portMappings[1] = {hostPort: 8080, containerPort: 81}' \
		'.runtimeConfig.portMappings[1] = {hostPort: 8080, containerPort: 81, protocol: "TCP", hostIP: "::"}'
	wrong_add portmap 7 'prevResult: missing' . 'del(.runtimeConfig)' '.runtimeConfig.portMappings = []'
	nothing_changed
}

@test "bridge, MAC addresses" {
	local mac
	for mac in 'x' '00:11:22:33:44' '00:11:22:33:44:55:66' '00:11:22:33:44:5g' '001122334455' \
		'00:11:22:33:44:55 ' '00-11:22-33:44-55' ; do
		wrong_add bridge 7 'runtimeConfig.mac: ' ".runtimeConfig.mac = \"$mac\""
		wrong_add bridge 7 'args.cni.mac: ' ".args.cni.mac = \"$mac\""
		CNI_ARGS="MAC=$mac" refuse ADD bridge "4 7" MAC <<<"$(base_of bridge)"
	done
	nothing_changed
}

@test "ptp: values" {
	wrong ptp 7 'ipam.type' 'del(.ipam)' '.ipam = {}' '.ipam.type = ""'
	wrong ptp 7 'plugin' '.ipam.type = "nosuch"' '.ipam.type = "a/b"'
	nothing_changed
}

@test "host-local: values" {
	wrong host-local 7 'ipam.ranges[0][0]' \
		'.ipam.ranges[0][0].subnet = "10.2.0.0"' '.ipam.ranges[0][0].subnet = "10.2.0.0/33"' \
		'.ipam.ranges[0][0].subnet = "10.2.0.0/31"' '.ipam.ranges[0][0].subnet = "10.2.0.0/32"' \
		'.ipam.ranges[0][0].subnet = "10.2.0.1/24"' '.ipam.ranges[0][0].subnet = ""' \
		'.ipam.ranges[0][0].subnet = "nonsense"' '.ipam.ranges[0][0] = {}' \
		'.ipam.ranges[0][0].rangeStart = "10.3.0.1"' '.ipam.ranges[0][0].rangeEnd = "10.3.0.1"' \
		'.ipam.ranges[0][0].rangeStart = "x"' '.ipam.ranges[0][0].rangeEnd = "x"' \
		'.ipam.ranges[0][0].rangeStart = "fd00::1"' \
		'.ipam.ranges[0][0] += {rangeStart: "10.2.0.9", rangeEnd: "10.2.0.8"}' \
		'.ipam.ranges[0][0].gateway = "x"'
	wrong host-local 7 range '.ipam = {type: "host-local"}' '.ipam.ranges = []' '.ipam.ranges = [[]]' \
		'.ipam.ranges[1] = .ipam.ranges[0]' '.ipam.ranges[0][1] = .ipam.ranges[0][0]' \
		'.ipam.ranges[0][1] = {subnet: "fd00::/64"}' \
		'.ipam.subnet = "10.2.0.0/16"'
	wrong host-local 7 'ipam.subnet: ' '.ipam.subnet = "x"' 'del(.ipam.ranges) | .ipam.subnet = "x"'
	wrong host-local 7 'runtimeConfig' '.runtimeConfig.ipRanges = [[{subnet: "x"}]]' \
		'.runtimeConfig.ipRanges = [[]]'
	nothing_changed
}

@test "host-local: what is asked for" {
	wrong_add host-local 7 'runtimeConfig.ips[0]: ' '.runtimeConfig.ips = ["x"]' '.runtimeConfig.ips = [""]'
	wrong_add host-local 7 'args.cni.ips[0]: ' '.args.cni.ips = ["x"]'
	wrong_add host-local 7 '10.3.0.1' '.runtimeConfig.ips = ["10.3.0.1"]' '.args.cni.ips = ["10.3.0.1"]'
	wrong_add host-local 7 'gateway' '.runtimeConfig.ips = ["10.2.0.1"]'
	wrong_add host-local "5 7 999" 'ipam.resolvConf: ' '.ipam.resolvConf = "/nosuch"' '.ipam.resolvConf = "/run"'
	wrong_add host-local "5 7 999" '' '.ipam.dataDir = "/dev/null"' '.ipam.dataDir = "/dev/null/x"' \
		'.ipam.dataDir = "/proc/nosuch"'
	CNI_ARGS=IP=x refuse ADD host-local "4 7" 'IP' <<<"$(base_of host-local)"
	CNI_ARGS=IP=10.3.0.1 refuse ADD host-local "4 7" '10.3.0.1' <<<"$(base_of host-local)"
	nothing_changed
}

@test "static: values" {
	local conf
	wrong static 7 'ipam.addresses[0].address: ' '.ipam.addresses[0].address = "10.2.0.2"' \
		'.ipam.addresses[0].address = ""' '.ipam.addresses[0].address = "10.2.0.2/33"' \
		'.ipam.addresses[0].address = "x"' '.ipam.addresses[0] = {}'
	wrong static 7 'ipam.addresses[0].gateway: ' '.ipam.addresses[0].gateway = "x"' \
		'.ipam.addresses[0].gateway = "10.2.0.1/24"'
	wrong static 7 'runtimeConfig.ips[0]' '.runtimeConfig.ips = ["10.2.0.2"]' '.runtimeConfig.ips = ["x"]'
	wrong static 7 'args.cni.ips[1]' '.args.cni.ips = ["10.2.0.2/24", "x"]'
	wrong static "6 7" 'ipam' 'del(.ipam)'
	conf=$(base_of static)
	for CNI_ARGS in IP=x IP=10.2.0.3 'IP=10.2.0.3/24,' 'IP=10.2.0.3/24;GATEWAY=x' 'IP=,'; do
		refuse ADD static "4 7" "CNI_ARGS" <<<"$conf"
	done
	nothing_changed
}

# ---- the text --------------------------------------------------------------------------------

nested() {
	printf '{"name":"bad","cniVersion":"1.1.0","x":'
	printf "%${1}s" '' | tr ' ' "$2"
	printf "%${1}s" '' | tr ' ' "$3"
	printf '}'
}

in_each_plugin() {
	local plugin
	for plugin in $EVERY_PLUGIN; do
		"$@"
	done
}

texts_that_are_no_json() {
	local text
	for text in '' ' ' $'\n' x '{' '}' '[' '{]' '{"a"}' '{"a":}' '{"a":1,}' '{,}' "{'name':1}" '{name:1}' \
		'{"name":"bad"}x' '{"name":"bad"}{}' '{"name":"bad"},' '{"name":"bad"' '{"name":"bad' '"name' \
		'{"name":"bad","x":01}' '{"name":"bad","x":+1}' '{"name":"bad","x":1.}' '{"name":"bad","x":.5}' \
		'{"name":"bad","x":1e}' '{"name":"bad","x":0x1}' '{"name":"bad","x":NaN}' \
		'{"name":"bad","x":tru}' '{"name":"bad","x":True}' '{"name":"bad","x":"\x"}' \
		'{"name":"bad","x":"\u12"}' '{"name":"bad\u0000"}' '{"nam\u0000e":"bad"}' \
		$'{"name":"bad","x":"\t"}' $'{"name":"bad","x":"\xff"}' $'{"name":"bad","x":"\xc0\xaf"}' \
		$'{"name":"bad","x":"\xed\xa0\x80"}' $'\xef\xbb\xbf{"name":"bad"}' '// x' '{"name":"bad"}//'; do
		refuse ADD "$plugin" 6 'invalid JSON' < <(printf %s "$text")
	done
	refuse ADD "$plugin" 6 'invalid JSON' < <(printf '{"name":"bad"}\0')
	refuse ADD "$plugin" 6 'invalid JSON' < <(printf '\0{"name":"bad"}')
}

@test "texts that are no JSON" {
	in_each_plugin texts_that_are_no_json
	nothing_changed
}

documents_that_are_no_configuration() {
	local text
	for text in '[]' '5' '"x"' true false '[{"name":"bad"}]'; do
		refuse ADD "$plugin" 6 'document: expected an object' <<<"$text"
	done
	for text in null '{}' '{"name":null}' '{"name":""}'; do
		refuse ADD "$plugin" 7 'missing network name' <<<"$text"
		refuse DEL "$plugin" 7 'missing network name' <<<"$text"
	done
	refuse ADD "$plugin" 6 'name: ' <<<'{"name":5}'
}

@test "documents that are no configuration" {
	in_each_plugin documents_that_are_no_configuration
	nothing_changed
}

too_deep() {
	refuse ADD "$plugin" 6 'nested too deep' < <(nested 64 '[' ']')
	refuse ADD "$plugin" 6 'nested too deep' < <(nested 100000 '[' ']')
	refuse ADD "$plugin" 6 'invalid JSON' < <(nested 900000 '[' '[')
	refuse STATUS "$plugin" 6 'invalid JSON' < <(nested 450000 '[' ']')
	refuse ADD "$plugin" 6 'nested too deep' < <(printf '{"a":%.0s' {1..5000})
}

@test "deep nesting" {
	in_each_plugin too_deep
	try STATUS loopback < <(nested 63 '[' ']')
	[ "$status" -eq 0 ]
	nothing_changed
}

# megabyte N FILTER : the base of $plugin with N bytes more of the filter's making.
megabyte() {
	base_of "$plugin" | jq -c --argjson n "$1" "$2"
}

# Nothing is wrong with the text; that no database server runs here, or the kernel has no vrf, is another matter.
is_fine() {
	[ "$status" -eq 0 ] || [[ $plugin == ovs* && $output == *'"code":50,'*db.sock* ]] ||
		[[ $plugin == vrf && $output == *'"code":50,'*modprobe* ]]
}

# shellcheck disable=SC2016 # jq's variables
too_large() {
	refuse ADD "$plugin" 6 'too large' < <(megabyte 1048576 '.x = "x" * $n')
	refuse DEL "$plugin" 6 'too large' < <(megabyte 1048576 '.x = [range($n / 2) | 1]')
	refuse ADD "$plugin" 6 'too large' < <(megabyte 4000000 '. + {"": ("x" * $n)}')
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero)
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero | tr '\0' ' ')
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero | tr '\0' '{')
	refuse ADD "$plugin" 7 'name: ' < <(megabyte 900000 '.name = "x" * $n')
	refuse STATUS "$plugin" 7 'type: ' < <(megabyte 900000 '.type = "x" * $n')
	refuse ADD "$plugin" "1 7" '' < <(megabyte 900000 '.cniVersion = "1" * $n')
	try STATUS "$plugin" < <(megabyte 900000 '.x = "x" * $n')
	is_fine || fail "900 kB of what we do not know to be fine"
	try STATUS "$plugin" < <(megabyte 100000 '.x = [range($n) | {a: 1}]')
	is_fine || fail "100000 objects that we do not know to be fine"
}

@test "a megabyte of JSON" {
	in_each_plugin too_large
	nothing_changed
}

# ---- versions --------------------------------------------------------------------------------

of_version() {
	echo "{\"cniVersion\":\"$1\",\"name\":\"bad\"}"
}

versions() {
	local version
	for version in 1.2.0 0.5.0 2.0.0 x 1.0 1 1.0.0.0 ' 1.0.0' '1.0.0 ' -1.0.0 v1.0.0 01.0.0 1.0.0-rc1 0.3; do
		refuse ADD "$plugin" 1 'incompatible CNI versions' <<<"$(of_version "$version")"
		refuse DEL "$plugin" 1 'incompatible CNI versions' <<<"$(of_version "$version")"
	done
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 ''; do
		refuse CHECK "$plugin" 1 'config version does not allow CHECK' <<<"$(of_version "$version")"
	done
	for version in 0.1.0 0.3.1 0.4.0 1.0.0 ''; do
		refuse GC "$plugin" 1 'config version does not allow GC' <<<"$(of_version "$version")"
		refuse STATUS "$plugin" 1 'config version does not allow STATUS' <<<"$(of_version "$version")"
	done
	for version in 1.2.0 2.0.0; do
		refuse CHECK "$plugin" 1 'plugin version does not allow CHECK' <<<"$(of_version "$version")"
		refuse STATUS "$plugin" 1 'plugin version does not allow STATUS' <<<"$(of_version "$version")"
	done
	for version in x 1.x -1 1.0.0.0; do
		refuse CHECK "$plugin" 6 'cniVersion: ' <<<"$(of_version "$version")"
	done
	refuse CHECK "$plugin" 1 'incompatible' <<<"$(of_version 1.0.5)"
	refuse CHECK "$plugin" 1 'incompatible' <<<"$(of_version 1.1)"
}

@test "versions nobody speaks, and verbs they do not have" {
	in_each_plugin versions
	nothing_changed
}

# ---- the environment -------------------------------------------------------------------------

# missing VERB VARIABLE LIST : with the variable unset, and with it empty.
missing_variable() {
	export "$2="
	refuse "$1" bridge 4 "required env variables [$3] missing" <<<"$(base_of bridge)"
	unset "$2"
	refuse "$1" bridge 4 "required env variables [$3] missing" <<<"$(base_of bridge)"
}

@test "variables that are missing" {
	local verb name
	for verb in ADD CHECK; do
		for name in CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH; do
			missing_variable $verb $name $name
			reset_env
		done
	done
	for name in CNI_CONTAINERID CNI_IFNAME CNI_PATH; do
		missing_variable DEL $name $name
		reset_env
	done
	missing_variable GC CNI_PATH CNI_PATH
	reset_env
	missing_variable STATUS CNI_PATH CNI_PATH
	unset CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH
	refuse ADD loopback 4 '[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH]' </dev/null
	refuse DEL loopback 4 '[CNI_CONTAINERID,CNI_IFNAME,CNI_PATH]' </dev/null
	nothing_changed
}

bad_container_ids() {
	local CNI_CONTAINERID
	for CNI_CONTAINERID in . .. -a _a /a a/b ../a 'a b' ä $'a\n' $'a\r\n' 'a*' 'a;b' "a'b" $'\xff' \
		'a"b' 'a\b'; do
		refuse ADD "$plugin" 4 'invalid characters in containerID' <<<"$(base_of "$plugin")"
		refuse DEL "$plugin" 4 'invalid characters in containerID' <<<"$(base_of "$plugin")"
	done
}

bad_ifnames() {
	local CNI_IFNAME
	for CNI_IFNAME in . .. a/b a:b 'a b' $'a\tb' $'a\n' $'a\u00a0b' $'a\u0085' $'a\u2003' \
		sixteen_letters_ "$(printf %5000s x)"; do
		refuse ADD "$plugin" 4 'interface name' <<<"$(base_of "$plugin")"
		refuse DEL "$plugin" 4 'interface name' <<<"$(base_of "$plugin")"
	done
}

@test "container ids and interface names" {
	in_each_plugin bad_container_ids
	in_each_plugin bad_ifnames
	CNI_CONTAINERID='' CNI_IFNAME=a/b refuse ADD bridge 4 'interface name' <<<"$(base_of bridge)"
	CNI_CONTAINERID=$(printf 'a%.0s' {1..5000}) refuse ADD host-local 4 'container id' \
		<<<"$(base_of host-local)"
	nothing_changed
	CNI_CONTAINERID=$(printf 'a%.0s' {1..5000}) refuse ADD ptp 4 'container id' <<<"$(base_of ptp)"
	nothing_changed
}

# The kernel takes the name for a pattern, and picks a number.
patterns_as_ifnames() {
	local CNI_IFNAME verb
	for CNI_IFNAME in eth%d %d %s % 'a%' a%%b; do
		for verb in ADD DEL CHECK; do
			refuse $verb "$plugin" 4 'interface name contains' <<<"$(base_of "$plugin")"
		done
	done
}

@test "row 16: a % is refused wherever an interface is named" {
	local name
	in_each_plugin patterns_as_ifnames
	for name in br%d %d br% br%s; do
		wrong bridge 7 'bridge: interface name contains' ".bridge = \"$name\"" \
			".bridge = \"$name\" | .vlan = 7" ".bridge = \"$name\" | del(.ipam)"
		wrong_add firewall 7 'prevResult.interfaces[0].name: interface name contains' \
			".ingressPolicy = \"same-bridge\" | .prevResult.interfaces[0].name = \"$name\""
	done
	nothing_changed
}

@test "verbs nobody knows" {
	local verb
	for verb in FOO add ADDD 'ADD ' $'ADD\n' DELETE 5 "$(printf 'A%.0s' {1..5000})"; do
		refuse "$verb" bridge 4 'unknown CNI_COMMAND' <<<"$(base_of bridge)"
		refuse "$verb" bridge 6 'invalid JSON' </dev/null
	done
	nothing_changed
}

# The namespaces that are none; DEL takes them for gone, see core.bats.
bad_namespaces() {
	local CNI_NETNS verb dir=$BATS_TEST_TMPDIR
	for CNI_NETNS in /nowhere "$dir/file" "$dir/fifo" "$dir/loop" "$dir" /dev/null /dev/zero \
		/proc/self/ns/mnt "$dir/socket" "$(printf '/%.0s' {1..5000})" relative; do
		for verb in ADD CHECK; do
			refuse $verb "$plugin" 8 '' <<<"$(base_of "$plugin" |
				jq -c '.prevResult = {cniVersion: "1.1.0"}')"
		done
	done
	CNI_NETNS=/proc/self/ns/net
	refuse ADD "$plugin" 8 'should not be the same' <<<"$(base_of "$plugin")"
	refuse DEL "$plugin" 8 'should not be the same' <<<"$(base_of "$plugin")"
}

@test "namespaces that are none" {
	local plugin
	touch "$BATS_TEST_TMPDIR/file"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	ln -s loop "$BATS_TEST_TMPDIR/loop"
	for plugin in bridge ptp loopback ovs host-device tap firewall chain $MIRRORS; do
		bad_namespaces
	done
	nothing_changed
}

@test "CNI_PATH without the delegate" {
	local CNI_PATH dir=$BATS_TEST_TMPDIR
	mkdir -p "$dir/a/host-local" "$dir/b" "$dir/c"
	touch "$dir/b/host-local"
	ln -s host-local "$dir/c/host-local"
	for CNI_PATH in /nowhere : "$dir" "$dir/a" "$dir/b" "$dir/c" relative "$dir/a:/nowhere:"; do
		refuse ADD bridge "7 999" '' <<<"$(base_of bridge)"
		refuse ADD ptp "7 999" '' <<<"$(base_of ptp)"
	done
	nothing_changed
}

bad_args() {
	local CNI_ARGS
	for CNI_ARGS in FOO '=;' 'A=b=c' ';' 'IgnoreUnknown=1;' ';IgnoreUnknown=1' 'IgnoreUnknown=maybe' \
		'IgnoreUnknown=' 'IgnoreUnknown' 'K8S_POD=x' 'mac=00:11:22:33:44:55' 'ip=10.2.0.9' \
		'IgnoreUnknown=0;K8S_POD=x' 'K8S_POD=x;IgnoreUnknown=false' $'A\xff=\xff' \
		"$(printf 'A%.0s' {1..100000})" "$(printf 'A=b;%.0s' {1..10000})A=b" "=$(printf 'x%.0s' {1..100000})"; do
		refuse ADD "$plugin" 4 CNI_ARGS <<<"$(base_of "$plugin")"
	done
}

@test "CNI_ARGS" {
	local plugin
	for plugin in bridge host-local static; do
		bad_args
	done
	nothing_changed
}

# ---- a delegate ------------------------------------------------------------------------------

# says STATUS TEXT : there is a delegate "mine" that answers so; and notes a DEL.
says() {
	cat >"$BATS_TEST_TMPDIR/mine" <<-END
		#!/bin/sh
		[ \$CNI_COMMAND = ADD ] || exit 0
		cat <<'EOT'
		$2
		EOT
		exit $1
	END
	chmod 755 "$BATS_TEST_TMPDIR/mine"
}

delegate_says() {
	local CNI_PATH=$BATS_TEST_TMPDIR
	says "$1" "$2"
	refuse ADD bridge "$3" "$4" <<<"$(base_of bridge | jq -c '.ipam = {type: "mine"}')"
	refuse ADD ptp "$3" "$4" <<<"$(base_of ptp | jq -c '.ipam = {type: "mine"}')"
}

@test "a delegate that does not say what it should" {
	local text
	for text in '' x '{' '[]' 5 '{"cniVersion":"9.9.9"}' '{"cniVersion":5}' '{"ips":5}' '{"ips":[{}]}' \
		'{"ips":[{"address":"10.2.0.2"}]}' '{"ips":[{"address":"10.2.0.2/24","gateway":"x"}]}' \
		'{"cniVersion":"0.2.0","ip4":{"ip":"x"}}' '{"ips":[{"address":"10.2.0.2/24"}]} x' \
		'{"ips":[{"address":"10.2.0.2/24","interface":-1}]}' \
		'{"ips":[{"address":"10.2.0.2/24"}],"routes":[{}]}' "$(nested 2000 '[' ']')"; do
		delegate_says 0 "$text" "6 7" mine
	done
	for text in '{}' '{"cniVersion":"1.1.0"}' '{"ips":[]}' '{"ips":null}'; do
		delegate_says 0 "$text" 999 'missing IP config'
	done
	for text in '' x '{"code":"x"}' '{"code":-1}' '{"code":5,"msg":5}' '[]'; do
		delegate_says 1 "$text" 999 mine
	done
	delegate_says 1 '{"code":77,"msg":"mine alone"}' 77 'mine alone'
	delegate_says 0 "$(head -c 1100000 /dev/zero | tr '\0' x)" 999 'output too large'
	nothing_changed
}
