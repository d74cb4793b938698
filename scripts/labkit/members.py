# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The members' processes: start, ask, stop, in whichever state they are."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

from . import fabric, names, netns, witness
from .errors import LabError
from .netlink import link_batch


def configuration_file(member):
    return names.LAB_DIRECTORY / f"{member}.conf"


def log_file(member):
    return names.LAB_DIRECTORY / f"{member}.log"


def prepare(plan, programs, password):
    """Configuration, key-log directories, and a `systolectl` for each member that speaks to that member."""
    for member in plan.names():
        for root in (names.RUN_ROOT, names.STATE_ROOT):
            shutil.rmtree(root / member, ignore_errors=True)
        _write(configuration_file(member), plan.configuration(member, password), 0o600)
        directory = names.LAB_DIRECTORY / "bin" / member
        directory.mkdir(parents=True, exist_ok=True)
        _write(directory / "systolectl",
               "#!/bin/sh\n# This member's systolectl, unless the caller names an instance or a socket.\n"
               f'case "$1" in -n|-s|--instance*|--socket*) exec "{programs.ctl}" "$@" ;; esac\n'
               f'exec "{programs.ctl}" -n {member} "$@"\n', 0o755)
        if plan.key_log:
            os.makedirs(os.path.join(plan.key_log, member), mode=0o700, exist_ok=True)
        if plan.unprivileged:
            _give_to_the_user(plan, member)


def _write(path, text, mode):
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
        file.write(text)


