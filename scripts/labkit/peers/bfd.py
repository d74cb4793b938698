# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""FRR bfdd and BIRD: BFD 10 ms x 3. They detect and tell their routing protocols; they move nothing by themselves."""
import shutil

from .program import Program

_UDP, _BFD_PORT = 17, b"\x0e\xc8"  # 3784, single hop
_STATE_DOWN, _STATE_UP, _DETECTION_TIME_EXPIRED = 1, 3, 1
_OFFSET = 14 + 20 + 8  # Ethernet, IPv4 without options, UDP


class Bfd(Program):
    def is_beat(self, frame):
        return len(frame) >= _OFFSET + 24 and frame[23] == _UDP and frame[36:38] == _BFD_PORT

    def says_lost(self, frame):
        return self.is_beat(frame) and _state(frame) == _STATE_DOWN and frame[_OFFSET] & 0x1f == _DETECTION_TIME_EXPIRED

    def is_ready(self, last):
        return all(frame is not None and _state(frame) == _STATE_UP for frame in last.values())


def _state(frame):
    return frame[_OFFSET + 1] >> 6


class Frr(Bfd):
    title, package = "FRR bfdd", "frr"
    commands = ("/usr/lib/frr/zebra", "/usr/lib/frr/bfdd")

    def own(self, directory):
        shutil.chown(directory, "frr", "frr")

    def launches(self, member):
        directory = self.directory(member)
        common = ["-z", directory / "zserv.api", "--vty_socket", directory, "-A", "127.0.0.1", "-P", "0"]
        zebra = ["/usr/lib/frr/zebra", "-f", self.render(member, "zebra"), "-i", directory / "zebra.pid", *common]
        bfdd = ["/usr/lib/frr/bfdd", "-f", self.render(member, "bfdd"), "-i", directory / "bfdd.pid",
                "--bfdctl", directory / "bfdd.sock", *common]
        # bfdd looks for zebra again only every few seconds; so it comes when zebra listens.
        wait = f'until [ -S "{directory}/zserv.api" ]; do sleep 0.05; done; exec "$0" "$@"'
        return [("zebra", zebra), ("bfdd", ["sh", "-c", wait, *bfdd])]

    def log_files(self, member):
        return [self.directory(member) / "bfdd.log"]

    def is_change(self, line):
        return "state-change" in line and "up -> down" in line


class Bird(Bfd):
    title, package, commands = "BIRD BFD", "bird2", ("bird",)

    def launches(self, member):
        directory = self.directory(member)
        return [("bird", ["bird", "-f", "-c", self.render(member, "bird"), "-s", directory / "bird.ctl",
                          "-P", directory / "bird.pid"])]

    def log_files(self, member):
        return [self.directory(member) / "bird.log"]

    def is_change(self, line):
        return "changed state from Up to Down" in line
