# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2059,SC2086,SC2089,SC2090,SC2154
#
# What cnitool takes for a result, prints, caches and turns into another version: ours beside the real Go libcni.

load cnitool

setup() {
	cnitool_setup
	list 1.0.0 '{"type":"first"}'
}

VERSIONS="0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"

# says TEXT : what `first` answers to ADD, byte for byte.
says() {
	printf '%s' "$1" >said
	answers first ADD "cat '$PWD/said'"
}

# result VERSION : one with everything that a version has.
result() {
	case $1 in
	0.[12].0)
		cat <<-END
			{"cniVersion":"$1",
			"ip4":{"ip":"10.1.0.2/24","gateway":"10.1.0.1","routes":[{"dst":"0.0.0.0/0"},{"dst":"10.2.0.0/16","gw":"10.1.0.9"}]},
			"ip6":{"ip":"FD00::2/64","gateway":"fd00:0::1","routes":[{"dst":"::/0","gw":"fd00::1"}]},
			"dns":{"nameservers":["10.1.0.1"],"domain":"a","search":["b","c"],"options":["d"]}}
		END
		;;
	*)
		cat <<-END
			{"cniVersion":"$1","unknown":1,
			"interfaces":[{"name":"br0","mac":"02:00:00:00:00:01"},
				{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/box","mtu":1400,"socketPath":"/s","pciID":"0:1"}],
			"ips":[{"version":"4","interface":1,"address":"10.1.0.2/24","gateway":"10.1.0.1"},
				{"version":"6","interface":0,"address":"fd00::2/64"},{"version":"4","address":"10.3.0.2/24"}],
			"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1","mtu":1300,"advmss":1200,"priority":5,"table":100,"scope":0},
				{"dst":"fd01::/16"},{"dst":"10.9.0.0/16","table":0}],
			"dns":{"options":["d"],"nameservers":["10.1.0.1"],"search":["b","c"],"domain":"a"}}
		END
		;;
	esac
}

# refused WORD : each line of stdin is what `first` answers; no plugin is told to undo it.
refused() {
	local json
	while read -r json; do
		says "$json"
		both_refuse "$1" add
		expect_calls first:ADD
		expect_cached
	done
}

# taken : each line of stdin is a result.
taken() {
	local json
	while read -r json; do
		says "$json"
		both_well add
	done
}

@test "results: of each version, printed and cached" {
	local version
	for version in $VERSIONS; do
		list $version '{"type":"first"}'
		says "$(result $version)"
		both_well add
		expect_json .cniVersion $version
		json_is "$(</var/lib/cni/ours/net-$ID-eth0)" .result.cniVersion $version
	done
}

@test "results: those of later versions and of earlier ones than the list's" {
	local version
	for version in $VERSIONS; do
		says "$(result $version)"
		both_well add
		expect_json .cniVersion $version
	done
}

@test "results: no version, an empty one, one that is no string, are the list's" {
	taken <<-'END'
		{}
		null
		{"cniVersion":""}
		{"cniVersion":null}
		{"cniVersion":1}
		{"cniVersion":["0.4.0"]}
		{"CNIVersion":"0.4.0"}
	END
	expect_json .cniVersion 1.0.0
	list '' '{"type":"first"}'
	taken <<<'{"ip4":{"ip":"10.1.0.2/24"}}'
	expect_json .cniVersion 0.1.0
	list 0.3.1 '{"type":"first"}'
	taken <<<'{"interfaces":[{"name":"a"}],"ips":[{"version":"4","address":"10.1.0.2/24"}]}'
	expect_json .cniVersion 0.3.1
}

@test "results: versions that there are not" {
	local version
	for version in 2.0.0 1.2.0 0.5.0 0.0.1 1.0 x; do
		says "{\"cniVersion\":\"$version\"}"
		both_fail "plugin type=\"first\" failed (add): unsupported CNI result version \"$version\"" add
	done
	list 2.0.0 '{"type":"first"}'
	says '{}'
	both_fail 'plugin type="first" failed (add): unsupported CNI result version "2.0.0"' add
	expect_calls first:ADD
	says '{"cniVersion":"1.0.0"}'
	both_well add
}

