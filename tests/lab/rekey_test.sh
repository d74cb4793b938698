#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# New keys ten times a second on two links lose no beat and move no role; then the password is changed, without a member
# being lost; a member that comes back has a ticket; one that says goodbye is lost at once. No key outlives its drain in
# the memory of a member.
# SYSTOLE_REKEY_SECONDS=300 makes the first part as long as you like.
# covers: Q1 Q5 Q7 Q8 L7
. "$(dirname "$0")/_init.sh"

seconds=${SYSTOLE_REKEY_SECONDS:-6}
$lab up --set 'hb-lost-threshold 6' --key-log "$scratch/keys"
within 15 whole || fail "no cluster at the start"
first=$(primary m1 m2)
lost() { answer "$1" 'sum(link["lost"] for m in s["members"] if not m["local"] for link in m["links"])'; }
quiet() { told "$1" 'sum(e["event"] in ("peer-lost", "peer-restarted") for e in h)'; }

before1=$(lost m1); before2=$(lost m2); claim=$(epoch "$first")
python3 - "$seconds" <<'EOF'
import socket, sys, time
end = time.monotonic() + float(sys.argv[1])
asked = 0
members = []
for member in ("m1", "m2"):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f"/run/systole/{member}/control.sock")
    s.settimeout(5)
    members.append(s)
while time.monotonic() < end:
    began = time.monotonic()
    s = members[asked % 2]
    s.sendall(b"execute ha rekey\n")
    answer = s.recv(65536)
    assert b'"ok"' in answer or b'"busy"' in answer, answer
    asked += 1
    time.sleep(max(0, 0.1 - (time.monotonic() - began)))
print(f"asked {asked} times for new keys")
EOF
sleep 1
have=$(answer m1 's["counters"]["handshake_evaluations"]')
[ "$have" -ge $((seconds * 5)) ] || fail "only $have key exchanges in $seconds s"
echo "m1 has evaluated $have exchanges; beats lost: m1 $(( $(lost m1) - before1 )), m2 $(( $(lost m2) - before2 ))"
[ "$(lost m1)" = "$before1" ] && [ "$(lost m2)" = "$before2" ] || fail "beats were lost while keys changed"
[ "$(quiet m1)$(quiet m2)" = 00 ] || fail "a member was lost while keys changed"
# The history is too short for a long run: a claim counts for ever.
[ "$(primary m1 m2)" = "$first" ] && [ "$(epoch "$first")" = "$claim" ] || fail "the role moved"

# Every key there ever was is in the key log; in memory are those in use, and no other.
sleep 1 # the drain
for member in m1 m2; do
	pid=$(for pid in $(ip netns pids sys-$member); do [ "$(cat "/proc/$pid/comm")" != systoled ] || echo "$pid"; done)
	python3 - "$scratch/keys/$member/esp_sa" "$pid" "$have" <<'EOF' || fail "$member: not the keys that should be in memory"
import pathlib, re, sys

log, pid, exchanges = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
each = 2 * 2 * 2  # of one exchange: two directions, two links, two traffic classes
ciphers = [bytes.fromhex(re.findall(r'"0x([0-9a-f]{32,})"', line)[0][:32]) for line in log.read_text().splitlines()]
assert len(ciphers) >= each * exchanges and len(set(ciphers)) == len(ciphers), f"{len(ciphers)} keys of {exchanges} exchanges"
sought = {index: ciphers[index] for index in (*range(20), *range(max(20, len(ciphers) - 100), len(ciphers)))}
found = set()
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights, *_ = line.split()
        begin, end = (int(edge, 16) for edge in span.split("-"))
        if not rights.startswith("r") or "[v" in line:
            continue
        try:
            memory.seek(begin)
            text = memory.read(end - begin)
        except OSError:  # what a device has there
            continue
        found |= {index for index, key in sought.items() if key in text}
print(f"{len(ciphers)} keys, {each} of an exchange; in memory: {sorted(found)}")
newest = set(range(len(ciphers) - each, len(ciphers)))
assert found and found <= newest, f"retired keys in memory: {sorted(found - newest)}"
EOF
done

# Another password: given to both, used, the old one taken away; in any order nobody is lost.
conf() { echo "/run/systole/lab/$1.conf"; }
ask() { $lab exec "$1" -- systolectl execute ha rekey "${@:2}" >/dev/null </dev/null; }
for member in m1 m2; do
	sed -i 's/^\( *\)set password .*/&\n\1set password-next "another secret of the lab"/' "$(conf $member)"
	ask $member
	sleep 0.5
done
exchanges() { answer "$1" 's["counters"]["handshake_evaluations"]'; }
ask m2 1
sleep 0.5
before=$(exchanges m1)
ask m1 1
exchanged() { [ "$(exchanges m1)" -gt "$before" ]; }
within 5 exchanged || fail "no exchange with the next password"
for member in m2 m1; do
	sed -i -e '/set password /d' -e 's/set password-next /set password /' "$(conf $member)"
	sed -i 's/^\( *\)set password .*/&\n\1set password-index 1/' "$(conf $member)"
	ask $member
	sleep 0.5
done
[ "$(quiet m1)$(quiet m2)" = 00 ] || fail "a member was lost while the password changed"
[ "$(answer m1 's["counters"]["drops"]["hake_confirm_bad"]')" = 0 ] || fail "an exchange failed"

# With the new password alone a member comes back, and its ticket counts.
other=$(other_of "$first")
$lab stop "$other" 2>/dev/null || $lab kill "$other"
left() { [ "$(told "$first" 'sum(e["event"] == "peer-lost" for e in h)')" = 1 ]; }
within 5 left || fail "$first did not notice the end of $other"
$lab start "$other"
within 10 whole || fail "$other did not come back with the new password"
[ "$(stat -c %a "/var/lib/systole/$first/resume" "/var/lib/systole/$first/resume"/* | sort -u | tr '\n' ' ')" = "600 700 " ] ||
	fail "resume keys are not kept, or open: $(ls -la "/var/lib/systole/$first/resume")"
echo "rekey: passed"
