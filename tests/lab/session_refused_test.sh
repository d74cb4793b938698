#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The table of the standby's kernel is too small for the primary's sessions: the member counts what was refused, names it
# where it says that it is not ready, and has everything soon after the table was made larger.
. "$(dirname "$0")/_init.sh"

loader=${SYSTOLE_BUILD:-build}/bench/ct_loader/systole-ct-loader
limit=/proc/sys/net/netfilter/nf_conntrack_max
[ -x "$loader" ] || { echo "skipped: no systole-ct-loader beside systoled"; exit 77; }
modprobe nf_conntrack 2>/dev/null || true
[ -w $limit ] || { echo "skipped: $limit cannot be written here"; exit 77; }
before=$(cat $limit)
trap 'echo "$before" >$limit; $lab down >/dev/null; rm -rf "$scratch"' EXIT
pickup() { answer "$1" "s['session_pickup']['$2']"; }
refused() { [ "$(pickup "$other" kernel_refused)" -ge 400 ]; }
complete() { [ "$(pickup "$other" kernel_refused)" = 0 ] && [ "$(pickup "$other" commit_pending)" = 0 ]; }
has() { [ "$(pickup "$1" sessions)" = 1000 ] && [ "$(pickup "$1" in_step)" = True ]; }
blockers() { answer "$other" '[b["text"] for b in s["ha_ready"]["blockers"] if b["name"] == "sessions"]'; }

$lab up --set 'session-pickup enable' >/dev/null
within 10 whole || fail "no cluster"
first=$(primary m1 m2)
other=$(other_of "$first")
$lab exec "$first" -- "$loader" --count 1000 --nat >/dev/null
$lab kill "$other" >/dev/null
$lab exec "$other" -- "$loader" --flush >/dev/null

echo 600 >$limit
$lab start "$other" >/dev/null
within 20 has "$other" || fail "$other has $(pickup "$other" sessions) sessions"
within 10 refused || fail "$(pickup "$other" kernel_refused) of 1000 are refused by a table of 600"
[ "$(pickup "$other" kernel_refusal)" = "Cannot allocate memory; is net.netfilter.nf_conntrack_max large enough?" ] ||
	fail "why: $(pickup "$other" kernel_refusal)"
case $(blockers) in *"the kernel refuses 4"*) ;; *) fail "ready all the same: $(blockers)" ;; esac

echo "$before" >$limit
within 40 complete || fail "$(pickup "$other" kernel_refused) are refused still"
[ "$(blockers)" = "[]" ] || fail "not ready yet: $(blockers)"
$lab exec "$other" -- "$loader" --dump-digest --count 1000 --nat | grep -q '"missing":0,"wrong":0' ||
	fail "the standby's kernel: $($lab exec "$other" -- "$loader" --dump-digest --count 1000 --nat)"
$lab down >/dev/null
nothing_left || fail "left behind: $(leftovers)"
