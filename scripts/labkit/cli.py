# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The command line of scripts/lab."""
import argparse
import os
import signal
import sys
import textwrap
import time

from . import (demo, failover, faults, flood, isolation, keylog, load, members, names, netns, programs, sessions, soak, stall,
               state, teardown)
from .errors import Interrupted, LabError
from .lab import Lab, require_root
from .netlink import link_batch
from .peers import group
from .plan import VDEVS, Plan, absolute, read_member_section, read_section

_DESCRIPTION = """\
A cluster in network namespaces of this machine: members, a LAN client, a WAN server, and faults.

Without a verb: the demo. Two members are started (packages are installed and the program is built when needed), real
traffic runs through them, the primary loses its power; a timeline and a verdict are printed, everything is removed.
Exit code 0 only when the failover met its bounds."""

_EPILOG = """\
examples:
  scripts/lab                                        the demo
  scripts/lab up --members 3 --set 'priority 100' --member-set 'm3:priority 200'
  scripts/lab exec m1 -- systolectl get system ha status
  scripts/lab cut m1 hb0 --one-way in
  scripts/lab crash m1; scripts/lab start m1
  scripts/lab failover --how crash --trials 20 --json crash.json --plot crash.png
  scripts/lab failover --how crash --trials 20 --peers keepalived,frr,bird
  scripts/lab soak --load idle --load mixed --seconds 60 --json soak.json
  scripts/lab stall --ms 5,10,15,20 --count 200
  scripts/lab isolation --policy witness --trials 20
  scripts/lab flood --kind heartbeat-spi --seconds 60 --rate 100000
  scripts/lab flood --kind spi --seconds 5 --ramp
  scripts/lab failover --how crash --trials 20 --nat
  scripts/lab sessions --count 100000 --loss 5 --peers conntrackd
  scripts/lab down

Not every vdev can do everything: --vdev memif joins two members over one link, without cut and --capture; --vdev
af_xdp has no --capture.

SYSTOLE_BUILD=DIR uses systoled, systole-keeper, systole-spawner, systolectl, systole-prober, systole-flooder and
systole-ct-loader of DIR instead of build/."""


_FIGURES = """\
figures, in milliseconds:
  detect        from the fault to the survivor's `peer-lost`
  elect         from `peer-lost` to its `role`
  takeover      from `role` to its first gratuitous ARP in sys-fabric
  client gap    the longest time without a reply at the client, 1000 datagrams a second
  switch        from the fault to `role`, also where nobody is lost (planned, link-down)
  tcp           connections that were never broken, never wrong, and moved again after the takeover, of all
  flows, pings  answered again, seen from the same address and port (or identifier) by the server, never silent for 1 s
  resets        connections that were reset; stalled: without progress for more than 1 s; worst stall: the longest time
  lost          datagrams of the stream that were not answered within 200 ms; back: while the role went back
  dual primary  how long both owned a cluster address, as netlink shows it: with kill and pause until the healing, since the
                kernel of a dead or frozen daemon keeps its addresses; - with cut, which makes two primaries by nature
  heal gap      the longest time without a reply while the struck member comes back"""


_SOAK_FIGURES = """\
columns:
  changes   Systole: changes of role; the others: how often they took over or gave their peer up, by their own logs
  lost      members lost; links: how often one heartbeat link of a member was judged lost
  gap       ms between two heartbeats of one sender on one cable, stamped by the kernel in sys-fabric
  CPU %     of a core, m1 / m2: all threads of all processes, from the scheduler's account
  RSS       m1 / m2, without huge pages"""


