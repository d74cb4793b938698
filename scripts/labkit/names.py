# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The names and addresses of the lab, one place for all of them.

               sys-client                                             sys-server
               10.1.1.10                                              10.2.2.20
                   |                                                      |
    br-lan --------+---- m1-port1, m2-port1 ...        br-wan ------------+---- m1-port2, m2-port2 ...
    br-hb0, br-hb1 ...   m1-hb0, m2-hb0 ...            all in sys-fabric; the other end is hb0, port1 ... in sys-mN
       |
    attacker-hb0 of `flood`: hb0 in sys-attacker, which hears all that is said on br-hb0
"""
import pathlib
import re

CLIENT, SERVER, FABRIC, ATTACKER = "sys-client", "sys-server", "sys-fabric", "sys-attacker"
LAB_NAMESPACE = re.compile(r"sys-(m\d+|client|server|fabric|attacker)$")
NETNS_DIRECTORY = pathlib.Path("/run/netns")

RUN_ROOT = pathlib.Path("/run/systole")
STATE_ROOT = pathlib.Path("/var/lib/systole")
LAB_DIRECTORY = RUN_ROOT / "lab"
STATE_FILE = RUN_ROOT / "lab.json"

LAN_GATEWAY, WAN_GATEWAY = "10.1.1.254", "10.2.2.254"
LAN_GATEWAY6, WAN_GATEWAY6 = "fd00:1::254", "fd00:2::254"
LAN_NETWORK, WAN_NETWORK = "10.1.1.0/24", "10.2.2.0/24"
LAN_NETWORK6, WAN_NETWORK6 = "fd00:1::/64", "fd00:2::/64"
CLIENT_ADDRESS, CLIENT_ADDRESS6 = "10.1.1.10", "fd00:1::10"
SERVER_ADDRESS, SERVER_ADDRESS6 = "10.2.2.20", "fd00:2::20"

GROUP_ID = 103
MAX_MEMBERS, MAX_LINKS = 16, 8
DAEMON = "systoled"
# Of `up --unprivileged`: nobody, and what systoled keeps (with af_xdp also sys_admin).
UNPRIVILEGED_USER = 65534
CAPABILITIES = ("net_admin", "net_raw", "ipc_lock", "sys_nice")


def member_names(count):
    return [f"m{number}" for number in range(1, count + 1)]


def namespace(member):
    return f"sys-{member}"


def serial(member):
    return f"SYS{int(member[1:]):013d}"


def links(count):
    return [f"hb{number}" for number in range(count)]


def fabric_end(member, interface):
    return f"{member}-{interface}"


def member_of_serial(text):
    """The lab's short name for a serial, or the serial itself when it is none of ours."""
    return f"m{int(text[3:])}" if re.fullmatch(r"SYS\d{13}", text or "") else text
