"""Doing something again whenever a file of some folders changes, until ^C."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click

#: Seconds between two looks at the files.
EVERY_S = 0.3

#: File → what tells that it is another one than before.
Snapshot = Mapping[Path, tuple[int, int]]


def watch(
    folders: Iterable[Path],
    act: Callable[[], object],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Act now and after each change; ends by KeyboardInterrupt alone."""
    folders = sorted(set(folders))
    # Looked at before acting: what is saved meanwhile is a change too.
    seen = snapshot(folders)
    act()
    click.echo(f"Watching {', '.join(map(str, folders))}. ^C ends it.")
    while True:
        sleep(EVERY_S)
        now = snapshot(folders)
        if now == seen:
            continue
        before, seen = seen, _settled(folders, now, sleep)
        if before != seen:
            click.echo(f"\n{'; '.join(changes(before, seen))}")
            act()


def snapshot(folders: Iterable[Path]) -> Snapshot:
    """The files in these folders and below; editors' own (`.x.swp`, `x~`) apart."""
    found = {}
    for path in (path for folder in folders for path in folder.rglob("*")):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        try:
            status = path.stat()
        except OSError:  # gone between the two looks
            continue
        if path.is_file():
            found[path] = (status.st_mtime_ns, status.st_size)
    return found


def changes(before: Snapshot, after: Snapshot) -> list[str]:
    """`mappings/a.yaml changed`, `… is new`, `… is gone`, by name."""
    words = {
        **dict.fromkeys(before.keys() - after.keys(), "is gone"),
        **dict.fromkeys(after.keys() - before.keys(), "is new"),
    }
    for path in before.keys() & after.keys():
        if before[path] != after[path]:
            words[path] = "changed"
    return [f"{path} {words[path]}" for path in sorted(words)]


def _settled(
    folders: Iterable[Path], now: Snapshot, sleep: Callable[[float], None]
) -> Snapshot:
    """The files once they lie still: an editor may take a file away and put it back."""
    while True:
        sleep(EVERY_S / 3)
        again = snapshot(folders)
        if again == now:
            return now
        now = again