_FLOOD_FIGURES = """\
kinds:
  random         any EtherType, bytes and length                        D1
  spi            IPv4 and ESP in order, invented SPIs                   D2
  bulk-spi       a live SPI with the class bits of session sync         D3
  heartbeat-spi  a live heartbeat SPI, the exact length of a beat, a sequence number just ahead      D4
  hello          HELLO of members that do not exist                     D5
  ke1            KE1 of members that do not exist                       D6
  ke2            20 forged answers to each KE1, while the secondary is killed and started again      D8

figures:
  took, missed   frames that reached the member; that reached its interface and found its queue full
  refused        by the names of docs/PROTOCOL.md
  longest gap    between two beats of the other member as this one heard them; <=: since its start, not made longer by this
  own rounds     its own rounds of beats by lateness
  backlog        frames that the kernel dropped on the way, for want of room in a CPU's queue

With --ramp the rate is doubled until a member is lost or the machine sends no faster (or halved, when the first rate loses
one), then the bound is looked for in between."""


_SESSIONS_FIGURES = """\
figures:
  all on the standby  from the first creation until both members say that they are in step; they are asked every 20 ms, a
                      joiner every 4 ms
  kernel              until the standby's kernel has as many entries (hot), by its own count
  CPU                 of all their processes, without what they use while nothing happens
  told, seen          by the member's own counters; by what crossed the bridges, with Ethernet and ESP, acknowledgements
                      and repetitions
  RSS                 growth of the standby's processes for each session; memory that was there before is not in it
  joiner              the standby is killed, its kernel's table emptied, and started again; transfer: from the first session
                      it has (conntrackd: from `conntrackd -n`) to the last
  commit              conntrackd: `conntrackd -c`; Systole with on-takeover: from `role` until the kernel has all; as a share
                      of what ctnetlink alone takes, as many sessions in a namespace where nobody listens
  first fill          Systole: both daemons are killed and one is started, with all sessions in its kernel; from its question
                      to the kernel to the last answer, by its own clock; as a share of what ctnetlink alone tells
  lost, not as they were  by a listing of the standby's kernel, which knows of each session how it was made: NAT, mark,
                      status, TCP state"""


