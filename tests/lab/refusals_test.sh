#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# What cannot work is refused by name, before anything is built.
. "$(dirname "$0")/_init.sh"

refuses()
{
	local word=$1; shift
	if "$lab" "$@" >"$scratch/out" 2>&1; then fail "accepted: $*"; fi
	grep -q -e "$word" "$scratch/out" || { cat "$scratch/out"; fail "'$*' was refused without naming $word"; }
	nothing_left || fail "'$*' left behind: $(leftovers)"
}
refuses '--capture does not work with --vdev memif' up --vdev memif --capture "$scratch/x.pcap"
refuses '--capture does not work with --vdev af_xdp' up --vdev af_xdp --capture "$scratch/x.pcap"
refuses 'memif joins two members over one link' up --vdev memif --links 2
refuses '--direct joins exactly two members' up --direct --members 3
refuses 'a lab has 2 to 16 members' up --members 17
refuses '1 to 8 heartbeat links' up --links 9
refuses 'there is no member m3' up --member-set 'm3:priority 200'
refuses 'there is no port port9' up --port-set 'port9:vdom "blue"'
: >"$scratch/empty.conf"
refuses 'there is no member m3' up --member-config "m3:$scratch/empty.conf"
refuses 'No such file' up --config "$scratch/missing.conf"
refuses 'no lab is running' crash m1
refuses 'cut does not work with --vdev memif' failover --how cut --trials 1 --vdev memif
