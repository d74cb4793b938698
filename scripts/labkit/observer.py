# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What can be seen from outside, without asking the members: who owns which address, who announces it."""
import collections
import errno
import os
import selectors
import socket
import struct
import threading
import time

from . import names, netlink
from .packet import open_tap, real_minus_mono_ns, receive

CLUSTER_ADDRESSES = (names.LAN_GATEWAY, names.WAN_GATEWAY)
_PRIORITY = 20  # SCHED_FIFO: above the prober, below systoled's workers

Announcement = collections.namedtuple("Announcement", "mono_ns member address")
Ownership = collections.namedtuple("Ownership", "mono_ns member address owned")


class _Addresses:
    """One member's cluster addresses. It owns one while an interface that is up, with carrier, has it."""

    def __init__(self, member, record):
        self.member, self._record = member, record
        self.monitor = netlink.monitor_socket(names.namespace(member),
                                              netlink.GROUP_LINK | netlink.GROUP_IPV4_ADDRESS)
        self.monitor.setblocking(False)
        self.resynchronise()

    def resynchronise(self):
        self._up, self._holders, self._owned = set(), collections.defaultdict(set), getattr(self, "_owned", {})
        for kind in (netlink.RTM_GETLINK, netlink.RTM_GETADDR):
            for answer, payload in netlink.dump(names.namespace(self.member), kind):
                self._take(answer, payload)
        self._judge(time.monotonic_ns())

    def read(self):
        try:
            while True:
                data = self.monitor.recv(262144)
                now = time.monotonic_ns()
                for kind, payload in netlink.messages(data):
                    self._take(kind, payload)
                self._judge(now)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            self.resynchronise()

    def _take(self, kind, payload):
        if kind in (netlink.RTM_NEWLINK, netlink.RTM_DELLINK):
            family, _, index, flags = struct.unpack_from("=BxHiI", payload)
            if family == 7:
                return  # the bridge's view of a port
            both = netlink.IFF_UP | netlink.IFF_LOWER_UP
            if kind == netlink.RTM_NEWLINK and flags & both == both:
                self._up.add(index)
            else:
                self._up.discard(index)
        elif kind in (netlink.RTM_NEWADDR, netlink.RTM_DELADDR):
            family, index = struct.unpack_from("=B3xI", payload)
            local = netlink.attributes(payload[8:]).get(2)  # IFA_LOCAL
            if family != socket.AF_INET or local is None:
                return
            holders = self._holders[socket.inet_ntoa(local)]
            holders.add(index) if kind == netlink.RTM_NEWADDR else holders.discard(index)

    def _judge(self, now):
        for address in CLUSTER_ADDRESSES:
            owned = bool(self._holders[address] & self._up)
            if owned != self._owned.get(address, False):
                self._owned[address] = owned
                self._record(Ownership(now, self.member, address, owned))


class Observer:
    """A thread of its own, so that its time stamps do not wait for the lab's other work."""

    def __init__(self, plan):
        self._lock = threading.Lock()
        self._announcements, self._ownerships = [], []
        ports = [names.fabric_end(member, port) for member in plan.names() for port in ("port1", "port2")]
        self._tap = open_tap(names.FABRIC, ports, arp_only=True)
        self._addresses = [_Addresses(member, self._ownerships.append) for member in plan.names()]
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)
        self._thread.start()

    def _run(self):
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        except OSError:
            pass  # coarser stamps on a loaded machine, nothing worse
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            selector.register(self._tap, selectors.EVENT_READ, self._read_announcements)
            for addresses in self._addresses:
                selector.register(addresses.monitor, selectors.EVENT_READ, addresses.read)
            while True:
                for key, _ in selector.select():
                    if key.data is None:
                        return
                    with self._lock:
                        key.data()

    def _read_announcements(self):
        for frame in receive(self._tap):
            arp = frame.data[14:42]
            if len(arp) == 28 and arp[14:18] == arp[24:28]:  # the sender's address is the target's
                member = frame.interface.rpartition("-")[0]
                self._announcements.append(
                    Announcement(frame.real_ns - real_minus_mono_ns(), member, socket.inet_ntoa(arp[14:18])))

    def first_announcement(self, member, since_ns):
        with self._lock:
            found = [a for a in self._announcements if a.member == member and a.mono_ns >= since_ns
                     and a.address in CLUSTER_ADDRESSES]
        return min(found, default=None)

    def announcements(self, member, since_ns):
        """How many times the member announced a cluster address since then."""
        with self._lock:
            return sum(a.member == member and a.mono_ns >= since_ns and a.address in CLUSTER_ADDRESSES
                       for a in self._announcements)

    def released_ns(self, member, since_ns, until_ns):
        """When the member gave up the last of its addresses; None if it still held one at the end."""
        with self._lock:
            changes = sorted(o for o in self._ownerships if o.member == member and o.mono_ns <= until_ns)
        held = {change.address: change.owned for change in changes}
        moments = [change.mono_ns for change in changes if not change.owned and change.mono_ns >= since_ns]
        return max(moments, default=None) if not any(held.values()) else None

    def took_again(self, member, since_ns):
        with self._lock:
            return sum(o.member == member and o.owned and o.mono_ns >= since_ns for o in self._ownerships)

    def ownerships(self, since_ns):
        with self._lock:
            return sorted(o for o in self._ownerships if o.mono_ns >= since_ns)

    def shared_ns(self, since_ns, until_ns):
        """How long two members owned one address between the two moments: the worse of LAN and WAN."""
        with self._lock:
            changes = sorted(self._ownerships)
        worst = 0
        for address in CLUSTER_ADDRESSES:
            owners, shared, last = set(), 0, since_ns
            for change in [c for c in changes if c.address == address and c.mono_ns < until_ns]:
                moment = max(change.mono_ns, since_ns)
                if len(owners) > 1:
                    shared += moment - last
                last = moment
                owners.add(change.member) if change.owned else owners.discard(change.member)
            if len(owners) > 1:
                shared += until_ns - last
            worst = max(worst, shared)
        return worst

    def close(self):
        os.write(self._wake_write, b"x")
        self._thread.join(2)
        for addresses in self._addresses:
            addresses.monitor.close()
        self._tap.close()
        os.close(self._wake_read)
        os.close(self._wake_write)