def parser():
    top = argparse.ArgumentParser(prog="scripts/lab", description=_DESCRIPTION, epilog=_EPILOG,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--nat", dest="demo_nat", action="store_true", help="the demo with NAT, 1000 TCP connections, 200 UDP "
                     "flows and 10 pings")
    verbs = top.add_subparsers(dest="verb", metavar="VERB")
    up_parser = _verb(verbs, "up", up, "build the fabric and start the members",
                      "Builds the fabric and starts the members. Returns when all members see each other and exactly "
                      "one is primary; the lab then runs until `scripts/lab down`.")
    _plan_options(up_parser)
    up_parser.add_argument("--key-log", metavar="DIR", help="ESP keys in the form tshark reads: DIR/esp_sa and "
                           "DIR/preferences (and DIR/mN/ of each member)")
    up_parser.add_argument("--capture", metavar="FILE.pcap", help="record every heartbeat link from before the first "
                           "frame: each frame once, as it leaves its sender, also when a cut then drops it (--direct: as "
                           "it arrives)")
    up_parser.add_argument("--no-wait", action="store_true", help="return when every member answers, whether or not "
                           "they form a cluster")
    run = _verb(verbs, "exec", execute, "run a command in a namespace",
                "Runs a command in a member's namespace (also: client, server, fabric). A bare `systolectl` speaks to "
                "that member.")
    run.add_argument("member", help="m1 ... mN, client, server or fabric")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- CMD", help="the command and its arguments")
    for name, function, short, long in (
            ("crash", crash, "power loss of a member", "All links of the member go down at once, then all its "
             "processes are killed; what a reboot would clear is cleared. `start` brings it back."),
            ("kill", kill, "SIGKILL of the daemon alone", "SIGKILL to the member's systoled; its links stay up and the "
             "kernel keeps its addresses."),
            ("pause", pause, "freeze the daemon", "SIGSTOP to the member's systoled. `resume` lets it go on."),
            ("resume", resume, "let a frozen member go on", "SIGCONT to every process of the member."),
            ("start", start, "revive a member however it died", "Raises the member's links, lets stopped processes go "
             "on, starts the daemon when there is none. Cuts are not healed (see heal).")):
        _verb(verbs, name, function, short, long).add_argument("member", help="m1 ... mN")
    cutter = _verb(verbs, "cut", cut, "lose frames of a heartbeat link, carrier stays",
                   "Loses every frame of a member's heartbeat link while its carrier stays up.")
    cutter.add_argument("member", help="m1 ... mN")
    cutter.add_argument("link", help="hb0, hb1 ...")
    cutter.add_argument("--one-way", choices=("in", "out"), help="in: only frames to the member; out: only from it")
    healer = _verb(verbs, "heal", heal, "undo every cut of a link", "Undoes every kind of cut of the link.")
    healer.add_argument("member", help="m1 ... mN")
    healer.add_argument("link", help="hb0, hb1 ...")
    for name, function, short in (("link-down", link_down, "take a member's interface down, carrier goes"),
                                  ("link-up", link_up, "raise a member's interface")):
        linker = _verb(verbs, name, function, short, short[0].upper() + short[1:] + ".")
        linker.add_argument("member", help="m1 ... mN")
        linker.add_argument("interface", help="hb0, hb1 ..., port1, port2, or mgmt0 of --witness")
    measure = _verb(verbs, "failover", measure_failover, "measure failovers in a lab of its own",
                    "Builds a lab, strikes the primary again and again at random moments, heals it, and prints a line "
                    "per trial and a summary; then removes the lab. Exit code 0 when every trial had a new primary and "
                    "no role changed without a fault.", epilog=_FIGURES)
    measure.add_argument("--how", choices=failover.HOWS, required=True, help="the fault; cut: every heartbeat link of "
                         "the primary; link-down: its port1; planned: execute ha failover set 1")
    measure.add_argument("--trials", type=int, required=True, metavar="N")
    measure.add_argument("--tcp", type=int, metavar="N", help="TCP connections through the gateway, data both ways, "
                         "every byte checked (default 20, with --nat 1000)")
    measure.add_argument("--udp-flows", type=int, metavar="N", help="UDP flows, each of its own port (default 0, with "
                         "--nat 200)")
    measure.add_argument("--pings", type=int, metavar="N", help="pings, each with its own identifier (default 0, with "
                         "--nat 10)")
    measure.add_argument("--stress", choices=("cpu",), help="run stress-ng --cpu 4 beside it")
    measure.add_argument("--json", metavar="F", help="write every trial and the summary to F")
    measure.add_argument("--plot", metavar="F.png", help="draw the trials and their distributions")
    measure.add_argument("--peers", default="none", metavar="A,B", help="with crash and cut: measure these beside "
                         f"Systole, struck by the same fault: {', '.join(group.PROGRAMS)} (default none)")
    _plan_options(measure)
    _soak_options(_verb(verbs, "soak", measure_soak, "nothing breaks, and nobody may be given up",
                        "Builds a lab and lets it run under one load after another, other programs beside it in the "
                        "same namespaces; prints who was given up without cause, the longest gap between heartbeats on "
                        "the wire, CPU and memory. Exit code 0 when Systole changed no role and lost no member.",
                        epilog=_SOAK_FIGURES))
    _stall_options(_verb(verbs, "stall", measure_stall, "freeze a daemon for milliseconds, again and again",
                         "Builds a lab and stops a member's daemon with SIGSTOP for exactly so long, at random "
                         "moments. Exit code 0 when no role changed and no member was lost, but where no beat of it was "
                         "on the wire for the whole dead interval: those are shown and counted apart."))
    _isolation_options(_verb(verbs, "isolation", measure_isolation, "cut every heartbeat link, both members alive",
                             "Builds a lab, cuts every heartbeat link of the primary and, with it, what else the policy is "
                             "about; looks at netlink for how long both members own a cluster address, and compares that "
                             "with what status promised (dual_primary_bound_ms). Exit code 0 when no promise was "
                             "broken."))
    _flood_options(_verb(verbs, "flood", measure_flood, "forged frames on a heartbeat link, as many as it takes",
                         "Builds a lab, joins a stranger to the first heartbeat link and lets it flood the members with one "
                         "kind of forged frames after the other; prints what they refused and why, the jitter of their "
                         "heartbeats, and who was given up. Exit code 0 when no role changed and no member was lost (with "
                         "--ramp: when a rate was found at which that is so).", epilog=_FLOOD_FIGURES))
    _sessions_options(_verb(verbs, "sessions", measure_sessions, "many sessions at once: how soon has the standby all of them?",
                            "Builds a lab with NAT, creates sessions in the primary's connection tracking as fast as the "
                            "kernel takes them, and waits until the standby has all; then the standby is killed and started "
                            "again and must get all of them anew. Prints rates, CPU, bytes, memory, and what is missing by "
                            "the kernel's own word. The machine's nf_conntrack_max and nf_conntrack_buckets are raised "
                            "meanwhile. Exit code 0 when nothing is missing.", epilog=_SESSIONS_FIGURES))
    _verb(verbs, "down", down, "remove everything", "Ends every process of the lab and removes its namespaces, files "
          "and hugepages. Always succeeds.")
    return top


