# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""A stranger on a heartbeat link: sys-attacker, one more port of the bridge, hears everything and runs the flooder.

A switch would not show it what two members say to each other; a tap on the cable would. So the fabric copies the
frames of the members to its port. Nothing it sends is copied: what it floods takes the bridge's ways.
"""
import json
import subprocess

from . import fabric, names, netns
from .errors import LabError

ADDRESS = "02:53:59:53:ff:00"
_COPIES = """
table netdev attacker {{
    chain copies {{
        type filter hook ingress devices = {{ {ends} }} priority 0; policy accept;
        ether daddr != {address} ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 dup to "{port}"
    }}
}}
"""


class Attacker:
    """Goes with the lab: teardown.py removes every namespace of it and ends what runs there."""

    def __init__(self, plan, programs, link):
        self._program, self.link = programs.flooder, link
        self._processes = []
        port = names.fabric_end("attacker", link)
        fabric.batch(None, [f"netns add {names.ATTACKER}"])
        with netns.inside(names.ATTACKER):
            netns.set_sysctl("ipv6/conf/default/disable_ipv6", 1)  # it says nothing but what it is told to
        fabric.batch(names.FABRIC, [
            f"link add {port} type veth peer name {link} address {ADDRESS} netns {names.ATTACKER}",
            f"link set {port} master br-{link}", f"link set {port} up"])
        fabric.batch(names.ATTACKER, [f"link set {link} up"])
        ends = ", ".join(f'"{names.fabric_end(member, link)}"' for member in plan.names())
        rules = _COPIES.format(ends=ends, address=ADDRESS, port=port)
        done = subprocess.run(["ip", "netns", "exec", names.FABRIC, "nft", "-f", "-"], input=rules, text=True,
                              capture_output=True, check=False)
        if done.returncode:
            raise LabError(f"nft failed in {names.FABRIC}: {done.stderr.strip()}; the kernel needs "
                           "CONFIG_NFT_DUP_NETDEV")

    def start(self, kind, seconds, rate, victim_address, cpu, niceness):
        """`rate`: frames a second, None as fast as it goes; `victim_address`: None for all members."""
        command = ["ip", "netns", "exec", names.ATTACKER, "taskset", "-c", str(cpu), "nice", "-n", str(niceness),
                   str(self._program), "--interface", self.link, "--kind", kind, "--seconds", f"{seconds:g}"]
        command += ["--rate", str(rate)] if rate else []
        command += ["--to", victim_address] if victim_address else []
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, start_new_session=True)
        self._processes.append(process)
        return process

    @staticmethod
    def result(process, timeout_s):
        """What the flooder says at its end."""
        try:
            output, errors = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise LabError(f"the flooder did not end within {timeout_s:.0f} s; the machine may be badly "
                           "overloaded") from None
        if process.returncode:
            raise LabError(f"the flooder ended with exit code {process.returncode}: {errors.strip()}")
        return json.loads(output.splitlines()[-1])

    def end(self):
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
