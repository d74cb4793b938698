# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Builds the namespaces, bridges and veth pairs. Taking them away is teardown.py's."""
import ctypes
import fcntl
import socket
import struct
import subprocess

from . import names, netns, witness
from .errors import LabError
from .peers import keepalived

_SIOCETHTOOL, _ETHTOOL_STXCSUM = 0x8946, 0x17

# A connection-tracking appliance: without a rule that looks at `ct` the kernel tracks nothing.
_MEMBER_RULES = """
table inet lab {
    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state established,related counter accept
    }
}
"""

# With NAT the server sees the cluster address alone. Ports are drawn at random: were they kept, a member that knows no
# session could make the same translation up, and a lost session would go unseen. `snat` and not `masquerade`, which
# forgets sessions when an interface goes down.
_NAT_RULES = f"""
table inet lab_nat {{
    chain postrouting {{
        type nat hook postrouting priority 100; policy accept;
        ip saddr {names.LAN_NETWORK} ip daddr {names.WAN_NETWORK} snat ip to {names.WAN_GATEWAY} fully-random
        ip6 saddr {names.LAN_NETWORK6} ip6 daddr {names.WAN_NETWORK6} snat ip6 to {names.WAN_GATEWAY6} fully-random
    }}
}}
"""


def build(plan):
    members = plan.names()
    batch(None, [f"netns add {namespace}" for namespace in
                 (names.FABRIC, names.CLIENT, names.SERVER, *map(names.namespace, members))])
    _prepare_fabric()
    for member in members:
        _prepare_member(member, plan.nat)
    batch(names.FABRIC, _bridges(plan) + _cables(plan))
    for member in members:
        _finish_member(plan, member)
    _host(names.CLIENT, names.CLIENT_ADDRESS, names.CLIENT_ADDRESS6, names.LAN_GATEWAY, names.LAN_GATEWAY6)
    _host(names.SERVER, names.SERVER_ADDRESS, names.SERVER_ADDRESS6, names.WAN_GATEWAY, names.WAN_GATEWAY6)
    if "keepalived" in plan.peers:
        _second_way()


def batch(namespace, lines):
    """Many ip commands in one process."""
    where = ["-n", namespace] if namespace else []
    result = subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n", text=True,
                            capture_output=True, check=False)
    if result.returncode:
        raise LabError(f"ip failed in {namespace or 'the host'}: {result.stderr.strip()}; "
                       f"`scripts/lab down` removes what an earlier lab may have left")


def _prepare_fabric():
    with netns.inside(names.FABRIC):
        netns.set_sysctl("ipv6/conf/default/disable_ipv6", 1)


def _prepare_member(member, nat):
    with netns.inside(names.namespace(member)):
        for family, name, value in (("ipv4", "rp_filter", 0), ("ipv6", "accept_ra", 0), ("ipv6", "forwarding", 1)):
            for which in ("all", "default"):
                netns.set_sysctl(f"{family}/conf/{which}/{name}", value)
        netns.set_sysctl("ipv4/ip_forward", 1)
    filter_rules(names.namespace(member), _MEMBER_RULES + (_NAT_RULES if nat else ""))


def filter_rules(namespace, rules):
    """nft in the namespace; what it lists when asked to."""
    with netns.inside(namespace):
        result = subprocess.run(["nft", "-f", "-"], input=rules, text=True, capture_output=True, check=False)
    if result.returncode:
        raise LabError(f"nft failed in {namespace}: {result.stderr.strip()}")
    return result.stdout


def _bridges(plan):
    bridges = ["br-lan", "br-wan", *(f"br-{link}" for link in plan.peer_links())]
    if not plan.direct:
        bridges += [f"br-{link}" for link in plan.kernel_links()]
    if plan.witness:
        bridges.append(witness.BRIDGE)
    lines = ["link set lo up"]
    for bridge in bridges:
        lines += [f"link add {bridge} type bridge stp_state 0 mcast_snooping 0", f"link set {bridge} up"]
    if plan.witness:
        lines.append(f"addr add {witness.ADDRESS}/24 dev {witness.BRIDGE}")
    return lines