def launch(plan, programs, member):
    """Starts the daemon in its namespace; it outlives the caller. Returns the Popen."""
    command = ["ip", "netns", "exec", names.namespace(member), *_demoted(plan), str(programs.daemon),
               "-f", str(configuration_file(member)), "-n", member, *plan.daemon_options]
    if plan.key_log:
        command += ["--key-log", os.path.join(plan.key_log, member)]
    with open(log_file(member), "ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def _demoted(plan):
    """What stands before a command that is to run as the ordinary user with few capabilities."""
    if not plan.unprivileged:
        return []
    kept = ",".join(f"+{name}" for name in names.CAPABILITIES + (("sys_admin",) if plan.vdev == "af_xdp" else ()))
    return ["setpriv", f"--reuid={names.UNPRIVILEGED_USER}", f"--regid={names.UNPRIVILEGED_USER}", "--clear-groups",
            f"--inh-caps=-all,{kept}", f"--ambient-caps=-all,{kept}", f"--bounding-set=-all,{kept}"]


def _give_to_the_user(plan, member):
    """Root has made /run/systole and /var/lib/systole; below them the daemon keeps its own things."""
    own = [root / member for root in (names.RUN_ROOT, names.STATE_ROOT)]
    for directory in own:
        directory.mkdir(mode=0o750, exist_ok=True)
    if plan.key_log:
        own.append(os.path.join(plan.key_log, member))
    for path in (*own, configuration_file(member)):
        os.chown(path, names.UNPRIVILEGED_USER, names.UNPRIVILEGED_USER)
    names.LAB_DIRECTORY.chmod(0o711)


def environment(programs, member):
    return {**os.environ, "PATH": f"{names.LAB_DIRECTORY / 'bin' / member}:{programs.directory}:{os.environ['PATH']}",
            "SYSTOLE_INSTANCE": member}


def control(programs, member, *words, as_json=True, timeout_s=5):
    """systolectl's CompletedProcess."""
    command = [str(programs.ctl), "-n", member, *(["-j"] if as_json else []), *words]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s,
                              check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {timeout_s} s")


def status(programs, member):
    """`get system ha status` as a dict, or None when the member does not answer."""
    return json_answer(programs, member, "get", "system", "ha", "status")


def json_answer(programs, member, *words):
    """What the member answers to a command, None when it does not."""
    answer = control(programs, member, *words, timeout_s=2)
    if answer.returncode:
        return None
    try:
        return json.loads(answer.stdout)
    except ValueError:
        return None


def wait_for_answer(plan, programs, member, process=None):
    """`process`: the Popen when this caller has started the daemon, so that its end is noticed."""
    deadline = time.monotonic() + 20
    while status(programs, member) is None:
        if process and process.poll() is not None:
            raise LabError(f"{member}'s {names.DAEMON} ended with exit code {process.returncode}\n{logs(plan)}")
        if time.monotonic() > deadline:
            raise LabError(f"{member} does not answer after 20 s\n{logs(plan)}")
        time.sleep(0.05)


def daemon_pids(member):
    return [pid for pid in netns.processes(names.namespace(member)) if netns.command_name(pid) == names.DAEMON]


def daemon_pid(member):
    pids = daemon_pids(member)
    if not pids:
        raise LabError(f"{member}'s {names.DAEMON} is not running; `scripts/lab start {member}` starts it")
    return pids[0]


def signal_all(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill_everything(member):
    """SIGKILL to every process of the member until none is left; they may be forking."""
    deadline = time.monotonic() + 5
    while pids := netns.processes(names.namespace(member)):
        signal_all(pids, signal.SIGKILL)
        if time.monotonic() > deadline:
            raise LabError(f"processes {pids} of {member} do not die; look at /proc/PID/stack")
        time.sleep(0.005)


def forget_like_a_power_loss(plan, member):
    """What a real machine would not have after its power came back: virtual interfaces, addresses, sessions, /run."""
    namespace = names.namespace(member)
    listing = subprocess.run(["ip", "-n", namespace, "-json", "-d", "link", "show"], capture_output=True, text=True,
                             check=True)
    mine = {"lo", *plan.interfaces()}
    others = [link["ifname"] for link in json.loads(listing.stdout) if link["ifname"] not in mine]
    commands = [f"link del {other}" for other in others if "@" not in other]
    commands += [f"addr flush dev {interface}" for interface in plan.interfaces()]
    subprocess.run(["ip", "-n", namespace, "-force", "-batch", "-"], input="\n".join(commands) + "\n", text=True,
                   capture_output=True, check=False)
    with netns.inside(namespace):
        _flush_conntrack()
        for port in ("port1", "port2"):
            for option in ("arp_ignore", "arp_announce"):
                netns.set_sysctl(f"ipv4/conf/{port}/{option}", 0)
    shutil.rmtree(names.RUN_ROOT / member, ignore_errors=True)
    if plan.unprivileged:
        _give_to_the_user(plan, member)


def _flush_conntrack():
    """IPCTNL_MSG_CT_DELETE without a tuple deletes every entry of the thread's namespace."""
    netlink_netfilter, ctnetlink_delete = 12, (1 << 8) | 2
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, netlink_netfilter) as handle:
        handle.settimeout(2)
        handle.send(struct.pack("=IHHII", 20, ctnetlink_delete, 0x5, 1, 0) + bytes(4))
        handle.recv(4096)


def revive(plan, programs, member):
    """However it died: links up, stopped processes go on, a dead daemon starts. Returns the Popen or None."""
    link_batch(names.namespace(member), plan.interfaces(), up=True).apply()
    if plan.witness:
        fabric.batch(names.namespace(member), witness.address_lines(member))
    signal_all(netns.processes(names.namespace(member)), signal.SIGCONT)
    return None if daemon_pids(member) else launch(plan, programs, member)


def primaries(statuses):
    """The members that say of themselves that they are primary."""
    return [member for member, answer in statuses.items() if answer and local_role(answer) == "primary"]


def local_role(answer):
    return next((entry["role"] for entry in answer["members"] if entry.get("local")), None)


def disagreement(plan, statuses):
    """Why these answers are not yet a whole cluster with one primary; None when they are."""
    silent = [member for member, answer in statuses.items() if answer is None]
    if silent:
        return f"no answer from {' '.join(silent)}"
    expected = {names.serial(member) for member in plan.names()}
    for member, answer in statuses.items():
        # A link need not be up (a test may have cut one): a member that is not lost is a member.
        seen = {entry["serial"] for entry in answer["members"] if entry.get("state") in ("work", "standby")}
        if seen != expected:
            unseen = " ".join(sorted(map(names.member_of_serial, expected - seen)))
            return f"{member} does not see {unseen} at work or standby"
    claimants = primaries(statuses)
    if len(claimants) != 1:
        return f"{len(claimants)} members say they are primary"
    chosen = {answer["vclusters"][0]["primary"] for answer in statuses.values()}
    if chosen != {names.serial(claimants[0])}:
        return "the members name different primaries"
    return None


def wait_until_whole(plan, programs, timeout_s, alive=lambda: None):
    """Returns the primary's name once every member is seen by all and one is primary."""
    deadline = time.monotonic() + timeout_s
    while True:
        alive()
        statuses = {member: status(programs, member) for member in plan.names()}
        problem = disagreement(plan, statuses)
        if problem is None:
            return primaries(statuses)[0]
        if time.monotonic() > deadline:
            raise LabError(f"no cluster with one primary after {timeout_s:.0f} s: {problem}\n{logs(plan)}")
        time.sleep(0.1)


def logs(plan):
    """The tails of the members' logs, for an error message."""
    return "\n".join(map(_tail, plan.names()))


def _tail(member, lines=15):
    try:
        tail = log_file(member).read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
    except FileNotFoundError:
        tail = []
    text = [re.sub(r"[^\x20-\x7e\t]", "?", line) for line in tail] or ["(nothing)"]
    return "\n".join([f"--- {member} ({log_file(member)})", *text])
