# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Sourced by every test of this folder: needs root (77 = skipped), uses scripts/lab, leaves nothing behind.
set -eu
cd "$(dirname "$0")/../.."
lab=scripts/lab

[ "$(id -u)" = 0 ] || { echo "skipped: needs root for network namespaces"; exit 77; }
[ ! -e /run/systole/lab.json ] || { echo "a lab is running; scripts/lab down removes it"; exit 1; }
scratch=$(mktemp -d)
trap '$lab down >/dev/null; rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP

fail() { echo "FAILED: $*"; exit 1; }

# answer MEMBER EXPRESSION: of `get system ha status` as `s`, a Python expression, printed; nothing when it is silent.
answer()
{
	$lab exec "$1" -- systolectl -j get system ha status 2>/dev/null </dev/null |
		python3 -c 'import json, sys
s = json.load(sys.stdin)
me = next(m for m in s["members"] if m["local"])
seen = {m["hostname"]: m for m in s["members"] if m["state"] in ("work", "standby")}
print(eval(sys.argv[1]))' "$2" 2>/dev/null || true
}
role() { answer "$1" 'me["role"]'; }
primary() { for member in "$@"; do [ "$(role "$member")" != primary ] || echo "$member"; done; }
epoch() { answer "$1" 's["vclusters"][0]["epoch"]'; }

# told MEMBER EXPRESSION: of its history as `h`, oldest first, a Python expression, printed; nothing when it is silent.
told()
{
	$lab exec "$1" -- systolectl -j diagnose sys ha history read 2>/dev/null </dev/null |
		python3 -c 'import json, sys
h = sorted(map(json.loads, sys.stdin), key=lambda event: event["mono_ns"])
roles = [event for event in h if event["event"] == "role"]
print(eval(sys.argv[1]))' "$2" 2>/dev/null || true
}
serial() { printf 'SYS%013d' "${1#m}"; }
other_of() { [ "$1" = m1 ] && echo m2 || echo m1; }
is_primary() { [ "$(role "$1")" = primary ]; }
# moved_to MEMBER: it is primary and the other one is not.
moved_to() { is_primary "$1" && [ "$(role "$(other_of "$1")")" = secondary ]; }
reason() { answer "$1" 's["vclusters"][0]["reason"]'; }
# whole: of two members exactly one is primary, and both see both and name the same one.
whole()
{
	[ "$(primary m1 m2 | wc -l)" = 1 ] && [ "$(answer m1 'len(seen)')" = 2 ] && [ "$(answer m2 'len(seen)')" = 2 ] &&
		[ "$(answer m1 's["vclusters"][0]["primary"]')" = "$(answer m2 's["vclusters"][0]["primary"]')" ]
}
traffic() { $lab exec client -- ping -c 1 -W 1 10.2.2.20 >/dev/null 2>&1; }

# within SECONDS COMMAND...: until it succeeds.
within()
{
	local deadline=$((SECONDS + $1)); shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.1
	done
}
# What a lab makes, as lines; nothing when all is gone.
leftovers()
{
	ip netns list | grep -E '^sys-(m[0-9]+|client|server|fabric|attacker)( |$)' || true
	ls -d /run/systole/lab* /run/systole/m[0-9]* /var/lib/systole/m[0-9]* 2>/dev/null || true
	# By how they were started: a compiler's command line may hold the same words.
	pgrep -af '^[^ ]*(python3 -m labkit\.|systole-prober (client|server)|systole-flooder|systole-ct-loader|conntrackd -C /run/systole/|systoled .*-f /run/systole/lab/)' || true
}
nothing_left() { [ -z "$(leftovers)" ]; }
