# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Frames as the kernel sees them, with its time stamps: the AF_PACKET sockets of the capture and the ARP watch."""
import collections
import ctypes
import os
import socket
import struct
import time

from . import netns

_ETH_P_ALL, _ETH_P_ARP = 0x0003, 0x0806
SOL_PACKET, PACKET_STATISTICS, _PACKET_IGNORE_OUTGOING = 263, 6, 23
_SO_RCVBUFFORCE, _SO_TIMESTAMPNS, _SO_ATTACH_FILTER = 33, 35, 26
# Ancillary loads of classic BPF: SKF_AD_OFF + SKF_AD_PROTOCOL, SKF_AD_OFF + SKF_AD_IFINDEX.
_LOAD_PROTOCOL, _LOAD_IFINDEX = (0x28, 0, 0, 0xfffff000), (0x20, 0, 0, 0xfffff008)
_JUMP_IF_EQUAL, _RETURN = 0x15, 0x06

Frame = collections.namedtuple("Frame", "interface real_ns length data")


def open_tap(namespace, interfaces, arp_only=False):
    """One socket for what comes in at several interfaces of a namespace, so that their frames come in order."""
    with netns.inside(namespace):
        indices = [socket.if_nametoindex(interface) for interface in interfaces]
        # Protocol 0 hears nothing: the filter must be in place before the first frame.
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    tap.setblocking(False)
    tap.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.setsockopt(SOL_PACKET, _PACKET_IGNORE_OUTGOING, 1)
    _attach_filter(tap, indices, arp_only)
    _bind_to_all(tap)
    return tap


def _bind_to_all(tap):
    """bind() to interface 0, every one of the namespace; Python's own insists on a name."""
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(tap.fileno(), address, len(address)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"binding the capture: {os.strerror(error)}")


def _attach_filter(tap, indices, arp_only):
    """Accepts frames of these interfaces, and of them only ARP when so asked."""
    program = []
    if arp_only:
        program += [_LOAD_PROTOCOL, (_JUMP_IF_EQUAL, 1, 0, _ETH_P_ARP), (_RETURN, 0, 0, 0)]
    program.append(_LOAD_IFINDEX)
    for position, index in enumerate(indices):
        # Over the comparisons that remain, and over the refusal.
        program.append((_JUMP_IF_EQUAL, len(indices) - position, 0, index))
    program += [(_RETURN, 0, 0, 0), (_RETURN, 0, 0, 0x40000)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                   struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))


def receive(tap):
    """Every frame that waits."""
    while True:
        try:
            data, ancillary, _, address = tap.recvmsg(65536, 64)
        except (BlockingIOError, InterruptedError):
            return
        real_ns = 0
        for _, kind, payload in ancillary:
            if kind == _SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("=qq", payload)
                real_ns = seconds * 1_000_000_000 + nanoseconds
        yield Frame(address[0], real_ns, len(data), data)


def real_minus_mono_ns():
    """CLOCK_REALTIME - CLOCK_MONOTONIC, from the closest of a few paired readings."""
    best = None
    for _ in range(5):
        before, real, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        if best is None or after - before < best[0]:
            best = (after - before, real - (before + after) // 2)
    return best[1]
