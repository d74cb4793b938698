# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""What a running lab writes down, so that the next call of scripts/lab finds it and anybody can remove it."""
import json
import os

from . import names
from .errors import LabError
from .plan import Plan


def create(contents):
    """Claims the machine's one lab. Written before anything else is made, so that `down` knows of everything."""
    names.RUN_ROOT.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        descriptor = os.open(names.STATE_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise LabError(f"a lab is running already ({describe()}); `scripts/lab down` removes it") from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(contents, file)


def describe():
    state = read_or_none() or {}
    plan = state.get("plan", {})
    return f"{plan.get('members', '?')} members, made by `scripts/lab {state.get('made_by', '?')}`"


def read_or_none():
    try:
        return json.loads(names.STATE_FILE.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def read():
    state = read_or_none()
    if state is None:
        raise LabError("no lab is running; `scripts/lab up` builds one")
    return state


def plan_of(state):
    return Plan(**state["plan"])


def write(state):
    fresh = names.STATE_FILE.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(state, file)
    os.replace(fresh, names.STATE_FILE)


def update(**changes):
    state = read()
    state.update(changes)
    write(state)
