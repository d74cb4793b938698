#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# FTP through the NAT gateway pair: client and server agree on a data connection, and the primary dies before it is made.
# With session-pickup-expectation it comes about through the other member, where nothing may pass that is not expected, and
# the control connection goes on there, although NAT has changed the length of what was said over it. Then the same back.
. "$(dirname "$0")/_init.sh"

helper='table ip lab_ftp {
	ct helper ftp-standard { type "ftp" protocol tcp; }
	chain prerouting {
		type filter hook prerouting priority filter; policy accept;
		tcp dport 21 ct helper set "ftp-standard"
	}
	chain forward {
		type filter hook forward priority 10; policy accept;
		ct state established,related accept
		tcp dport 21 accept
		meta l4proto tcp counter drop
	}
}'
processes="" clients=""
end() { [ -z "$processes$clients" ] || kill $processes $clients 2>/dev/null || true; processes="" clients=""; }
trap 'end; $lab down >/dev/null; rm -rf "$scratch"' EXIT

# begins HOW...: members with the helper, a server, and for each way a client that has agreed on a data connection.
begins()
{
	$lab up --nat "$@" >/dev/null
	for member in m1 m2; do
		echo "$helper" | $lab exec $member -- nft -f -
	done
	$lab exec server -- tests/lab/ftp.py server 10.2.2.20 >"$scratch/server" 2>&1 &
	processes="$processes $!"
	within 5 grep -q ready "$scratch/server" || fail "no FTP server: $(cat "$scratch/server")"
	for mode in active passive; do
		rm -f "$scratch/$mode.in"
		mkfifo "$scratch/$mode.in"
		$lab exec client -- tests/lab/ftp.py client 10.2.2.20 $mode <"$scratch/$mode.in" >"$scratch/$mode" 2>&1 &
		clients="$clients $!"
	done
	exec 3>"$scratch/active.in" 4>"$scratch/passive.in"
	both_said agreed 1 || fail "no agreement: $(cat "$scratch/active" "$scratch/passive")"
}
said() { [ "$(grep -c "^$2" "$scratch/$1")" = "$3" ]; }
both_said() { within 8 said active "$1" "$2" && within 8 said passive "$1" "$2"; }
clients_gave_up()
{
	for client in $clients; do
		! kill -0 "$client" 2>/dev/null || return 1
	done
}
go_on() { echo go >&3; echo go >&4; }
pickup() { answer "$1" "s['session_pickup']['$2']"; }
knows() { [ "$(pickup "$1" in_step)" = True ] && [ "$(pickup "$1" expectations)" = "$2" ] && [ "$(pickup "$1" commit_pending)" = 0 ]; }

# First that the test can fail.
begins
survivor=$(other_of "$(primary m1 m2)")
within 5 knows "$survivor" 0 || fail "a standby without the option has $(pickup "$survivor" expectations) expectations"
$lab kill "$(other_of "$survivor")"
within 5 is_primary "$survivor" || fail "nobody took over"
go_on
within 8 clients_gave_up || fail "clients wait for a data connection that nobody expects"
said active passed 0 && said passive passed 0 || fail "a data connection came about that nobody expected"
end
$lab down >/dev/null

begins --set 'session-pickup-expectation enable'
for round in 1 2; do
	was=$(primary m1 m2)
	survivor=$(other_of "$was")
	within 10 knows "$survivor" 2 || fail "round $round: $survivor has $(pickup "$survivor" expectations) expectations of 2"
	$lab exec "$survivor" -- systolectl get system ha status </dev/null | grep -q '^ses_pickup_expectation: enable, expectations=2, left_out=0' ||
		fail "the status has no expectations"
	[ "$($lab exec "$survivor" -- conntrack -L expect 2>/dev/null | grep -c 'helper=ftp')" = 2 ] ||
		fail "round $round: the kernel of $survivor does not expect anything"
	$lab crash "$was"
	within 5 is_primary "$survivor" || fail "nobody took over"
	go_on
	both_said passed $round || fail "round $round: $(tail -n 3 "$scratch/active" "$scratch/passive")"
	both_said agreed $((round + 1)) || fail "round $round: no further agreement through $survivor"
	[ $round = 1 ] || break
	$lab start "$was" >/dev/null
	within 10 whole || fail "$was did not come back"
done
[ "$(pickup "$survivor" expectations_left_out)" = 0 ] || fail "expectations were left out"
end
$lab down >/dev/null
nothing_left || fail "left behind: $(leftovers)"
