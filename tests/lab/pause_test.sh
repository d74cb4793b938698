#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A frozen primary is replaced, and its keeper takes its addresses away. Thawed, it says nothing for a cluster address,
# follows the one that replaced it although the order might prefer it, and the traffic stays where it is.
. "$(dirname "$0")/_init.sh"

addresses() { $lab exec "$1" -- ip -o addr show | grep -c -e '-vmac' || true; }
holds_none() { [ "$(addresses "$1")" = 0 ]; }
# Frames with the virtual MAC that came out of the member's LAN and WAN cables since `listen`.
listen()
{
	for port in port1 port2; do
		$lab exec fabric -- tcpdump -i "$1-$port" -Q in -U -w "$scratch/$port.pcap" 2>/dev/null &
		ears="$ears $!"
	done
	sleep 0.5
}
spoke()
{
	kill $ears 2>/dev/null || true
	wait $ears 2>/dev/null || true
	for port in port1 port2; do
		tcpdump -e -nr "$scratch/$port.pcap" 'ether[6:4] == 0x00090f09' 2>/dev/null
	done
}
ears=""

$lab up
for revive in resume start; do # start revives the frozen too
	frozen=$(primary m1 m2)
	other=$(other_of "$frozen")
	[ "$(addresses "$frozen")" -ge 2 ] || fail "the primary $frozen holds $(addresses "$frozen") addresses"
	$lab pause "$frozen"
	within 3 is_primary "$other" || fail "$other did not become primary"
	within 1 holds_none "$frozen" || fail "the frozen $frozen still holds: $($lab exec "$frozen" -- ip -br addr)"
	sleep 0.1 # its macvlans are down by then, too
	listen "$frozen"
	$lab $revive "$frozen"
	within 10 moved_to "$other" || fail "after the thaw $frozen is '$(role "$frozen")', the other '$(role "$other")'"
	sleep 0.5
	said=$(spoke)
	ears=""
	[ -z "$said" ] || fail "the thawed $frozen spoke for the cluster: $said"
	holds_none "$frozen" || fail "the thawed $frozen holds: $($lab exec "$frozen" -- ip -br addr)"
	[ "$(told "$frozen" 'sum(e["event"] == "absent" for e in h)')" -ge 1 ] || fail "$frozen does not tell that it was away"
	within 3 traffic || fail "after the thaw of $frozen nothing reaches the server"
	sleep 1
	{ whole && is_primary "$other"; } || fail "the role moved again after the thaw: from $other to '$(primary m1 m2)'"
done
