# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The traffic: systole-prober as server behind the WAN and as client in the LAN, and questions to the client."""
import json
import select
import subprocess
import time

from . import names
from .errors import LabError

RATE_HZ, CONNECTIONS = 1000, 20


class Prober:
    def __init__(self, programs, to=names.SERVER_ADDRESS, port=7007):
        """A second one beside the first needs a port of its own."""
        self._server = self._spawn(names.SERVER, [programs.prober, "server", "--port", port])
        self._client = self._spawn(names.CLIENT, [programs.prober, "client", "--to", to, "--port", port,
                                                  "--rate", RATE_HZ, "--connections", CONNECTIONS])

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

    def _ask(self, word):
        try:
            self._client.stdin.write(word.encode() + b"\n")
            line = self._line(self._client)
        except BrokenPipeError:
            line = b""
        if not line:
            raise LabError(f"the prober ended: {self._client.stderr.read().decode().strip()}")
        return json.loads(line)

    def mark(self):
        return self._ask("mark")["mark_ns"]

    def report(self, since_ns=None):
        """`since_ns`: a TCP connection is kept when verified bytes came back after this moment."""
        return self._ask(f"report {since_ns}" if since_ns else "report")

    def wait_until_clean(self, timeout_s):
        """Datagrams come back without a break and every TCP connection is established and moves."""
        deadline = time.monotonic() + timeout_s
        self.mark()
        while True:
            time.sleep(0.2)
            report = self.report()
            udp, tcp = report["udp"], report["tcp"]
            flowing = udp["received"] * 2 > udp["sent"] and not (udp["gap_open"] and udp["longest_gap_ns"] > 50_000_000)
            if flowing and tcp["kept"] == CONNECTIONS:
                return
            if time.monotonic() > deadline:
                raise LabError(f"no clean traffic within {timeout_s} s: {udp['received']} of {udp['sent']} datagrams "
                               f"answered, {tcp['connected']} of {CONNECTIONS} connections established")
            # Datagrams flow, so a broken connection has a chance again; those that stand are not touched.
            if not flowing or tcp["connected"] < CONNECTIONS:
                self.mark()

    def wait_until_back(self, since_ns, timeout_s):
        """Until replies come again after `since_ns` and every connection moves, or the time is over."""
        deadline = time.monotonic() + timeout_s
        while True:
            report = self.report(since_ns)
            udp, tcp = report["udp"], report["tcp"]
            back = udp["last_reply_ns"] > since_ns and report["now_ns"] - udp["last_reply_ns"] < 20_000_000
            if (back and tcp["kept"] == tcp["total"]) or time.monotonic() > deadline:
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