def _address(member, interface):
    """A MAC that a reader of a capture can place: member, then interface."""
    offset = {"hb": 0x00, "port": 0x10, "peer": 0x20, "mgmt": 0x30}[interface.rstrip("0123456789")]
    return f"02:53:59:53:{int(member[1:]):02x}:{offset + int(interface[-1]):02x}"


def _cables(plan):
    lines = []
    for member in plan.names():
        bridged = [("port1", "br-lan"), ("port2", "br-wan"), *((link, f"br-{link}") for link in plan.peer_links())]
        if not plan.direct:
            bridged += [(link, f"br-{link}") for link in plan.kernel_links()]
        if plan.witness:
            bridged.append((witness.INTERFACE, witness.BRIDGE))
        for interface, bridge in bridged:
            end = names.fabric_end(member, interface)
            lines += [f"link add {end} type veth peer name {interface} address {_address(member, interface)} "
                      f"netns {names.namespace(member)}", f"link set {end} master {bridge}", f"link set {end} up"]
    if plan.direct:
        first, second = plan.names()
        for link in plan.kernel_links():
            # Made here only because a veth pair must be made somewhere; neither end stays.
            lines += [f"link add d-{link} type veth peer name {link} address {_address(second, link)} "
                      f"netns {names.namespace(second)}",
                      f"link set d-{link} address {_address(first, link)}",
                      f"link set d-{link} netns {names.namespace(first)} name {link}"]
    for end, bridge, namespace in (("client", "br-lan", names.CLIENT), ("server", "br-wan", names.SERVER)):
        lines += [f"link add {end} type veth peer name eth0 netns {namespace}", f"link set {end} master {bridge}",
                  f"link set {end} up"]
    return lines


def _finish_member(plan, member):
    namespace = names.namespace(member)
    with netns.inside(namespace):
        for link in plan.kernel_links() + plan.peer_links():
            # No kernel address on a heartbeat link: the kernel would answer ESP with ICMP errors. (Its peers' links get
            # IPv4 ones when they start.)
            netns.set_sysctl(f"ipv6/conf/{link}/disable_ipv6", 1)
        for port in ("port1", "port2"):
            netns.set_sysctl(f"ipv6/conf/{port}/addr_gen_mode", 1)  # no link-local: the port itself is mute
            _no_checksum_offload(port)
    batch(namespace, ["link set lo up", *(f"link set {interface} up" for interface in plan.interfaces()),
                      *(witness.address_lines(member) if plan.witness else [])])


def _host(namespace, address, address6, gateway, gateway6):
    with netns.inside(namespace):
        netns.set_sysctl("ipv6/conf/eth0/accept_ra", 0)
        _no_checksum_offload("eth0")
    batch(namespace, ["link set lo up", f"addr add {address}/24 dev eth0",
                       f"addr add {address6}/64 dev eth0 nodad",
                       "link set eth0 up", f"route add default via {gateway}",
                       f"route add default via {gateway6} dev eth0"])


def _second_way():
    """A network of its own each for LAN and WAN, where the client reaches the server through keepalived's addresses."""
    for namespace, address, beyond, gateway in (
            (names.CLIENT, keepalived.CLIENT_ADDRESS, keepalived.SERVER_ADDRESS, keepalived.LAN_GATEWAY),
            (names.SERVER, keepalived.SERVER_ADDRESS, keepalived.CLIENT_ADDRESS, keepalived.WAN_GATEWAY)):
        batch(namespace, [f"addr add {address}/24 dev eth0", f"route add {beyond}/32 via {gateway}"])


def _no_checksum_offload(interface):
    """Captures and replays want the checksums that a veth would leave unfinished. In the thread's namespace."""
    value = ctypes.create_string_buffer(struct.pack("=II", _ETHTOOL_STXCSUM, 0))
    request = struct.pack("16sQ16x", interface.encode(), ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SIOCETHTOOL, request)
