# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""`--witness`: one etcd in sys-fabric, and a network of its own to it, as an appliance would have a management port.

    sys-mN mgmt0 10.9.9.N ---- br-mgmt 10.9.9.254 ---- etcd :2379     all in sys-fabric but mgmt0
"""
import subprocess
import time
import urllib.error
import urllib.request

from . import names, netns
from .errors import LabError

INTERFACE = "mgmt0"
BRIDGE = "br-mgmt"
ADDRESS = "10.9.9.254"
ENDPOINT = f"http://{ADDRESS}:2379"


def address(member):
    return f"10.9.9.{int(member[1:])}"


def address_lines(member):
    """For `ip -batch` in the member's namespace; again after a power loss, which takes the address."""
    return [f"addr replace {address(member)}/24 dev {INTERFACE}"]


def start():
    """[pid, start time] of the etcd; it keeps its data with the lab's files, which are in memory."""
    log = names.LAB_DIRECTORY / "etcd.log"
    command = ["ip", "netns", "exec", names.FABRIC, "etcd", "--name", "lab", "--data-dir",
               str(names.LAB_DIRECTORY / "etcd"), "--listen-client-urls", ENDPOINT, "--advertise-client-urls", ENDPOINT,
               "--listen-peer-urls", "http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380",
               "--initial-cluster", "lab=http://127.0.0.1:2380"]
    try:
        with open(log, "ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       start_new_session=True)
    except FileNotFoundError:
        raise LabError("--witness needs etcd; scripts/setup installs it") from None
    _wait_until_healthy(process, log)
    return [process.pid, netns.start_time(process.pid)]


def _wait_until_healthy(process, log):
    deadline = time.monotonic() + 20
    while True:
        with netns.inside(names.FABRIC):
            try:
                with urllib.request.urlopen(f"{ENDPOINT}/health", timeout=1) as answer:
                    if b'"true"' in answer.read():
                        return
            except (OSError, urllib.error.URLError):
                pass
        if process.poll() is not None:
            raise LabError(f"etcd ended with exit code {process.returncode}; look at {log}")
        if time.monotonic() > deadline:
            raise LabError(f"etcd is not healthy after 20 s; look at {log}")
        time.sleep(0.1)
