# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""Where the programs are, and making sure that they are there: packages first, then the build."""
import os
import pathlib
import shutil
import subprocess

from .errors import LabError

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What the lab and the build call; scripts/setup installs all this and more.
NEEDED_COMMANDS = ("ip", "nft", "meson", "ninja", "g++", "pkg-config")
NEEDED_PACKAGES = ("libdpdk-dev", "libipsec-mb-dev", "libboost1.81-dev", "libboost-json1.81-dev", "libsodium-dev",
                   "libssl-dev", "libmnl-dev", "libspdlog-dev", "libedit-dev", "libcap-ng-dev", "libseccomp-dev", "libacl1-dev")


class Programs:
    """systoled, systolectl, and the lab's own tools: of build/, or of the directory that SYSTOLE_BUILD names."""

    def __init__(self):
        chosen = os.environ.get("SYSTOLE_BUILD")
        self.own_build = not chosen
        self.directory = pathlib.Path(chosen).absolute() if chosen else ROOT / "build"
        self.daemon = self.directory / "systoled"
        self.ctl = self.directory / "systolectl"
        self.prober = self._tool("prober")
        self.flooder = self._tool("flooder")
        self.ct_loader = self._tool("ct-loader")

    def _tool(self, word):
        in_tree = self.directory / "bench" / word.replace("-", "_") / f"systole-{word}"
        return in_tree if in_tree.exists() or self.own_build else self.directory / f"systole-{word}"

    def missing(self, *tools):
        wanted = [self.daemon, self.ctl, self.prober, *(getattr(self, tool) for tool in tools)]
        return [path for path in wanted if not os.access(path, os.X_OK)]


def ensure(say, up_to_date, *tools):
    """The programs; installs packages and builds when needed. `up_to_date` also rebuilds what has changed. `tools`: what
    only some verbs need, "flooder" or "ct_loader"."""
    programs = Programs()
    missing = programs.missing(*tools)
    if not programs.own_build:
        if missing:
            raise LabError(f"SYSTOLE_BUILD={programs.directory} has no {missing[0].name}; build it there, or unset "
                           "SYSTOLE_BUILD to use build/")
        return programs
    if missing or up_to_date:
        _install_packages(say)
        _build(programs, say)
    return Programs()


def _packages_missing():
    absent = [command for command in NEEDED_COMMANDS if not shutil.which(command)]
    query = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *NEEDED_PACKAGES], text=True,
                           capture_output=True, check=False)
    installed = {line.split()[1] for line in query.stdout.splitlines() if line.startswith("installed ")}
    return absent + [package for package in NEEDED_PACKAGES if package not in installed]


def _install_packages(say):
    absent = _packages_missing()
    if not absent:
        return
    say(f"installing packages with scripts/setup (missing: {' '.join(absent)}); this takes a minute or two")
    _run([ROOT / "scripts" / "setup"], "scripts/setup", say)


def _build(programs, say):
    if not (programs.directory / "build.ninja").exists():
        say("configuring build/ (meson setup build)")
        _run(["meson", "setup", programs.directory, ROOT], "meson setup", say)
    targets = ["systoled", "systole-keeper", "systole-spawner", "systolectl", "bench/prober/systole-prober",
               "bench/flooder/systole-flooder", "bench/ct_loader/systole-ct-loader"]
    dry = subprocess.run(["ninja", "-C", programs.directory, "-n", *targets], text=True, capture_output=True,
                         check=False)
    if dry.returncode == 0 and "no work to do" in dry.stdout:
        return
    say("building systoled, systolectl and the lab's tools (nice ninja -C build)")
    _run(["nice", "ninja", "-C", programs.directory, *targets], "the build", say)


def _run(command, what, say):
    """Runs a long command; a line of its output now and then shows that it lives, all of it shows when it fails."""
    kept, shown = [], 0
    with subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        try:
            for line in process.stdout:
                kept.append(line)
                if len(kept) >= shown + 20:
                    shown = len(kept)
                    say(f"  ... {line.strip()[:100]}")
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        tail = "".join(kept[-40:])
        raise LabError(f"{what} failed (exit code {process.returncode}):\n{tail}")