def _soak_options(target):
    target.add_argument("--load", action="append", choices=load.LOADS, help="may be given again; one after another "
                        f"(default: all, {' '.join(load.LOADS)})")
    target.add_argument("--seconds", type=int, default=60, metavar="N", help="of each load (default 60)")
    target.add_argument("--peers", default=",".join(group.DEFAULT), metavar="A,B|none",
                        help=f"run these beside Systole: {', '.join(group.PROGRAMS)} (default {','.join(group.DEFAULT)})")
    target.add_argument("--json", metavar="F", help="write everything to F")
    target.add_argument("--plot", metavar="F.png", help="draw gaps, changes and CPU by load")
    _plan_options(target)


def _stall_options(target):
    target.add_argument("--member", default="random", help="m1, m2 ..., primary, secondary or random, anew each time "
                        "(default random)")
    target.add_argument("--ms", default="5,10,15,20", metavar="A,B", help="how long (default 5,10,15,20)")
    target.add_argument("--count", type=int, default=200, metavar="N", help="stalls of each length (default 200)")
    target.add_argument("--json", metavar="F", help="write every stall to F")
    _plan_options(target)


def _isolation_options(target):
    target.add_argument("--policy", choices=tuple(isolation.POLICIES), required=True, help="lease: isolation demote with "
                        "isolation-proof lease; witness-act: witness-fallback act")
    target.add_argument("--loss", action="append", choices=isolation.LOSSES, help="what the primary loses with the cut; "
                        "may be given again, taken in turn (link: its monitored port2; default: what the policy is about)")
    target.add_argument("--trials", type=int, default=10, metavar="N", help="(default 10)")
    target.add_argument("--seconds", type=float, metavar="S", help="how long the cut lasts (default 3, with a witness 7)")
    target.add_argument("--stress", choices=("cpu",), help="run stress-ng --cpu 4 beside it")
    target.add_argument("--json", metavar="F", help="write every trial to F")
    _plan_options(target)


def _flood_options(target):
    target.add_argument("--kind", action="append", choices=flood.KINDS, required=True, help="may be given again; one after "
                        "another")
    target.add_argument("--seconds", type=float, default=10, metavar="N", help="of each flood (default 10)")
    target.add_argument("--rate", type=int, metavar="PPS", help="frames a second (default: as fast as it goes; --ramp: "
                        "where it begins)")
    target.add_argument("--ramp", action="store_true", help="find the highest rate at which nobody is lost")
    target.add_argument("--victim", default="all", metavar="m1", help="send to this member only (default: all; frames that "
                        "need no address go out by broadcast, the others to each in turn)")
    target.add_argument("--cpu", type=int, metavar="N", help="where the flooder runs (default: the lowest; members take "
                        "theirs from the top)")
    target.add_argument("--restart-after", type=float, metavar="S", help="kill the secondary S seconds into a flood and start "
                        "it again, timed (default: 0.5 for ke2, whose frames answer somebody who asks; else nobody)")
    target.add_argument("--json", metavar="FILE", help="write every flood and the bounds to FILE")
    # One link, so that no second one hides a loss.
    _plan_options(target, links=1)


