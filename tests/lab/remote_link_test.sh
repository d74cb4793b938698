#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Remote link failover with real pings to sys-server, as in the vendor's article: its address is taken away and given
# back. The flip timeout of 6 minutes is divided by test-timer-scale: 12 s, then 6 s. m1 has priority 130, ha-priority 5, threshold 4, failtime 2.
. "$(dirname "$0")/_init.sh"

cat >"$scratch/monitor.conf" <<'END'
config system link-monitor
    edit "ha-monitor"
        set srcintf "port2"
        set server "10.2.2.20"
        set interval 200
        set probe-timeout 200
        set failtime 2
        set recoverytime 1
        set ha-priority 5
        set update-cascade-interface disable
        set update-policy-route disable
    next
end
END
up() # SETTING...
{
	$lab up --config "$scratch/monitor.conf" --set 'pingserver-monitor-interface "port2"' \
		--set 'pingserver-failover-threshold 4' --set 'pingserver-flip-timeout 6' \
		--set 'pingserver-secondary-force-reset enable' --member-set 'm1:priority 130' "$@"
}
server_gone() { $lab exec server -- ip addr del 10.2.2.20/24 dev eth0; }
server_back()
{
	$lab exec server -- ip addr add 10.2.2.20/24 dev eth0
	$lab exec server -- ip route replace default via 10.2.2.254
}
dump() { $lab exec "$1" -- systolectl diagnose sys ha dump-by group </dev/null; }
monitor() { $lab exec "$1" -- systolectl diagnose sys link-monitor status </dev/null; }
alive() { monitor "$1" | grep -q 'Status: alive.*local(alive)'; }
expire() { dump "$1" | sed -n 's/^pingsvr_flip_timeout\/expire=.*s\/\([0-9]*\)s$/\1/p'; }
history() { $lab exec "$1" -- systolectl diagnose sys ha history read </dev/null | head -12; }
record() { answer "$1" 'next(m["pingsvr_failure"] for m in s["members"] if m["hostname"] == "m1")'; }

# ---- first scenario: override disabled
up --set 'test-timer-scale 30'
moved_to m1 || fail "the higher priority is not primary: $(primary m1 m2)"
within 10 alive m1 || fail "the link monitor of the primary is not alive: $(monitor m1)"
monitor m2 | grep -q 'local(alive)' && fail "a standby says that it probes: $(monitor m2)"
server_gone
within 10 moved_to m2 || fail "dead ping servers did not move the role"
case $(reason m2) in *"link-failure + pingsvr-failure is less"*) ;; *) fail "the reason is '$(reason m2)'" ;; esac
[ "$(record m1)" = 5 ] || fail "the failure is not on record: '$(record m1)'"
left=$(expire m1)
[ "$left" -ge 1 ] && [ "$left" -le 12 ] || fail "the flip timer shows '$left' of 12 s"
dump m1 | grep -q 'pingsvr_failure=5' || fail "the dump does not show the failure: $(dump m1)"
# It is away for m2 as well, which does not flip back while the timer runs.
sleep 1
moved_to m2 || fail "the role moved while the flip timer ran: $(history m1) $(role m1) $(role m2)"
server_back
cleared() { [ "$(record m1)" = 0 ] && [ "$(expire m1)" = 0 ]; }
within 15 cleared || fail "the record was not cleared when the timer ended: '$(record m1)', '$(expire m1)' s"
sleep 2
moved_to m2 || fail "override is off, and the role went back when the timer ended: $(history m1)"
server_gone
within 10 moved_to m1 || fail "after the timer a failure of m2's ping servers does not count"
server_back
told m1 '[event["text"] for event in h if event["event"] == "flip-expired"]' | grep -q flip || fail "the history of m1 does not tell that the timer ended"
$lab down

# ---- second scenario: override enabled; the role goes back when the timer ends, whether or not the path of m1 works
path_of_m1_dead()
{
	$lab exec m1 -- nft 'add table inet dead; add chain inet dead out { type filter hook output priority 0; };
		add rule inet dead out ip daddr 10.2.2.20 icmp type echo-request drop'
}
up --set 'test-timer-scale 60' --member-set 'm1:override enable'
moved_to m1 || fail "the higher priority is not primary"
within 10 alive m1 || fail "the link monitor of the primary is not alive: $(monitor m1)"
path_of_m1_dead
within 10 moved_to m2 || fail "dead ping servers did not move the role"
within 15 moved_to m1 || fail "no failback when the flip timer ended: $(history m1)"
case $(reason m1) in *"override priority is larger"*) ;; *) fail "the reason is '$(reason m1)'" ;; esac
# The path is still bad: the timer began again with the failback, and only then m2 is primary once more.
left=$(expire m1)
[ "$left" -ge 1 ] || fail "the failback did not start the timer again"
within 20 moved_to m2 || fail "the flip-flap did not go on: $(history m1)"
$lab exec m1 -- nft delete table inet dead
within 20 moved_to m1 || fail "no failback with a good path: $(history m1)"
sleep 8
moved_to m1 || fail "the failback to a good path did not last: $(history m1)"
within 10 traffic || fail "no traffic at the end"
