"""How far long work has come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

#: Off a terminal, a line for so many.
SAY_EVERY = 3000


@contextmanager
def progress_of(count: int, done_to_them: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, and elsewhere a line now and then."""
    if sys.stderr.isatty():
        with click.progressbar(length=count, file=sys.stderr) as bar:
            yield bar.update
        return
    done = 0

    def say(more: int) -> None:
        nonlocal done
        done += more
        if done // SAY_EVERY > (done - more) // SAY_EVERY:
            click.echo(f"{done:,} of {count:,} {done_to_them}", err=True)

    yield say
