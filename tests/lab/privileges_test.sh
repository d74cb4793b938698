#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# Members that run as an ordinary user with four capabilities: they work as a cluster, and what an intruder would do to
# them or in them is refused.
# covers: Z1 Z2 Z3 Z4 Z5 Z6 Z7 Z9
. "$(dirname "$0")/_init.sh"

user=65534     # as in scripts/labkit/names.py
stranger=65533 # nobody's
four=0000000000807000 # NET_ADMIN NET_RAW IPC_LOCK SYS_NICE
injector=tests/lab/injector.py

# The user must be able to reach the programs.
programs=${SYSTOLE_BUILD:-build}
mkdir "$scratch/programs"
chmod 0755 "$scratch" "$scratch/programs"
cp "$programs"/{systoled,systole-keeper,systole-spawner,systolectl} "$scratch/programs/"
prober=$programs/bench/prober/systole-prober
[ -x "$prober" ] || prober=$programs/systole-prober
cp "$prober" "$scratch/programs/"
export SYSTOLE_BUILD=$scratch/programs

as() { setpriv --reuid "$1" --regid "$1" --clear-groups --inh-caps=-all "${@:2}"; }
process() { ip netns pids "sys-$1" | while read -r pid; do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || echo "$pid"; done; }
field() { sed -n "s/^$2:[[:space:]]*//p" "$1/status"; }
denials() { answer m1 's["control_socket"]["denied"]'; }
# ask UID [GROUP] WORDS...: over m1's control socket, as that user.
ask()
{
	local groups=--clear-groups
	[ -z "$2" ] || groups=--groups=$2
	setpriv --reuid "$1" --regid "$1" "$groups" "$SYSTOLE_BUILD/systolectl" -s /run/systole/m1/control.sock "${@:3}" 2>&1 </dev/null
}

# Z7: before anything is started.
printf 'config system ha\n set mode a-p\n set group-id 1\n set group-name "x"\n set password "a long password"\n set hbdev "lo" 50\nend\n' >"$scratch/loose.conf"
refused()
{
	local code=0
	"$SYSTOLE_BUILD/systoled" -n m9 -f "$scratch/loose.conf" >"$scratch/out" 2>&1 || code=$?
	if [ $code != 6 ] || ! grep -q "$1" "$scratch/out"; then fail "loose modes: exit code $code, $(cat "$scratch/out")"; fi
}
chmod 0644 "$scratch/loose.conf"
refused "$scratch/loose.conf: .*mode 0644.*chmod 0600 $scratch/loose.conf"
chmod 0600 "$scratch/loose.conf"
mkdir -p /var/lib/systole
mkdir -m 0700 /var/lib/systole/m9 /var/lib/systole/m9/resume
: >/var/lib/systole/m9/resume/key
chmod 0644 /var/lib/systole/m9/resume/key
refused "/var/lib/systole/m9/resume/key: .*mode 0644"
rm -r /var/lib/systole/m9

# shellcheck disable=SC2016  # the hook's own
printf '#!/bin/sh\necho "hook of $SYSTOLE_ROLE, user $(id -u)"\n' >"$scratch/hook"
chmod 0755 "$scratch/hook"
$lab up --unprivileged --daemon-option=--read-group=3000 --daemon-option=--write-group=4000 --set "hook-primary \"$scratch/hook\""
first=$(primary m1 m2)
other=$(other_of "$first")
within 3 traffic || fail "no traffic through $first"
within 2 grep -q "said: hook of primary, user $user" "/run/systole/lab/$first.log" || fail "the hook of $first did not run"