def _sessions_options(target):
    target.add_argument("--count", type=int, default=100_000, metavar="N", help="sessions (default 100000)")
    target.add_argument("--loss", type=float, default=0, metavar="P", help="percent of the sync frames that are lost in the "
                        "fabric (default 0)")
    target.add_argument("--commit", choices=sessions.COMMITS, help="session-commit; on-takeover: the primary crashes at the "
                        "end (default: what the members do by default, hot)")
    target.add_argument("--family", type=int, choices=(4, 6), default=4, help="IPv4 or IPv6 (default 4)")
    target.add_argument("--peers", default="none", choices=(*sessions.PEERS, "none"), help="measure this too, after "
                        "Systole, in the same namespaces (default none)")
    target.add_argument("--json", metavar="F", help="write everything to F")
    _plan_options(target)


def _verb(verbs, name, function, short, long, epilog=None):
    verb = verbs.add_parser(name, help=short, description=textwrap.fill(long, 120), epilog=epilog,
                            formatter_class=argparse.RawDescriptionHelpFormatter)
    verb.set_defaults(function=function)
    return verb


def _plan_options(target, links=2):
    target.add_argument("--members", type=int, default=2, metavar="N", help="2 to 16 (default 2)")
    target.add_argument("--links", type=int, metavar="N", help="heartbeat links, 1 to 8 "
                        + ("(default 2; memif: 1)" if links == 2 else f"(default {links})"))
    target.set_defaults(default_links=links)
    target.add_argument("--direct", action="store_true", help="join two members' heartbeat ports without a bridge: the "
                        "carrier of one end follows the other")
    target.add_argument("--vdev", choices=VDEVS, default="af_packet", help="how systoled reaches its heartbeat links "
                        "(default af_packet)")
    target.add_argument("--witness", action="store_true", help="run an etcd in the fabric, reached over mgmt0 of each "
                        "member, and name it in witness-endpoint")
    target.add_argument("--nat", action="store_true", help="the members hide the LAN behind the WAN cluster address, on "
                        "ports drawn at random, and tell each other their sessions (session-pickup and "
                        "session-pickup-connectionless enable)")
    target.add_argument("--unprivileged", action="store_true", help="run the daemons as an ordinary user who has only the "
                        "capabilities that systoled keeps")
    target.add_argument("--daemon-option", action="append", default=[], metavar="OPTION", help="one more option of systoled "
                        "itself, for example --daemon-option=--no-sandbox")
    target.add_argument("--set", action="append", default=[], metavar="'OPTION VALUE'", help="replace or add an option "
                        "of `config system ha` on every member; 'unset OPTION' leaves one out")
    target.add_argument("--member-set", action="append", default=[], metavar="'m1:OPTION VALUE'",
                        help="the same for one member")
    target.add_argument("--port-set", action="append", default=[], metavar="'port1:OPTION VALUE'", help="replace or add "
                        "an option of port1 or port2 in `config system interface`, on every member")
    target.add_argument("--config", action="append", default=[], metavar="FILE", help="more of a configuration for every "
                        "member, for example `config system link-monitor ... end`, or `config system ha`, `config "
                        "vcluster ... end`, `end`")
    target.add_argument("--member-config", action="append", default=[], metavar="m1:FILE", help="the same for one member")


