#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The primary loses a monitored port: the role moves. Restored, the port takes the role back only within the uptime
# margin and only to the better member; resetting the uptime gives the role away.
. "$(dirname "$0")/_init.sh"

$lab up --set 'ha-uptime-diff-margin 1'
first=$(primary m1 m2)
other=$(other_of "$first")
sleep 2.5
$lab link-down "$first" port1
within 5 moved_to "$other" || fail "the role did not move: $first '$(role "$first")', $other '$(role "$other")'"
case $(reason "$other") in *link-failure*) ;; *) fail "the reason is '$(reason "$other")'" ;; esac
within 10 traffic || fail "no traffic after the move"
raised=$(epoch "$other")
$lab link-up "$first" port1
sleep 3
moved_to "$other" || fail "beyond the margin the restored port moved the role"
[ "$(epoch "$other")" = "$raised" ] || fail "the epoch rose from $raised to $(epoch "$other") when the port came back"
$lab exec "$other" -- systolectl diagnose sys ha reset-uptime >/dev/null </dev/null || fail "reset-uptime was refused"
within 5 moved_to "$first" || fail "the reset uptime of $other did not give the role to $first"
case $(reason "$first") in *uptime*) ;; *) fail "after reset-uptime the reason is '$(reason "$first")'" ;; esac
$lab down

# Within the margin (300 s) ages are alike and so are priorities: the higher serial is the better one.
$lab up
moved_to m2 || fail "the higher serial is not primary: $(primary m1 m2)"
$lab link-down m2 port2
within 5 moved_to m1 || fail "the role did not move to m1"
$lab link-up m2 port2
within 5 moved_to m2 || fail "within the margin the role did not go back to the better member"
case $(reason m2) in *serialno*) ;; *) fail "the reason is '$(reason m2)'" ;; esac
within 10 traffic || fail "no traffic at the end"
$lab down

# Unplugged port2 of the primary, override disabled and enabled: the age begins anew, the reason is told, and the plug put
# back brings the role back with override only. The margin of 1 s keeps the ages apart.
resets() { answer "$1" 'me["reset_count"]'; }
for override in disable enable; do
	$lab up --set 'ha-uptime-diff-margin 1' --set "override $override" --member-set 'm1:priority 200'
	within 5 moved_to m1 || fail "override $override: m1 is not primary"
	sleep 1.5
	$lab link-down m1 port2
	within 5 moved_to m2 || fail "override $override: the role did not move"
	[ "$(resets m1)" = 1 ] || fail "override $override: the age of m1 was not reset: '$(resets m1)'"
	case $(reason m2) in *"link-failure + pingsvr-failure is less than peer member $(serial m1)"*) ;;
	*) fail "override $override: the reason is '$(reason m2)'" ;; esac
	# From the carrier's event to the role, on one clock; loose, since two CPUs carry the whole lab.
	took=$(told m1 '(roles[-1]["mono_ns"] - [e for e in h if e["event"] == "link" and "port2" in e["text"] and "1->0" in e["text"]][-1]["mono_ns"]) / 1e6')
	python3 -c "import sys; sys.exit(not 0 <= float('${took:-nan}') < 500)" || fail "override $override: yielded '$took' ms after the carrier was lost"
	sleep 2
	$lab link-up m1 port2
	if [ "$override" = enable ]; then
		within 5 moved_to m1 || fail "override enabled, and no failback"
		case $(reason m1) in *"override priority is larger"*) ;; *) fail "the reason of the failback is '$(reason m1)'" ;; esac
	else
		sleep 2
		moved_to m2 || fail "override disabled, and the role went back"
	fi
	$lab down
done