# Z3, and that every thread is behind a filter
for member in m1 m2; do
	daemon=$(process $member systoled)
	threads=0
	for thread in /proc/"$daemon"/task/*; do
		threads=$((threads + 1))
		[ "$(field "$thread" CapPrm) $(field "$thread" CapEff) $(field "$thread" CapAmb)" = "$four $four 0000000000000000" ] ||
			fail "$member: $(cat "$thread/comm") has $(grep Cap "$thread/status")"
		[ "$(field "$thread" Seccomp)" = 2 ] || fail "$member: $(cat "$thread/comm") has no filter"
		[ "$(field "$thread" Uid | cut -f 1-4 | tr '\t' ' ')" = "$user $user $user $user" ] || fail "$member: user $(field "$thread" Uid)"
	done
	[ $threads -ge 6 ] || fail "$member: only $threads threads were looked at"
	[ "$(field "/proc/$(process $member systole-keeper)" CapEff)" = 0000000000001000 ] || fail "the keeper of $member has more than NET_ADMIN"
done

# Z2: by the same user; a process that may be looked at shows that this would be seen.
daemon=$(process m1 systoled)
setpriv --reuid $user --regid $user --clear-groups sleep 30 &
sleep 0.2
as $user head -c 0 "/proc/$!/mem" || fail "$user cannot read memory of its own; this test would see nothing"
kill $!
for pid in "$daemon" "$(process m1 systole-keeper)" "$(process m1 systole-spawner)"; do
	if as $user head -c 0 "/proc/$pid/mem" 2>/dev/null; then fail "$(cat "/proc/$pid/comm"): another process of its user reads its memory"; fi
done

# Z4: nobody's socket but the groups'; then the file system lets everybody through, and the daemon itself must not.
ask 1000 3000 get system ha status | grep -q "HA Health Status" || fail "the read group cannot read: $(ask 1000 3000 get system ha status)"
ask 1000 3000 execute ha ssd fail | grep -q "you may only read" || fail "the read group may change: $(ask 1000 3000 execute ha ssd fail)"
ask 1000 4000 execute ha ssd status | grep -q "ssd: ok" || fail "the write group: $(ask 1000 4000 execute ha ssd status)"
ask 1000 4000 execute ha ssd fail >/dev/null || fail "the write group cannot change: $(ask 1000 4000 execute ha ssd fail)"
ask 1000 4000 execute ha ssd ok >/dev/null
ask $stranger "" get system ha status | grep -q "Permission denied" || fail "a stranger: $(ask $stranger "" get system ha status)"
before=$(denials)
[ "$before" -ge 1 ] || fail "the refused command was not counted: $before"
chmod 0755 /run/systole/m1
chmod 0777 /run/systole/m1/control.sock
ask $stranger "" get system ha status | grep -q "you may not use this control socket" || fail "a stranger, let through: $(ask $stranger "" get system ha status)"
[ "$(denials)" -gt "$before" ] || fail "the stranger was not counted"
grep -q "opened by user $stranger" /run/systole/lab/m1.log || fail "the stranger is not in the log"

# Z5, Z6
grep -q control.sock "/proc/$daemon/net/unix" || fail "the list of sockets is empty; this test would see nothing"
if grep -q telemetry "/proc/$daemon/net/unix"; then fail "there is a telemetry socket"; fi
# attach COMMAND...: dpdk-proc-info is a secondary process by itself; it aborts when there is nothing to attach to.
attach() { ("$@" timeout 10 dpdk-proc-info --file-prefix=systole-m1 --no-pci -- --stats) >"$scratch/out" 2>&1; }
if attach env; then fail "a second DPDK process attached"; fi
if attach as $user env XDG_RUNTIME_DIR=/run/systole/m1; then fail "a second DPDK process of the same user attached"; fi
grep -qiE "EAL|primary|config" "$scratch/out" || fail "dpdk-proc-info failed for another reason: $(cat "$scratch/out")"
[ -z "$(find /run/systole/m1 /var/run/dpdk/systole-m1 /dev/hugepages -name '*config*' -o -name 'systole-m1map*' 2>/dev/null)" ] || fail "DPDK's files of m1 are there"

# Z9: what runs in the poll core is made to ask for a socket, then for a program; the keeper shows that asking works.
poll_core=$(for task in /proc/"$(process "$first" systoled)"/task/*; do case $(cat "$task/comm") in rte-worker* | lcore-worker*) basename "$task" ;; esac; done)
case $($injector call "$(process "$first" systole-keeper)" 41 2 2 0) in
"returned "[0-9]*) ;;
skipped*) echo "no system calls are injected on this machine" ;;
*) fail "the injector does not work; this test would see nothing" ;;
esac
said=$($injector call "$poll_core" 41 2 2 0)
[ "$said" = "killed by signal 31" ] || fail "socket(AF_INET) in the poll core of $first: $said"
within 5 is_primary "$other" || fail "$other did not replace $first"
within 5 traffic || fail "no traffic through $other"
gone() { [ "$($lab exec "$first" -- ip -o addr show | grep -c -e '-vmac')" = 0 ] && [ -z "$(process "$first" systole-keeper)$(process "$first" systole-spawner)" ]; }
within 3 gone || fail "the keeper of $first left: $($lab exec "$first" -- ip -br addr)"
[ "$($lab exec "$first" -- sysctl -n net.ipv4.conf.port1.arp_ignore)" = 0 ] || fail "port1 of $first kept its settings"
$lab start "$first"
control=$(process "$first" systoled)
said=$($injector call "$control" 59 0 0 0)
[ "$said" = "killed by signal 31" ] || fail "execve in the control thread of $first: $said"

# Z1: every dump goes to a program, as a crash handler of a distribution takes it.
# shellcheck disable=SC2016
printf '#!/bin/sh\ncat >/dev/null\necho "$1" >>%s/cores\n' "$scratch" >"$scratch/catcher"
chmod 0755 "$scratch/catcher"
pattern=$(cat /proc/sys/kernel/core_pattern)
trap 'echo "$pattern" >/proc/sys/kernel/core_pattern; $lab down >/dev/null; rm -rf "$scratch"' EXIT
echo "|$scratch/catcher %e" >/proc/sys/kernel/core_pattern || fail "core_pattern cannot be set"
sleep 30 &
said=$($injector signal $! 11)
[ "$said" = "killed by signal 11, core dumped" ] || fail "an ordinary process: $said; this test would see nothing"
control=$(process "$other" systoled)
said=$($injector signal "$control" 11)
[ "$said" = "killed by signal 11" ] || fail "systoled: $said"
sleep 0.3
[ "$(cat "$scratch/cores")" = sleep ] || fail "dumped: $(cat "$scratch/cores")"
