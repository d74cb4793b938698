# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What lab is wanted: the options of `up`, checked, and the configuration file each member gets.

`config system ha` comes from options of its own, because the lab itself asks for its values; what else a member needs
(link monitors, virtual clusters) follows as text. A section may stand twice in a configuration, an `edit` may not."""
import dataclasses
import pathlib
import re

from . import names, witness
from .errors import LabError

VDEVS = ("af_packet", "af_xdp", "memif")
# Preference of the heartbeat links, in order (`set hbdev "hb0" 50 "hb1" 40 ...`).
LINK_PREFERENCE = (50, 40, 30, 20, 10, 8, 6, 4)
TRAFFIC_PORTS = ("port1", "port2")


@dataclasses.dataclass
class Plan:
    members: int = 2
    links: int = 2
    direct: bool = False
    vdev: str = "af_packet"
    settings: list = dataclasses.field(default_factory=list)
    member_settings: list = dataclasses.field(default_factory=list)
    port_settings: list = dataclasses.field(default_factory=list)
    sections: list = dataclasses.field(default_factory=list)  # texts that follow every member's configuration
    member_sections: list = dataclasses.field(default_factory=list)  # (member, text)
    key_log: str | None = None
    capture: str | None = None
    peers: list = dataclasses.field(default_factory=list)  # programs measured beside Systole
    unprivileged: bool = False  # daemons of an ordinary user with the capabilities that systoled keeps
    daemon_options: list = dataclasses.field(default_factory=list)  # more of systoled's command line
    witness: bool = False  # an etcd in the fabric (witness.py)
    nat: bool = False  # the members hide the LAN behind the WAN cluster address, and tell each other their sessions

    def check(self):
        if not 2 <= self.members <= names.MAX_MEMBERS:
            raise LabError(f"--members {self.members}: a lab has 2 to {names.MAX_MEMBERS} members")
        if not 1 <= self.links <= names.MAX_LINKS:
            raise LabError(f"--links {self.links}: a member has 1 to {names.MAX_LINKS} heartbeat links")
        if self.direct and self.members != 2:
            raise LabError(f"--direct joins exactly two members; leave out --members {self.members} or --direct")
        if self.peers and self.members != 2:
            raise LabError("--peers runs the other programs on two members; "
                           f"leave out --members {self.members}, or say --peers none")
        if self.vdev == "memif":
            self._check_memif()
        if self.vdev == "af_xdp" and self.capture:
            raise LabError("--capture does not work with --vdev af_xdp: AF_XDP frames pass the kernel's taps unseen; "
                           "capture with --vdev af_packet")
        for text in self.settings:
            parse_setting(text)
        for text in self.member_settings:
            member, setting = split_member_setting(text)
            self._check_member("--member-set", text, member)
            parse_setting(setting)
        for text in self.port_settings:
            port, setting = split_port_setting(text)
            if port not in TRAFFIC_PORTS:
                raise LabError(f"--port-set '{text}': there is no port {port}; a member has {' '.join(TRAFFIC_PORTS)}")
            parse_setting(setting)
        for member, _ in self.member_sections:
            self._check_member("--member-config", f"{member}:...", member)

    def _check_member(self, option, text, member):
        if member not in self.names():
            raise LabError(f"{option} '{text}': there is no member {member}; this lab has {' '.join(self.names())}")

    def _check_memif(self):
        if self.members != 2 or self.links != 1:
            raise LabError(f"--vdev memif joins two members over one link; use --members 2 --links 1 "
                           f"(asked for: {self.members} members, {self.links} links)")
        if self.capture:
            raise LabError("--capture does not work with --vdev memif: its frames never enter the kernel; "
                           "capture with --vdev af_packet")
        if self.direct:
            raise LabError("--direct means a veth pair without a bridge, and --vdev memif uses no veth; choose one")

    def names(self):
        return names.member_names(self.members)

    def link_names(self):
        return names.links(self.links)

    def kernel_links(self):
        """The heartbeat links that are interfaces of the kernel."""
        return [] if self.vdev == "memif" else self.link_names()

    def peer_links(self):
        """The cables of the programs measured beside Systole, one each."""
        return [f"peer{index}" for index in range(len(self.peers))]

    def interfaces(self):
        return self.kernel_links() + ["port1", "port2"] + self.peer_links() + ([witness.INTERFACE] * self.witness)

    def ha_options(self, member, password="-"):
        """`config system ha` of one member: option -> value, after --set and --member-set."""
        hbdev = " ".join(f'"{link}" {LINK_PREFERENCE[i]}' for i, link in enumerate(self.link_names()))
        options = {
            "mode": "a-p",
            "group-id": str(names.GROUP_ID),
            "group-name": '"lab"',
            "password": f'"{password}"',
            "hbdev": hbdev,
            "hb-interval": "1",
            "hb-interval-in-milliseconds": "10",
            "hb-lost-threshold": "3",
            "hello-holddown": "5",
            "expected-members": str(self.members),
            "monitor": '"port1" "port2"',
            **({"session-pickup": "enable", "session-pickup-connectionless": "enable"} if self.nat else {}),
            **({"witness-endpoint": f'"{witness.ENDPOINT}"'} if self.witness else {}),
        }
        mine = [setting for name, setting in map(split_member_setting, self.member_settings) if name == member]
        for text in self.settings + mine:
            option, value = parse_setting(text)
            if value is None:
                options.pop(option, None)
            else:
                options[option] = value
        return options

    def timing_ms(self):
        """(interval, lost threshold) as configured for the first member."""
        options = self.ha_options("m1")
        unit = re.match(r"\d+", options.get("hb-interval-in-milliseconds", "100"))
        try:
            return int(options.get("hb-interval", "2")) * int(unit[0]), int(options.get("hb-lost-threshold", "20"))
        except (TypeError, ValueError):
            raise LabError("hb-interval, hb-interval-in-milliseconds and hb-lost-threshold must be numbers") from None

    def hello_seconds(self):
        text = self.ha_options("m1").get("hello-holddown", "20")
        return int(text) if text.isdigit() else 20

    def configuration(self, member, password):
        lines = [
            "config system global",
            f'    set hostname "{member}"',
            f'    set serial "{names.serial(member)}"',
            "end",
            "config system interface",
        ]
        for index, link in enumerate(self.link_names()):
            device = self._device(member, index, link)
            lines += [f'    edit "{link}"', *([f'        set device "{device}"'] if device else []), "    next"]
        for port, four, six in (("port1", names.LAN_GATEWAY, names.LAN_GATEWAY6),
                                ("port2", names.WAN_GATEWAY, names.WAN_GATEWAY6)):
            lines += [f'    edit "{port}"']
            lines += [f"        set {option} {value}" for option, value in self._port_options(port, four).items()]
            lines += ["        config ipv6", f"            set ip6-address {six}/64", "        end", "    next"]
        lines += ["end", "config system ha"]
        lines += [f"    set {option} {value}" for option, value in self.ha_options(member, password).items()]
        more = self.sections + [text for name, text in self.member_sections if name == member]
        return "\n".join(lines + ["end", *(text.rstrip("\n") for text in more), ""])

    def _port_options(self, port, address):
        options = {"ip": f"{address} 255.255.255.0"}
        for text in self.port_settings:
            name, setting = split_port_setting(text)
            option, value = parse_setting(setting)
            if name == port and value is None:
                options.pop(option, None)
            elif name == port:
                options[option] = value
        return options

    def _device(self, member, index, link):
        if self.vdev == "af_xdp":
            return f"net_af_xdp{index},iface={link}"
        if self.vdev == "memif":
            role = "server" if member == "m1" else "client"
            # A file, not the abstract socket that is the PMD's default: abstract names end at the namespace.
            return f"net_memif{index},role={role},id={index},socket={memif_socket()},socket-abstract=no"
        return None


def memif_socket():
    return names.LAB_DIRECTORY / "memif.sock"


def parse_setting(text):
    """'OPTION VALUE...' -> (option, value); 'unset OPTION' -> (option, None)."""
    words = text.split(None, 1)
    if len(words) != 2 or not re.fullmatch(r"[a-z][a-z0-9-]*", words[0]):
        raise LabError(f"--set '{text}': give an option of `config system ha` and its value, for example "
                       f"--set 'priority 200', or 'unset OPTION' to leave one out")
    return (words[1], None) if words[0] == "unset" else (words[0], words[1])


def split_member_setting(text):
    member, colon, setting = text.partition(":")
    if not colon:
        raise LabError(f"--member-set '{text}': give the member first, for example --member-set 'm1:priority 200'")
    return member, setting


def split_port_setting(text):
    port, colon, setting = text.partition(":")
    if not colon:
        raise LabError(f"--port-set '{text}': give the port first, for example --port-set 'port1:vdom \"blue\"'")
    return port, setting


def read_section(path):
    """What --config names, as text: the file may be gone when the lab asks again."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"--config {path}: {error}") from None


def read_member_section(text):
    member, colon, path = text.partition(":")
    if not colon:
        raise LabError(f"--member-config '{text}': give the member first, for example --member-config m1:more.conf")
    return member, read_section(path)


def absolute(path):
    return str(pathlib.Path(path).absolute()) if path else None
