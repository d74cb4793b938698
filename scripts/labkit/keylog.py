# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 The Systole authors
"""The members' key logs as one directory that tshark reads (DIR/esp_sa, DIR/preferences)."""
import os
import pathlib
import shutil


def clear(plan):
    """An earlier lab's keys are of no use to this one's capture."""
    for directory in (pathlib.Path(plan.key_log), *_directories(plan)):
        for name in ("esp_sa", "preferences"):
            (directory / name).unlink(missing_ok=True)


def merge(plan):
    """Each SA once, though its sender and its receiver both log it. Keys that were seen once are kept."""
    target = pathlib.Path(plan.key_log)
    merged = _lines(target / "esp_sa")
    known = len(merged)
    for directory in _directories(plan):
        merged |= _lines(directory / "esp_sa")
        preferences = directory / "preferences"
        if preferences.exists() and not (target / "preferences").exists():
            shutil.copyfile(preferences, target / "preferences")
    if len(merged) == known:
        return
    fresh = target / ".esp_sa.new"
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write("".join(f"{line}\n" for line in merged))
    os.replace(fresh, target / "esp_sa")


def _directories(plan):
    return [pathlib.Path(plan.key_log) / member for member in plan.names()]


def _lines(path):
    """As the keys of a dict: a set that keeps the order. A line still being written has no end yet and is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    return dict.fromkeys(text[:text.rfind("\n") + 1].splitlines())
