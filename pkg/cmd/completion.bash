# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# bash completion of cnic, the CNI plugins in C: of cnic and of cnitool. Verbs and options are what their
# help says; no word that is offered comes from a file as it is there, but for the names of files.

# _cnic_offer WORD... : those that begin as what is being typed.
_cnic_offer() {
	local word
	for word; do
		[[ $word != "$cur"* ]] || COMPREPLY+=("$word")
	done
}

_cnic_paths() {
	mapfile -t COMPREPLY < <(compgen "$@" -- "$cur")
	compopt -o filenames 2>/dev/null || true # where nobody completes, as in a test
}

# Of the directory's configurations: in each the first name, which is the network's; what is no name of the
# specification is left out.
_cnic_networks() {
	local dir=${NETCONFPATH:-/etc/cni/net.d} file name
	for file in "$dir"/*.conflist "$dir"/*.conf "$dir"/*.json; do
		[ -f "$file" ] || continue # a pattern that has met nothing, a FIFO
		name=$(tr '\n\0' '  ' 2>/dev/null <"$file" | grep -aoE '"name"[[:space:]]*:[[:space:]]*"[^"]*"' | head -n 1)
		[[ ! $name =~ \"([a-zA-Z0-9][a-zA-Z0-9_.-]*)\"$ ]] || echo "${BASH_REMATCH[1]}"
	done
}

# The value of the option in front of the cursor; false if it has none.
_cnic_value() {
	case $prev in
	--network | --all-of) mapfile -t words < <(_cnic_networks) && _cnic_offer "${words[@]}" ;;
	--plugin) mapfile -t words < <("$tool" plugins 2>/dev/null) && _cnic_offer "${words[@]}" ;;
	--backend) _cnic_offer own nftables iptables ;;
	--cache | --watch) _cnic_paths -d ;;
	--netns) mapfile -t words < <(ls /run/netns 2>/dev/null) && _cnic_offer "${words[@]}" ;;
	-i | --ifname | --timeout | --older-than | --backlog | --connect | --idle | --drain) ;;
	*) return 1 ;;
	esac
}

_cnic() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} tool=$1 verb=${COMP_WORDS[1]} words
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t words < <("$tool" help 2>/dev/null | sed -n 's/^  cnic \([a-z]*\).*/\1/p')
		_cnic_offer "${words[@]}"
		return
	fi
	_cnic_value && return
	if [[ $cur == -* ]]; then
		mapfile -t words < <("$tool" help 2>/dev/null | sed -n "/^  cnic ${verb//[^a-z]/}\( \|\$\)/,/^      [A-Z]/{/^      [A-Z]/!p}" | grep -oE -e '--[a-z-]+')
		_cnic_offer "${words[@]}"
		return
	fi
	case $verb in
	keys) mapfile -t words < <("$tool" plugins 2>/dev/null) && _cnic_offer "${words[@]}" ;;
	fold) _cnic_paths -f ;;
	install | uninstall) _cnic_paths -d ;;
	ipam)
		if [ "$COMP_CWORD" -eq 2 ]; then
			_cnic_offer show verify trace release-node release-claim
		elif [ "$COMP_CWORD" -eq 3 ]; then
			mapfile -t words < <(_cnic_networks) && _cnic_offer "${words[@]}"
		fi
		;;
	show) mapfile -t words < <(_cnic_networks) && _cnic_offer "${words[@]}" ;;
	esac
}

# Which word is typed: the verb, the network, the namespace. An option with a value is two.
_cnitool_place() {
	local i place=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-i | --ifname | --timeout) i=$((i + 1)) ;;
		-*) ;;
		*) place=$((place + 1)) ;;
		esac
	done
	echo "$place"
}

_cnitool() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} tool=$1 words
	COMPREPLY=()
	_cnic_value && return
	if [[ $cur == -* ]]; then
		mapfile -t words < <("$tool" --help 2>/dev/null | sed -n '/^  -/p' | grep -oE -e '--[a-z]+')
		_cnic_offer "${words[@]}"
		return
	fi
	case $(_cnitool_place) in
	0) mapfile -t words < <("$tool" --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p') && _cnic_offer "${words[@]}" ;;
	1) mapfile -t words < <(_cnic_networks) && _cnic_offer "${words[@]}" ;;
	2)
		mapfile -t words < <(compgen -G '/run/netns/*')
		_cnic_offer "${words[@]}"
		[ ${#COMPREPLY[@]} -gt 0 ] || _cnic_paths -f
		;;
	esac
}

complete -F _cnic cnic
complete -F _cnitool cnitool
