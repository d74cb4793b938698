#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Two virtual clusters, each primary on another member: port1 follows the first, port2 the second. The one that is left
# holds both, each with its own virtual MAC; the one that comes back takes its own again, because override asks for it.
. "$(dirname "$0")/_init.sh"

lan_mac=00:09:0f:09:67:00 # group-id 103 = 0x67, place 0
wan_mac=00:09:0f:09:67:81 # virtual cluster 2: place 1 + 0x80

# The first virtual cluster prefers m2 (the lab waits for its primary), the second m1.
for member in m1 m2; do
	[ $member = m2 ] && { first=200; second=100; } || { first=100; second=200; }
	cat >"$scratch/$member.conf" <<END
config system ha
    set vcluster-status enable
    config vcluster
        edit 1
            set override enable
            set priority $first
            set monitor "port1"
            set vdom "blue"
        next
        edit 2
            set override enable
            set priority $second
            set monitor "port2"
            set vdom "green"
        next
    end
end
END
done

# holds MEMBER PORT: the address of that port is on its macvlan, which is up.
holds() { $lab exec "$1" -- ip -o -4 addr show dev "$2-vmac" up 2>/dev/null | grep -q ' inet 10\.[12]\.[12]\.254/24'; }
mac_of() { $lab exec "$1" -- cat "/sys/class/net/$2-vmac/address"; }
vcluster_state() { answer "$1" "next(v['state'] for v in s['vclusters'] if v['id'] == $2)"; }
apart() { holds m2 port1 && ! holds m1 port1 && holds m1 port2 && ! holds m2 port2; }
all_on() { holds "$1" port1 && holds "$1" port2; }
lan_answers() { $lab exec client -- ping -c 1 -W 1 10.1.1.254 >/dev/null 2>&1; }
wan_answers() { $lab exec server -- ping -c 1 -W 1 10.2.2.254 >/dev/null 2>&1; }
heard_mac() { $lab exec "$1" -- ip neigh show "$2" | grep -o 'lladdr [^ ]*' | cut -d' ' -f2; }

$lab up --set 'unset monitor' --port-set 'port1:vdom "blue"' --port-set 'port2:vdom "green"' \
	--member-config "m1:$scratch/m1.conf" --member-config "m2:$scratch/m2.conf"
within 10 apart || fail "not each on its own member: $($lab exec m1 -- ip -br addr) / $($lab exec m2 -- ip -br addr)"
[ "$(vcluster_state m2 1),$(vcluster_state m2 2)" = work,standby ] ||
	fail "m2 says: $(vcluster_state m2 1), $(vcluster_state m2 2)"
[ "$(answer m1 's["vclusters_held"]'),$(answer m2 's["vclusters_held"]')" = '[2],[1]' ] || fail "held: $(answer m1 's["vclusters_held"]')"
within 5 lan_answers || fail "m2 does not answer for port1"
within 5 wan_answers || fail "m1 does not answer for port2"
for member in m1 m2; do
	[ "$(mac_of $member port1),$(mac_of $member port2)" = "$lan_mac,$wan_mac" ] ||
		fail "virtual MACs of $member: $(mac_of $member port1), $(mac_of $member port2)"
done
[ "$(heard_mac client 10.1.1.254)" = $lan_mac ] || fail "the LAN has $(heard_mac client 10.1.1.254) for port1"
[ "$(heard_mac server 10.2.2.254)" = $wan_mac ] || fail "the WAN has $(heard_mac server 10.2.2.254) for port2"

$lab crash m1
within 3 all_on m2 || fail "m2 does not hold both: $($lab exec m2 -- ip -br addr)"
lan_answers || fail "m2 does not answer for port1 after the crash of m1"
within 2 wan_answers || fail "m2 does not answer for port2 after the crash of m1"
within 3 traffic || fail "no traffic through m2"
# One list for the keeper: killed, m2 loses the addresses of both.
$lab kill m2
gone() { ! holds m2 port1 && ! holds m2 port2; }
within 2 gone || fail "the keeper left addresses on m2: $($lab exec m2 -- ip -br addr)"

$lab start m1
$lab start m2
within 20 apart || fail "after the return: $($lab exec m1 -- ip -br addr) / $($lab exec m2 -- ip -br addr)"
within 5 lan_answers || fail "m2 does not answer for port1 after its return"
within 5 wan_answers || fail "m1 does not answer for port2 after its return"
# One of the two alone: the other virtual cluster stays where it is, and so does what the keeper has of it.
before=$(told m2 'len([e for e in roles if e["vcluster"] == 1])')
$lab link-down m1 port2
within 3 all_on m2 || fail "the second did not move to m2: $($lab exec m2 -- ip -br addr)"
$lab link-up m1 port2
within 10 apart || fail "the second did not come back: $($lab exec m1 -- ip -br addr) / $($lab exec m2 -- ip -br addr)"
[ "$(told m2 'len([e for e in roles if e["vcluster"] == 1])')" = "$before" ] || fail "the first moved, too"
$lab pause m2
within 2 gone || fail "the keeper left addresses on a frozen m2: $($lab exec m2 -- ip -br addr)"
$lab resume m2
within 10 apart || fail "after the thaw: $($lab exec m1 -- ip -br addr) / $($lab exec m2 -- ip -br addr)"
