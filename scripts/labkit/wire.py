# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""When each heartbeat left its sender, stamped by the kernel in sys-fabric: no program's word is needed for it, and the
lab's own lateness is not in it. Frames wait in the socket; drain() is called now and then, a few times a second.
"""
import array
import collections
import struct
import time

from . import names
from .packet import PACKET_STATISTICS, SOL_PACKET, open_tap, real_minus_mono_ns, receive

_ESP, _HEARTBEAT_ETHERTYPE = 50, b"\x88\x90"
_RECENT_S = 0.5

Seen = collections.namedtuple("Seen", "mono_ns frame")


def is_beat(frame):
    """Systole's: ESP. The handshake beside it is no sign of life."""
    return len(frame) > 24 and frame[12:14] == _HEARTBEAT_ETHERTYPE and frame[23] == _ESP


class _Stream:
    """What one member sends on one link."""

    def __init__(self, is_beat_frame, says_lost=None):
        self._is_beat, self._says_lost = is_beat_frame, says_lost
        self.stamps, self.lost_stamps, self.latest = array.array("q"), array.array("q"), None

    def take(self, mono_ns, frame):
        if not self._is_beat(frame):
            return
        if self._says_lost and self._says_lost(frame):
            self.lost_stamps.append(mono_ns)
        # Two CPUs may queue frames in another order than they stamped them.
        if self.latest is None or mono_ns > self.latest.mono_ns:
            self.stamps.append(mono_ns)
            self.latest = Seen(mono_ns, frame)


class Wire:
    def __init__(self, plan, peers):
        """`peers`: the programs beside Systole."""
        self._streams, self._taps = {}, []
        if plan.vdev == "af_packet":  # the others' frames pass the kernel's taps unseen
            self._open_heartbeat_links(plan)
        ports = {}
        for program in peers:
            for member in plan.names():
                ports[names.fabric_end(member, program.link)] = self._stream(member, program.link, program.is_beat,
                                                                             program.says_lost)
        if ports:
            self._taps.append((open_tap(names.FABRIC, list(ports)), ports))

    def _open_heartbeat_links(self, plan):
        if not plan.direct:
            ports = {names.fabric_end(member, link): self._stream(member, link, is_beat)
                     for member in plan.names() for link in plan.link_names()}
            self._taps.append((open_tap(names.FABRIC, list(ports)), ports))
            return
        for sender, receiver in (plan.names(), reversed(plan.names())):  # as it arrives at the other end
            ports = {link: self._stream(sender, link, is_beat) for link in plan.link_names()}
            self._taps.append((open_tap(names.namespace(receiver), list(ports)), ports))

    def _stream(self, member, link, is_beat_frame, says_lost=None):
        return self._streams.setdefault((member, link), _Stream(is_beat_frame, says_lost))

    def drain(self):
        offset_ns = real_minus_mono_ns()
        for tap, ports in self._taps:
            for frame in receive(tap):
                stream = ports.get(frame.interface)
                if stream:
                    stream.take(frame.real_ns - offset_ns, frame.data)

    def mark(self):
        """A new window begins; a gap that spans the mark belongs to it."""
        self.drain()
        for stream in self._streams.values():
            del stream.stamps[:-1]
            del stream.lost_stamps[:]

    def latest(self, member, link):
        """Its newest heartbeat, None when that is not of the last half second."""
        seen = self._streams[member, link].latest
        return seen.frame if seen and time.monotonic_ns() - seen.mono_ns < _RECENT_S * 1e9 else None

    def stamps(self, member, link):
        stream = self._streams.get((member, link))
        return stream.stamps if stream else array.array("q")

    def first_lost_ns(self, member, link, since_ns):
        """The member's first frame after that moment which says that it has given the other one up."""
        stream = self._streams[member, link]
        return next((moment for moment in stream.lost_stamps if moment >= since_ns), None)

    def gaps_ms(self, member, link):
        return gaps_ms(self.stamps(member, link))

    def merged(self, member, links):
        """Moments of the member's beats on whatever link."""
        return sorted(moment for link in links for moment in self.stamps(member, link))

    def lost_frames(self):
        """How many the sockets dropped: gaps may then be longer than they were."""
        return sum(struct.unpack("=II", tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1] for tap, _ in self._taps)

    def close(self):
        for tap, _ in self._taps:
            tap.close()


def gaps_ms(stamps):
    return sorted((later - earlier) / 1e6 for earlier, later in zip(stamps, stamps[1:]))
