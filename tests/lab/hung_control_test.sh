#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
#
# A control thread that hangs looks dead although its poll core runs on: the other member takes over, the keeper takes the
# addresses away, and when control turns again it follows.
. "$(dirname "$0")/_init.sh"

# hang MEMBER SECONDS: stops the main thread of its daemon alone, with ptrace, and lets it go on.
hang()
{
	$lab exec "$1" -- python3 - "$2" <<'EOF'
import ctypes, os, pathlib, sys, time
SEIZE, INTERRUPT, DETACH = 0x4206, 0x4207, 17
namespace = os.stat("/proc/self/ns/net").st_ino
def is_ours(process):
    try:
        return (process / "comm").read_text() == "systoled\n" and (process / "ns/net").stat().st_ino == namespace
    except OSError:
        return False
pid = next(int(process.name) for process in pathlib.Path("/proc").iterdir() if process.name.isdigit() and is_ours(process))
libc = ctypes.CDLL(None, use_errno=True)
def ptrace(request):
    if libc.ptrace(request, pid, None, None) != 0:
        sys.exit(f"ptrace {request:#x}: {os.strerror(ctypes.get_errno())}")
ptrace(SEIZE)
ptrace(INTERRUPT)
os.waitpid(pid, 0x40000000)  # __WALL
time.sleep(float(sys.argv[1]))
ptrace(DETACH)
EOF
}
addresses() { $lab exec "$1" -- ip -o addr show | grep -c -e '-vmac' || true; }

$lab up
first=$(primary m1 m2)
other=$(other_of "$first")

hang "$other" 1.5 || fail "could not hang the control of $other"
within 5 whole || fail "after a hang of the standby: m1 '$(role m1)', m2 '$(role m2)'"
[ "$(told "$first" 'sum(e["event"] == "peer-lost" for e in h)')" = 1 ] || fail "$first did not take the hung $other for dead"

hang "$first" 2.5 &
hung=$!
within 2 is_primary "$other" || fail "$other did not replace $first, whose control hangs"
sleep 0.1
[ "$(addresses "$first")" = 0 ] || fail "$first still holds: $($lab exec "$first" -- ip -br addr)"
within 2 traffic || fail "no traffic while the control of $first hangs"
wait $hung || fail "could not hang the control of $first"
within 5 moved_to "$other" || fail "afterwards $first is '$(role "$first")', $other '$(role "$other")'"
within 3 traffic || fail "no traffic afterwards"
[ "$(answer "$first" 's["poll"]["silences"]')" -ge 1 ] || fail "the worker of $first was never silent"