def _plan(options):
    links = options.links if options.links is not None else (1 if options.vdev == "memif" else options.default_links)
    plan = Plan(members=options.members, links=links, direct=options.direct, vdev=options.vdev, settings=options.set,
                member_settings=options.member_set, port_settings=options.port_set,
                sections=[read_section(path) for path in options.config],
                member_sections=[read_member_section(text) for text in options.member_config],
                peers=_peers(options),
                unprivileged=options.unprivileged, daemon_options=options.daemon_option, witness=options.witness,
                nat=options.nat, key_log=absolute(getattr(options, "key_log", None)),
                capture=absolute(getattr(options, "capture", None)))
    plan.check()
    return plan


def _peers(options):
    if options.verb == "sessions":
        return [] if options.peers == "none" else [options.peers]
    return group.chosen(getattr(options, "peers", "none"))


def _say(text):
    print(text, flush=True)


def up(options):
    plan = _plan(options)
    built = programs.ensure(_say, up_to_date=False)
    started = time.monotonic()
    with Lab(plan, built, "up") as lab:
        lab.build()
        lab.start_members()
        if options.no_wait:
            lab.wait_for_answers()
            outcome = "started"
        else:
            outcome = f"{lab.wait_until_whole(lab.first_election_timeout_s())} is primary"
        if plan.key_log:
            keylog.merge(plan)
        lab.keep()
    _say(f"{plan.members} members ({' '.join(plan.names())}), {plan.links} heartbeat link{'s' * (plan.links > 1)}; "
         f"{outcome} after {time.monotonic() - started:.1f} s")
    return 0


def execute(options):
    plan = state.plan_of(state.read())
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise LabError("exec: which command? for example: scripts/lab exec m1 -- systolectl get system ha status")
    environment = dict(os.environ)
    if options.member not in ("client", "server", "fabric"):
        _member(plan, options.member)
        environment = members.environment(programs.Programs(), options.member)
    sys.stdout.flush()
    os.execvpe("ip", ["ip", "netns", "exec", names.namespace(options.member), *command], environment)


def _member(plan, member):
    if member not in plan.names():
        raise LabError(f"there is no member {member}; this lab has {' '.join(plan.names())}")
    return member


def _running(options):
    plan = state.plan_of(state.read())
    return plan, _member(plan, options.member)


def _merge_keys(plan):
    if plan.key_log:
        keylog.merge(plan)


def crash(options):
    plan, member = _running(options)
    fault = faults.Crash(plan, member)
    fault.strike()
    fault.finish()
    return 0


def kill(options):
    _, member = _running(options)
    faults.Signal(member, signal.SIGKILL).strike()
    return 0


def pause(options):
    _, member = _running(options)
    faults.Signal(member, signal.SIGSTOP).strike()
    return 0


def resume(options):
    _, member = _running(options)
    members.signal_all(netns.processes(names.namespace(member)), signal.SIGCONT)
    return 0


def start(options):
    plan, member = _running(options)
    built = programs.Programs()
    process = members.revive(plan, built, member)
    # Done when it answers, so that the next command can ask it; who is primary is for the caller to wait for.
    members.wait_for_answer(plan, built, member, process)
    _merge_keys(plan)
    return 0


def cut(options):
    plan, member = _running(options)
    faults.Cut(plan, member, [options.link], options.one_way).strike()
    return 0


def heal(options):
    plan, member = _running(options)
    faults.heal(plan, member, [options.link])
    return 0


def _link(options, is_up):
    plan, member = _running(options)
    if options.interface not in plan.interfaces():
        raise LabError(f"{member} has no interface {options.interface}; it has {' '.join(plan.interfaces())}")
    link_batch(names.namespace(member), [options.interface], is_up).apply()
    return 0


def link_down(options):
    return _link(options, False)


def link_up(options):
    return _link(options, True)


def measure_failover(options):
    if options.trials < 1:
        raise LabError(f"--trials {options.trials}: at least 1")
    plan = _plan(options)
    if options.how == "cut" and plan.vdev == "memif":
        raise LabError("--how cut does not work with --vdev memif: its frames never enter the kernel")
    if plan.peers and options.how not in failover.PEER_HOWS:
        raise LabError(f"--peers goes with --how {' or '.join(failover.PEER_HOWS)}: what {options.how} strikes is "
                       "Systole's alone")
    traffic = failover.traffic_of(plan, options.tcp, options.udp_flows, options.pings)
    result = failover.run(plan, options.how, options.trials, options.stress, options.json, options.plot, _say, traffic)
    return 0 if failover.passed(result) else 1


