#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# The keeper: takes the addresses of a killed daemon away and ends; is started anew when it dies itself; a start after
# both were killed cleans up first; a restart right after a kill does not lose what it makes to the old keeper.
. "$(dirname "$0")/_init.sh"

# shellcheck disable=SC2254  # a pattern
processes() { ip netns pids "sys-$1" | while read -r pid; do case $(cat "/proc/$pid/comm" 2>/dev/null) in $2) echo "$pid" ;; esac; done; }
keeper_of() { processes "$1" systole-keeper; }
marks() { $lab exec "$1" -- ip -d link show | grep -c "alias systole" || true; }
addresses() { $lab exec "$1" -- ip -o addr show | grep -c -e '-vmac' || true; }
clean() { [ "$(marks "$1")" = 0 ] && [ "$(addresses "$1")" = 0 ] && [ -z "$(keeper_of "$1")" ]; }
has_keeper() { [ "$(answer "$1" 's["keeper"]')" = True ]; }

$lab up
first=$(primary m1 m2)
other=$(other_of "$first")
[ "$(keeper_of "$first" | wc -l)" = 1 ] || fail "$first has keepers '$(keeper_of "$first")'"
[ "$(marks "$first")" -ge 1 ] || fail "nothing of $first carries its mark; this test would see nothing"

$lab kill "$first"
within 2 clean "$first" || fail "after the kill of $first: $($lab exec "$first" -- ip -br addr), keeper '$(keeper_of "$first")'"
[ "$($lab exec "$first" -- sysctl -n net.ipv4.conf.port1.arp_ignore)" = 0 ] || fail "port1 kept the settings of the dead"
$lab start "$first" # and at once again
$lab kill "$first"
$lab start "$first"
within 15 whole || fail "restarted twice: m1 '$(role m1)', m2 '$(role m2)'"

# The keeper itself dies: said, and made good.
first=$(primary m1 m2)
old=$(keeper_of "$first")
kill -9 "$old"
sleep 0.2
within 5 has_keeper "$first" || fail "$first did not start another keeper"
[ "$(keeper_of "$first")" != "$old" ] || fail "the keeper $old did not die; this test would see nothing"
within 1 is_primary "$first" || fail "the death of its keeper cost $first the role"
within 3 traffic || fail "no traffic after the keeper of $first died"

# Both at once: nothing takes the addresses away, until the next start.
other=$(other_of "$first")
# shellcheck disable=SC2046  # a list of numbers
kill -9 $(processes "$first" 'systole*')
within 3 is_primary "$other" || fail "$other did not replace $first"
[ "$(addresses "$first")" -ge 1 ] || fail "somebody cleaned up $first; this test would see nothing"
$lab start "$first"
within 15 moved_to "$other" || fail "$first came back as '$(role "$first")'"
[ "$(addresses "$first")" = 0 ] || fail "$first started over what it had left: $($lab exec "$first" -- ip -br addr)"
within 5 traffic || fail "no traffic after the restart of $first"
