"""Which runs a command is about: the same options wherever runs are chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from app.domain import RunState
from app.ledger.reports import RunFilter

STATES = [state.value for state in RunState]
_SPAN = re.compile(
    r"([0-9]{1,5})\s*(?:(s|seconds?)|(m|min|minutes?)|(h|hours?)|(d|days?)|(w|weeks?))",
    re.I,
)
_SECONDS = (1, 60, 3600, 86400, 604800)
_Command = TypeVar("_Command", bound=Callable[..., Any])


def moment(text: str) -> datetime:
    """`2h` or `3 days` ago, or a time in ISO form; local time without a zone."""
    found = _SPAN.fullmatch(text.strip())
    if found is not None:
        unit = next(n for n in range(5) if found[n + 2])
        return datetime.now(UTC) - timedelta(seconds=int(found[1]) * _SECONDS[unit])
    try:
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError):
        message = f"'{text}' is no time: say 2h, 3 days or 2026-11-24T09:30"
        raise click.BadParameter(message) from None


def run_filters(command: _Command) -> _Command:
    """The options of a RunFilter; the command gets them as keywords."""
    for option in reversed(
        (
            click.option(
                "--state",
                "states",
                type=click.Choice(STATES),
                multiple=True,
                help="Only runs in this state; repeatable.",
            ),
            click.option("--source", help="Only runs of this source."),
            click.option("--mapping", help="Only runs through this mapping file."),
            click.option("--lead", help="Only runs of the record with this id."),
            click.option("--cause", help="Only runs whose cause begins like this."),
            click.option("--result", help="Only runs with this result of 6sense."),
            click.option(
                "--since", type=moment, help="Only runs received since: 2h, 3 days ago."
            ),
            click.option("--until", type=moment, help="Only runs received before."),
        )
    ):
        command = option(command)
    return command


def filter_of(given: Mapping[str, Any], **more: Any) -> RunFilter:
    """The filter of such options."""
    return RunFilter(**{**given, **more})
