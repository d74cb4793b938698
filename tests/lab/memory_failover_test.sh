#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A primary whose memory is above its threshold for the whole monitor period gives the role away, and says why. The
# threshold of 1 percent is above nobody's use.
. "$(dirname "$0")/_init.sh"

$lab up --member-set 'm2:memory-based-failover enable' --member-set 'm2:memory-failover-threshold 1' \
	--member-set 'm2:memory-failover-monitor-period 2' --member-set 'm2:memory-failover-sample-rate 1'
within 10 moved_to m1 || fail "the role did not move: m1 '$(role m1)', m2 '$(role m2)'"
case $(reason m1) in *MEM_FAIL_OVER*m2* | *MEM_FAIL_OVER*"$(serial m2)"*) ;; *) fail "the reason is '$(reason m1)'" ;; esac
[ "$(told m2 'any(e["event"] == "mem-failover" and e["set"] for e in h)')" = True ] || fail "m2 did not record it"
elected=$(told m2 'min(e["mono_ns"] for e in roles if e["to"] == "primary")')
flagged=$(told m2 'min(e["mono_ns"] for e in h if e["event"] == "mem-failover")')
started=$(told m2 'min(e["mono_ns"] for e in h if e["event"] == "start")')
[ $((flagged - started)) -ge 2000000000 ] || fail "flagged $((flagged - started)) ns after the start, before the period was over"
[ -n "$elected" ] || fail "m2 never was primary; this test would see nothing"
within 5 traffic || fail "no traffic through m1"
