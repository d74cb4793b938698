# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The traffic: systole-prober as server behind the WAN and as client in the LAN, and questions to the client."""
import dataclasses
import json
import select
import subprocess
import time

from . import names
from .errors import LabError

RATE_HZ = 1000


@dataclasses.dataclass
class Traffic:
    """Beside one stream of datagrams: connections that send both ways, UDP flows, pings."""
    tcp: int = 20
    udp_flows: int = 0
    pings: int = 0

    def check(self):
        for option, count, most in (("--tcp", self.tcp, 20_000), ("--udp-flows", self.udp_flows, 20_000),
                                    ("--pings", self.pings, 64)):
            if not 0 <= count <= most:
                raise LabError(f"{option} {count}: 0 to {most}")

    def describe(self):
        more = [f"{self.udp_flows} UDP flows"] * bool(self.udp_flows) + [f"{self.pings} pings"] * bool(self.pings)
        return ", ".join([f"{RATE_HZ} datagrams/s", f"{self.tcp} TCP connections", *more])

    def turn_ms(self):
        """How often a connection sends: many of them less often, so that the machine is not busy with them alone."""
        return 50 if self.tcp <= 100 else 200


# What only a table of sessions on both members can keep.
NAT_TRAFFIC = Traffic(1000, 200, 10)


class Prober:
    def __init__(self, programs, to=names.SERVER_ADDRESS, port=7007, traffic=None):
        """A second one beside the first needs a port of its own."""
        self.traffic = traffic or Traffic()
        self._server = self._spawn(names.SERVER, [programs.prober, "server", "--port", port,
                                                  "--pings", self.traffic.pings])
        self._client = self._spawn(names.CLIENT, [
            programs.prober, "client", "--to", to, "--port", port, "--rate", RATE_HZ,
            "--connections", self.traffic.tcp, "--stream-interval-ms", self.traffic.turn_ms(),
            "--flows", self.traffic.udp_flows, "--pings", self.traffic.pings])

    def _spawn(self, namespace, command):
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, command)], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, start_new_session=True)
        if self._line(process) != b"ready\n":
            raise LabError(f"the prober did not start in {namespace}: {process.stderr.read().decode().strip()}")
        return process

    @staticmethod
    def _line(process):
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([process.stdout], [], [], 10)[0]:
                raise LabError("the prober does not answer; the machine may be badly overloaded")
            chunk = process.stdout.read(65536)
            if not chunk:
                return b""
            line += chunk
        return line

    def _ask(self, process, word):
        try:
            process.stdin.write(word.encode() + b"\n")
            line = self._line(process)
        except BrokenPipeError:
            line = b""
        if not line:
            raise LabError(f"the prober ended: {process.stderr.read().decode().strip()}")
        return json.loads(line)

    def mark(self):
        self._ask(self._server, "mark")
        return self._ask(self._client, "mark")["mark_ns"]

    def report(self, since_ns=None):
        """`since_ns`: a TCP connection is kept when verified bytes came back after this moment. A ping is kept when the
        server saw no other identifier meanwhile."""
        report = self._ask(self._client, f"report {since_ns}" if since_ns else "report")
        pings, moved = report["pings"], self._ask(self._server, "report")["pings_moved"]
        pings["moved"], pings["kept"] = len(moved), len(set(pings["kept"]) - set(moved))
        return report

    def wait_until_clean(self, timeout_s):
        """Datagrams come back without a break and every TCP connection is established and moves."""
        deadline = time.monotonic() + timeout_s
        self.mark()
        while True:
            time.sleep(0.2)
            report = self.report()
            udp, tcp = report["udp"], report["tcp"]
            flowing = udp["received"] * 2 > udp["sent"] and not (udp["gap_open"] and udp["longest_gap_ns"] > 50_000_000)
            others = report["flows"]["moving"] + report["pings"]["moving"]
            if flowing and tcp["kept"] == self.traffic.tcp and others == self.traffic.udp_flows + self.traffic.pings:
                return
            if time.monotonic() > deadline:
                raise LabError(f"no clean traffic within {timeout_s} s: {udp['received']} of {udp['sent']} datagrams "
                               f"answered, {tcp['connected']} of {self.traffic.tcp} connections established, "
                               f"{others} UDP flows and pings answered")
            # Datagrams flow, so a broken connection has a chance again; those that stand are not touched.
            if not flowing or tcp["connected"] < self.traffic.tcp:
                self.mark()

    def wait_until_back(self, since_ns, timeout_s):
        """Until replies come again after `since_ns` and every connection moves, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            report = self.report(since_ns)
            udp, tcp = report["udp"], report["tcp"]
            back = udp["last_reply_ns"] > since_ns and report["now_ns"] - udp["last_reply_ns"] < 20_000_000
            # Those that are broken will not come back.
            moving = tcp["kept"] + tcp["broken"] + tcp["corrupt"] >= tcp["total"] and all(
                report[kind]["moving"] >= report[kind]["total"] for kind in ("flows", "pings"))
            if (back and moving) or time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def close(self):
        for process in (self._client, self._server):
            process.stdin.close()
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
