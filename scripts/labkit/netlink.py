# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""rtnetlink, spoken directly where a fault must be one message: iproute2 would send one message per process.

A batch is made, with all its names looked up, before the clock starts; fire() is then one sendmsg.
"""
import socket
import struct

from . import netns
from .errors import LabError

RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK, RTM_GETLINK = 16, 17, 19, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
GROUP_LINK, GROUP_IPV4_ADDRESS = 0x1, 0x10
IFF_UP, IFF_LOWER_UP = 0x1, 0x10000
NLMSG_ERROR, NLMSG_DONE = 2, 3

_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP = 0x1, 0x4, 0x300
_NLA_F_NESTED = 0x8000
_AF_BRIDGE = 7
_IFLA_PROTINFO, _IFLA_BRPORT_STATE = 12, 1
_IFLA_XDP, _IFLA_XDP_FD, _IFLA_XDP_FLAGS, _XDP_FLAGS_SKB_MODE = 43, 1, 3, 2

BRIDGE_DISABLED, BRIDGE_FORWARDING = 0, 3


def attribute(kind, payload):
    length = 4 + len(payload)
    return struct.pack("=HH", length, kind) + payload + bytes(-length % 4)


def attributes(data):
    """kind -> payload of a run of attributes."""
    found, offset = {}, 0
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        found[kind & 0x3fff] = data[offset + 4:offset + length]
        offset += (length + 3) & ~3
    return found


def messages(data):
    """(type, payload) of each message in what recv() gave."""
    offset = 0
    while offset + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, offset)
        yield kind, data[offset + 16:offset + length]
        offset += (length + 3) & ~3


def _message(kind, flags, payload):
    return struct.pack("=IHHII", 16 + len(payload), kind, _NLM_F_REQUEST | flags, 0, 0) + payload


def _link(index, flags=0, change=0, family=socket.AF_UNSPEC, payload=b""):
    return struct.pack("=BBHiII", family, 0, 0, index, flags, change) + payload


class Batch:
    """Changes to several interfaces of one namespace, sent at once."""

    def __init__(self, namespace, interfaces, message_of):
        self.what = f"{', '.join(interfaces)} in {namespace}"
        with netns.inside(namespace):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            self._data, self._count = b"", 0
            for interface in interfaces:
                try:
                    index = socket.if_nametoindex(interface)
                except OSError:
                    self._socket.close()
                    raise LabError(f"there is no interface {interface} in {namespace}") from None
                self._data += message_of(index)
                self._count += 1
        self._socket.settimeout(5)

    def fire(self):
        """The one sendmsg. confirm() must follow when there is time for it."""
        if self._count:
            self._socket.send(self._data)

    def confirm(self):
        """Reads the kernel's answers; any refusal is an error."""
        waiting = self._count
        while waiting:
            for kind, payload in messages(self._socket.recv(65536)):
                if kind != NLMSG_ERROR:
                    continue
                waiting -= 1
                error = -struct.unpack_from("=i", payload)[0]
                if error:
                    raise OSError(error, f"the kernel refused to change {self.what}")
        self.close()

    def close(self):
        self._socket.close()

    def apply(self):
        self.fire()
        self.confirm()


def link_batch(namespace, interfaces, up):
    flags = IFF_UP if up else 0
    return Batch(namespace, interfaces, lambda index: _message(
        RTM_NEWLINK, _NLM_F_ACK, _link(index, flags, IFF_UP)))


def bridge_port_batch(namespace, ports, state):
    """Bridge port states: a disabled port passes nothing either way while its carrier stays up."""
    nested = attribute(_IFLA_PROTINFO | _NLA_F_NESTED, attribute(_IFLA_BRPORT_STATE, bytes([state])))
    return Batch(namespace, ports, lambda index: _message(
        RTM_SETLINK, _NLM_F_ACK, _link(index, family=_AF_BRIDGE, payload=nested)))


def xdp_batch(namespace, interfaces, program_descriptor):
    """Attaches an XDP program in generic mode (before every tap of the kernel), or detaches with -1."""
    nested = attribute(_IFLA_XDP | _NLA_F_NESTED,
                       attribute(_IFLA_XDP_FD, struct.pack("=i", program_descriptor))
                       + attribute(_IFLA_XDP_FLAGS, struct.pack("=I", _XDP_FLAGS_SKB_MODE)))
    return Batch(namespace, interfaces, lambda index: _message(RTM_NEWLINK, _NLM_F_ACK, _link(index, payload=nested)))


def monitor_socket(namespace, groups):
    with netns.inside(namespace):
        monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    monitor.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    monitor.bind((0, groups))
    return monitor


def dump(namespace, kind):
    """Every (type, payload) the kernel lists for RTM_GETLINK or RTM_GETADDR."""
    with netns.inside(namespace):
        asker = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    with asker:
        asker.settimeout(5)
        asker.send(_message(kind, _NLM_F_DUMP, _link(0)))
        while True:
            for answer, payload in messages(asker.recv(262144)):
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    raise OSError(-struct.unpack_from("=i", payload)[0], f"netlink dump in {namespace}")
                yield answer, payload
