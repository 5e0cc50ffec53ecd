"""A run's whole story, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from app.ledger.reports import Story


def print_story(story: Story) -> None:
    """In the order of what happened; then its fields."""
    run = story.run
    result = f", {run.result}" if run.result else ""
    click.echo(f"run {run.id}   {run.source} {run.event_object} {run.lead_id}")
    click.echo(f"state    {run.state}{result}{_because(run)}")
    click.echo(f"mapping  {run.mapping} ({(run.mapping_version or '')[:12]})")
    click.echo(f"\n{local_time(run.received_at)}  received, event {run.event}")
    if run.repeats:
        click.echo(f"{'':19}  repeated {run.repeats} times, not run again")
    for attempt in story.attempts:
        click.echo(f"{local_time(attempt.at)}  {_attempt(attempt)}")
    for lookup in story.lookups:
        click.echo(f"{local_time(lookup.at)}  {_lookup(lookup)}")
    if story.batch is not None:
        size = story.batch.size
        click.echo(f"{local_time(story.batch.began_at)}  sent in a batch of {size}")
    if run.finished_at:
        click.echo(f"{local_time(run.finished_at)}  {run.state}")
    _print_fields(run.decisions or [])


def _attempt(attempt: Any) -> str:
    if attempt.step == "replay":
        return f"replayed {attempt.cause}; was {attempt.message}"
    again = f"; again at {local_time(attempt.next_at)}" if attempt.next_at else ""
    return f"{attempt.step} failed, {attempt.cause}: {attempt.message}{again}"


def _because(run: Any) -> str:
    reason = why(run)
    return f": {reason}" if reason else ""


def _lookup(lookup: Any) -> str:
    asked = ", ".join(f"{k}={masked(v)}" for k, v in (lookup.asked or {}).items())
    said = f"{lookup.name}: {lookup.api}({asked}) → {lookup.result}"
    if lookup.is_reused:
        return f"{said}, answer of {local_time(lookup.asked_at)} used again"
    credit = "1 credit" if lookup.credits == 1 else f"{lookup.credits} credits"
    took = f", {lookup.ms:.0f} ms" if lookup.ms is not None else ""
    note = f", {credit} (estimated)" if lookup.enrichment_id else ""
    return f"{said}{note}{took}" + (f": {lookup.message}" if lookup.message else "")


def _print_fields(decisions: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not decisions:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title=None)
    for name in ("field", "was", "sent", "reason"):
        table.add_column(name, overflow="fold")
    for one in decisions:
        reason = one.get("reason") or ""
        sentence = one.get("sentence") or ""
        table.add_row(
            one["field"],
            shown(one.get("current")),
            shown(one.get("value")) if one["write"] else "–",
            f"{reason}: {sentence}" if reason else sentence,
        )
    click.echo()
    Console().print(table)


def why(row: Any) -> str:
    """Why a run is where it is, as far as there is anything to say."""
    if row.reason:
        return str(row.reason)
    if row.error and row.finished_at is None:
        return f"{row.error}; again at {local_time(row.due_at)}"
    return ""


def as_data(story: Story) -> dict[str, Any]:
    """All its rows, by what they are."""
    def rows(found: Sequence[Any]) -> list[dict[str, Any]]:
        return [dict(row._mapping) for row in found]

    return {
        "run": dict(story.run._mapping),
        "delivery": dict(story.delivery._mapping) if story.delivery else None,
        "lookups": rows(story.lookups),
        "attempts": rows(story.attempts),
        "batch": dict(story.batch._mapping) if story.batch else None,
        "updates": rows(story.updates),
    }


def masked(text: str) -> str:
    """`jane@acme.example` → `j…@acme.example`; anything else as it is."""
    name, at, domain = text.partition("@")
    return f"{name[:1]}…@{domain}" if at else text


def shown(value: Any) -> str:
    """A field's value as people read it; – for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def local_time(at: datetime | None) -> str:
    """Local time to the second; empty for none."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else ""
