# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What two members tell each other about sessions, counted in sys-fabric as it crosses the bridges, and lost there.

  member --- bridge port --- forward: counted, then P percent dropped and counted again --- bridge port --- member
"""
import collections
import json
import subprocess

from . import fabric, names, netns

_ETHERNET_BYTES = 14  # a bridge counts from the network header on

Counted = collections.namedtuple("Counted", "frames bytes dropped")

# Which frames, as nft says it: EtherType 0x8892 is Systole's session sync, port 3780 conntrackd's.
MATCHES = {"systole": "ether type 0x8892", "conntrackd": "ether type ip udp dport 3780"}


def install(loss_percent):
    rules = "".join(f"""
    counter {who} {{ }}
    counter {who}_dropped {{ }}""" for who in MATCHES)
    rules += """
    chain forward {
        type filter hook forward priority 0; policy accept;"""
    for who, match in MATCHES.items():
        rules += f"\n        {match} counter name {who}"
        if loss_percent:
            share = round(loss_percent * 100)
            rules += f"\n        {match} numgen random mod 10000 < {share} counter name {who}_dropped drop"
    fabric.filter_rules(names.FABRIC, f"table bridge lab_sync {{{rules}\n    }}\n}}\n")


def read(who):
    with netns.inside(names.FABRIC):
        listing = subprocess.run(["nft", "-j", "list", "counters", "table", "bridge", "lab_sync"], capture_output=True,
                                 text=True, check=True)
    counters = {entry["counter"]["name"]: entry["counter"] for entry in json.loads(listing.stdout)["nftables"]
                if "counter" in entry}
    seen = counters[who]
    return Counted(seen["packets"], seen["bytes"] + _ETHERNET_BYTES * seen["packets"],
                   counters[f"{who}_dropped"]["packets"])


def since(who, before):
    return Counted(*(now - then for now, then in zip(read(who), before)))
