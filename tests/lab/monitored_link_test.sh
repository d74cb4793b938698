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
