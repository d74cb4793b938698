# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The attacker of replay_test.sh: puts recorded frames on the heartbeat bridges again. It has a port of its own on each,
in a namespace of its own; the bridges do not learn from these ports, for an attacker who only injects cannot make genuine
frames go elsewhere.

  replay.py attach                       makes the namespace and the ports; they go with the lab
  replay.py count FILE.pcap
  replay.py send FILE.pcap ORDER RATE    every frame once; prints how many ESP packets each member was sent, as JSON
  replay.py loop FILE.pcap ORDER RATE    again and again, until SIGTERM
  replay.py echo COUNT                   COUNT consecutive ESP packets of the live bridges, each again at once; prints the same

ORDER is original, reversed or shuffled. RATE: frames a second.
"""
import collections
import json
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from labkit import names, netns  # noqa: E402
from labkit.packet import open_tap, receive  # noqa: E402

LINKS = names.links(2)
SEED = 20261122
PCAP_HEADER_BYTES, RECORD_HEADER_BYTES = 24, 16


def run(*command):
    subprocess.run(command, check=True)


def attach():
    run("ip", "netns", "add", names.ATTACKER)
    for link in LINKS:
        run("ip", "-n", names.FABRIC, "link", "add", f"x-{link}", "type", "veth", "peer", "name", link, "netns", names.ATTACKER)
        run("ip", "-n", names.FABRIC, "link", "set", f"x-{link}", "master", f"br-{link}")
        run("ip", "netns", "exec", names.FABRIC, "bridge", "link", "set", "dev", f"x-{link}", "learning", "off", "flood", "off")
        run("ip", "-n", names.FABRIC, "link", "set", f"x-{link}", "up")
        with netns.inside(names.ATTACKER):
            netns.set_sysctl(f"ipv6/conf/{link}/disable_ipv6", 1)
        run("ip", "-n", names.ATTACKER, "link", "set", link, "up")


def frames_of(path):
    data = pathlib.Path(path).read_bytes()
    frames, at = [], PCAP_HEADER_BYTES
    while at + RECORD_HEADER_BYTES <= len(data):
        length = struct.unpack_from("=I", data, at + 8)[0]
        at += RECORD_HEADER_BYTES
        if at + length > len(data):
            break  # still being written
        frames.append(data[at:at + length])
        at += length
    return frames


def is_esp(frame):
    return len(frame) > 34 and frame[12:14] == b"\x88\x90" and frame[14] == 0x45 and frame[23] == 50


def link_of(frame):
    """The lab's addresses say the link of their sender in the last byte."""
    return frame[11]


def member_to(frame):
    return f"m{frame[4]}"


def sockets():
    opened = []
    with netns.inside(names.ATTACKER):
        for link in LINKS:
            port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            port.bind((link, 0))
            opened.append(port)
    return opened


def in_order(frames, order):
    if order == "reversed":
        return frames[::-1]
    if order == "shuffled":
        return random.Random(SEED).sample(frames, len(frames))
    return frames


def send(frames, rate, ports):
    """Paced in steps of a few milliseconds, so that no receive ring overflows."""
    sent = collections.Counter()
    begun = time.monotonic()
    for number, frame in enumerate(frames):
        ahead = begun + number / rate - time.monotonic()
        if ahead > 0.002:
            time.sleep(ahead)
        ports[link_of(frame)].send(frame)
        if is_esp(frame):
            sent[member_to(frame)] += 1
    return sent


def echo(count, ports):
    tap = open_tap(names.FABRIC, [names.fabric_end(member, link) for member in ("m1", "m2") for link in LINKS])
    sent = collections.Counter()
    deadline = time.monotonic() + 10
    while sum(sent.values()) < count and time.monotonic() < deadline:
        for frame in receive(tap):
            if is_esp(frame.data) and sum(sent.values()) < count:
                ports[link_of(frame.data)].send(frame.data)
                sent[member_to(frame.data)] += 1
    return sent


def main():
    verb, *arguments = sys.argv[1:]
    if verb == "attach":
        attach()
    elif verb == "count":
        print(len(frames_of(arguments[0])))
    elif verb == "echo":
        print(json.dumps(echo(int(arguments[0]), sockets())))
    else:
        path, order, rate = arguments
        frames, ports = in_order(frames_of(path), order), sockets()
        if verb == "send":
            print(json.dumps(send(frames, float(rate), ports)))
            return
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        while True:
            send(frames, float(rate), ports)


if __name__ == "__main__":
    main()
