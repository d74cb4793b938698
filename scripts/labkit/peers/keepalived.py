# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""keepalived: VRRPv3 every 10 ms, and two addresses of its own (LAN and WAN) that it moves as Systole moves its."""
from .program import Program

# In networks of their own, so that no route of Systole's is touched; the client reaches the server through them.
LAN_GATEWAY, WAN_GATEWAY = "10.99.101.254", "10.99.102.254"
CLIENT_ADDRESS, SERVER_ADDRESS = "10.99.101.10", "10.99.102.20"
_PROTOCOL_VRRP = 112


class Keepalived(Program):
    title, package, commands = "keepalived VRRP", "keepalived", ("keepalived",)
    dead_ms = 36.1  # three advertisements and the skew of priority 100
    has_master = True
    longest_gap_ms = 500.0  # a backup sends nothing
    real_time = ""

    def launches(self, member):
        configuration, directory = self.render(member, "keepalived"), self.directory(member)
        # In the foreground, its log on stderr, none to syslog (-G): see program.py about the console.
        return [("keepalived", ["keepalived", "-n", "-l", "-G", "-D", "-P", "-f", configuration,
                                "-p", directory / "parent.pid", "-r", directory / "vrrp.pid"])]

    def settings(self, member):
        return {"real_time": self.real_time, "addresses": self._addresses()}

    def _addresses(self):
        return f"{LAN_GATEWAY}/24 dev port1\n\t\t{WAN_GATEWAY}/24 dev port2"

    def log_files(self, member):
        return [self.directory(member) / "keepalived.out"]

    def is_change(self, line):
        """The old primary that sees a rival steps back in a line of its own; it is one change, counted at the taker."""
        return "Entering MASTER STATE" in line or "Entering FAULT STATE" in line

    def is_beat(self, frame):
        return len(frame) > 24 and frame[12:14] == b"\x08\x00" and frame[23] == _PROTOCOL_VRRP

    def says_lost(self, frame):
        """A backup sends nothing: its first advertisement is its taking over."""
        return self.is_beat(frame)

    def is_ready(self, last):
        return sum(frame is not None for frame in last.values()) == 1


class KeepalivedRealTime(Keepalived):
    """The variant that its documentation offers and its default is not. It moves an address nobody uses."""

    title = "keepalived VRRP, rt 50"
    real_time = "vrrp_rt_priority 50\n\tvrrp_no_swap"

    def _addresses(self):
        return f"10.99.{self._index}.254/24 dev {self.link}"