@test "results: what is no object" {
	refused 'plugin type="first" failed (add): failed to unmarshal raw result: ' <<-'END'
		[]
		"x"
		1
		true
		rubbish
		{
		{"a":1}{}
		{}x
		{"ips":[}
	END
	says ''
	both_fail 'plugin type="first" failed (add): failed to unmarshal raw result: unexpected end of JSON input' add
	says $' \n'
	both_fail 'plugin type="first" failed (add): failed to unmarshal raw result: unexpected end of JSON input' add
	says $'\n\t {} \r\n'
	both_well add
}

@test "results: keys with wrong types" {
	refused 'plugin type="first" failed (add): ' <<-'END'
		{"interfaces":{}}
		{"interfaces":[1]}
		{"interfaces":[{"name":1}]}
		{"interfaces":[{"mtu":"1500"}]}
		{"interfaces":[{"mtu":1.5}]}
		{"cniVersion":"1.0.0","interfaces":[{"mtu":1e3}]}
		{"ips":"x"}
		{"ips":[{"address":1}]}
		{"ips":[{"address":"10.1.0.2"}]}
		{"ips":[{"address":"10.1.0.2/33"}]}
		{"ips":[{"address":""}]}
		{"ips":[{"address":"10.1.0.2/24","gateway":"x"}]}
		{"ips":[{"address":"10.1.0.2/24","gateway":1}]}
		{"ips":[{"address":"10.1.0.2/24","interface":"0"}]}
		{"ips":[{"address":"10.1.0.2/24","interface":0.5}]}
		{"routes":[{"dst":"x"}]}
		{"routes":[{"dst":"10.0.0.0/8","gw":"10.0.0.0/8"}]}
		{"routes":[{"dst":"10.0.0.0/8","mtu":"x"}]}
		{"routes":[{"dst":"10.0.0.0/8","table":"x"}]}
		{"dns":[]}
		{"dns":{"nameservers":"x"}}
		{"dns":{"search":[1]}}
		{"dns":{"domain":{}}}
	END
	list 0.2.0 '{"type":"first"}'
	refused 'plugin type="first" failed (add): ' <<-'END'
		{"ip4":[]}
		{"ip4":{"ip":"x"}}
		{"ip6":{"ip":"::1/129"}}
		{"ip4":{"ip":"10.1.0.2/24","gateway":"x"}}
		{"ip4":{"ip":"10.1.0.2/24","routes":{}}}
	END
}

@test "results: an address or a gateway that is none is named, with its place" {
	refused 'result.ips[0].address: ' <<<'{"ips":[{"address":"10.1.0.2"}]}'
	refused 'result.ips[1].gateway: ' <<<'{"ips":[{"address":"10.1.0.2/24"},{"address":"10.1.0.2/24","gateway":"10.1.0"}]}'
	refused 'result.routes[0].dst: ' <<-'END'
		{"routes":[{"dst":"fe80::1%eth0/64"}]}
		{"routes":[{"dst":"10.1.0.0/33"}]}
	END
}

@test "results: addresses in all their spellings" {
	taken <<-'END'
		{"ips":[{"address":"FD00:0:0::0001/64","gateway":"FD00::"}]}
		{"ips":[{"address":"::ffff:10.1.0.2/120"}]}
		{"ips":[{"address":"10.1.0.2/0","gateway":"::ffff:10.1.0.1"}]}
		{"ips":[{"address":"::/0","gateway":"::"}]}
		{"ips":[{"address":"10.1.0.2/32","gateway":""}]}
		{"ips":[{"address":"10.1.0.2/32","gateway":null,"interface":null}]}
		{"ips":[{"address":"fd00::1:0:0:0:1/128"}]}
		{"ips":[{"address":"1:2:3:4:5:6:7:8/64"},{"address":"1:0:0:4:5:0:0:8/64"},{"address":"1::3:4:5:6:7:8/64"}]}
		{"routes":[{"dst":"10.1.0.2/24"},{"dst":"0.0.0.0/0","gw":"0.0.0.0"},{"dst":"::/0"}]}
	END
}

@test "results: what is absent, null or empty" {
	taken <<-'END'
		{"interfaces":[],"ips":[],"routes":[],"dns":{}}
		{"interfaces":null,"ips":null,"routes":null,"dns":null}
		{"interfaces":[{"name":"a","mac":"","sandbox":"","mtu":0}]}
		{"dns":{"nameservers":[],"domain":"","search":null}}
		{"dns":{"nameservers":[""]}}
		{"routes":[{"dst":"10.0.0.0/8","mtu":0,"scope":255}]}
	END
}

# Of which the real one makes "<nil>", null, interfaces without a name, and numbers that no kernel takes.
@test "results: an address without an address, a thing that is none" {
	local json
	for json in '{"ips":[{}]}' '{"ips":[{"gateway":"10.1.0.1"}]}' '{"routes":[{"gw":"10.1.0.1"}]}' '{"ips":[{"address":null}]}' \
		'{"ips":[null]}' '{"routes":[null]}' '{"interfaces":[null]}' '{"interfaces":[{}]}' '{"interfaces":[{"name":null}]}' \
		'{"ips":[{"interface":-1,"address":"10.1.0.2/24"}]}' '{"interfaces":[{"name":"a","mtu":-1}]}' \
		'{"routes":[{"dst":"10.0.0.0/8","priority":-1}]}' '{"routes":[{"dst":"10.0.0.0/8","table":-1}]}'; do
		says "$json"
		ours add net $NETNS
		[ "$status" -eq 1 ]
		[[ $errors == *'result.'[ir]*'[0]'* ]]
		expect_cached
	done
}

@test "results: keys in any case, twice, and unknown ones" {
	taken <<-'END'
		{"Interfaces":[{"NAME":"a","Mac":"b"}],"IPS":[{"ADDRESS":"10.1.0.2/24"}],"DNS":{"Domain":"x"}}
		{"interfaces":[{"name":"a"}],"interfaces":[{"name":"b"},{"name":"c"}]}
		{"interfaces":[{"name":"a","x":{"y":1}}],"x":[],"ip4":1}
	END
}

@test "results: texts that have to be escaped" {
	taken <<-'END'
		{"interfaces":[{"name":"<a>&'\"\\\/","sandbox":"\u0001\u001f\u007f\u0080\b\f\n\r\t"}]}
		{"interfaces":[{"name":"\u2028\u2029\ud83d\ude00\u00e9é","mac":"\\u003c","sandbox":"\u003c"}]}
	END
}

@test "results: long ones" {
	local x
	printf -v x '%0*d' 3000 0
	says "{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/$x\"}],\"dns\":{\"search\":[\"$x\",\"$x\"]}}"
	both_well add
	says "{\"ips\":[$(printf '{"address":"10.1.0.2/24"},%.0s' {1..2000}){\"address\":\"10.1.0.2/24\"}]}"
	both_well add
}

@test "results: nothing of one that cannot be taken is left" {
	says 'rubbish'
	both_refuse 'failed to unmarshal raw result: ' add
	expect_cached
	list 1.0.0 '{"type":"first"}' '{"type":"second"}'
	both_refuse 'failed to unmarshal raw result: ' add
	expect_calls first:ADD
}

# ---- from one version to another -----------------------------------------------------------

@test "results: what was cached in one version is handed on in the list's" {
	local from to
	for from in $VERSIONS; do
		says "$(result $from)"
		list 0.4.0 '{"type":"first"}'
		both_well add
		for to in 0.4.0 1.0.0 1.1.0; do
			list $to '{"type":"first"}'
			both_well check
			expect_stdin 0 .prevResult.cniVersion $to
		done
		list 1.1.0 '{"type":"first"}'
		both_well del
		expect_stdin 0 .prevResult.cniVersion 1.1.0
	done
}

@test "results: small ones of one version in another" {
	local to json
	for json in '{"cniVersion":"0.2.0"}' '{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.2/24"}}' '{"cniVersion":"0.3.0"}' \
		'{"cniVersion":"0.1.0","ip6":{"ip":"fd00::2/64","routes":[{"dst":"::/0"}]}}' '{"cniVersion":"1.1.0"}' \
		'{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.2/24"}],"dns":{"search":["a"]}}' \
		'{"cniVersion":"1.0.0","ips":[{"address":"::ffff:10.1.0.2/120","interface":0}],"interfaces":[{"name":"a","mtu":9}]}'; do
		says "$json"
		list 1.0.0 '{"type":"first"}'
		both_well add
		for to in 0.4.0 1.0.0 1.1.0; do
			list $to '{"type":"first"}'
			both check
		done
	done
}

@test "results: what cannot be turned into the list's version" {
	list 0.4.0 '{"type":"first"}'
	both_well add
	list 2.0.0 '{"type":"first"}'
	both check
	[[ $errors == 'failed to get network "net" cached result: '* ]]
	compare but_stderr del net $NETNS
	[[ $errors == "cnitool: dropped the cached result "* ]]
	expect_stdin 0 'has("prevResult")' false
}