def measure_soak(options):
    if options.seconds < 1:
        raise LabError(f"--seconds {options.seconds}: at least 1")
    return 0 if soak.run(_plan(options), options.load or load.LOADS, options.seconds, options.json, options.plot,
                         _say) else 1


def measure_stall(options):
    if options.count < 1:
        raise LabError(f"--count {options.count}: at least 1")
    plan = _plan(options)
    if options.member not in stall.ANY:
        _member(plan, options.member)
    try:
        lengths_ms = [float(text) for text in options.ms.split(",")]
    except ValueError:
        raise LabError(f"--ms {options.ms}: give milliseconds, for example --ms 5,10,15,20") from None
    if not all(0 < length <= 10_000 for length in lengths_ms):
        raise LabError(f"--ms {options.ms}: each more than 0 and at most 10000")
    return 0 if stall.run(plan, options.member, lengths_ms, options.count, options.json, _say) else 1


def measure_isolation(options):
    if options.trials < 1:
        raise LabError(f"--trials {options.trials}: at least 1")
    options.set = isolation.POLICIES[options.policy] + options.set
    options.witness = options.witness or options.policy in isolation.WITNESSED
    seconds = options.seconds or (7 if options.witness else 3)
    if seconds < 2:
        raise LabError(f"--seconds {options.seconds}: at least 2")
    losses = isolation.losses_of(options.policy, options.loss)
    result = isolation.run(_plan(options), options.policy, losses, options.trials, seconds, options.stress, options.json,
                           _say)
    return 0 if result["broken"] == 0 else 1


def measure_flood(options):
    if not 0 < options.seconds <= 86_400:
        raise LabError(f"--seconds {options.seconds:g}: more than 0 and at most a day")
    if options.rate is not None and not 1 <= options.rate <= 100_000_000:
        raise LabError(f"--rate {options.rate}: 1 to 100000000; leave it out for as fast as it goes")
    return 0 if flood.run(_plan(options), options.kind, options.seconds, options.rate, options.ramp, options.victim,
                          options.cpu, options.restart_after, options.json, _say) else 1


def measure_sessions(options):
    if not 1 <= options.count <= 15_000_000:
        raise LabError(f"--count {options.count}: 1 to 15000000")
    if not 0 <= options.loss < 100:
        raise LabError(f"--loss {options.loss:g}: 0 to less than 100 percent")
    options.nat = True
    if options.commit:
        options.set = [f"session-commit {options.commit}", *options.set]
    plan = _plan(options)
    if plan.members != 2:
        raise LabError("sessions compares two members; leave out --members")
    if options.loss and (plan.direct or plan.vdev == "memif"):
        raise LabError("--loss drops frames on the bridges of the fabric; leave out --direct and --vdev memif")
    result = sessions.run(plan, options.count, options.loss, plan.peers, options.commit or "hot", options.family,
                          options.json, _say)
    return 0 if sessions.passed(result) else 1


def down(_):
    removed = teardown.remove_everything()
    _say(f"removed {', '.join(removed)}" if removed else "there was no lab")
    return 0


def _interrupt(number, _):
    # Once is enough: what follows is the removal, which must not be torn in two.
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise Interrupted(number)


def interruptible():
    """Whoever ends us with these gets everything removed first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def main(arguments=None):
    options = parser().parse_args(arguments)
    try:
        require_root()
        if options.verb != "exec":
            interruptible()
        if options.verb is None:
            return 0 if demo.run(options.demo_nat) else 1
        return options.function(options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print("lab: interrupted", file=sys.stderr)
        return 128 + interruption.number
