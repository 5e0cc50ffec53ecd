"""A run's whole story, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    click.echo()
    for at, said in _events(story):
        click.echo(f"{local_time(at)}  {said}")
    for said in _open(story):
        click.echo(f"{'':19}  {said}")
    _print_fields(run.decisions or [])


def _events(story: Story) -> list[tuple[datetime, str]]:
    """What happened, and when; of one moment in the order of the steps."""
    run = story.run
    repeats = f"; repeated {run.repeats} times, not run again" if run.repeats else ""
    found = [(run.received_at, f"received, event {run.event}{repeats}")]
    found += [(one.at, _attempt(one)) for one in story.attempts]
    found += [(one.at, _lookup(one)) for one in story.lookups]
    if _is_told(story):
        found.append((run.waiting_told_at, "waits for long, and its record is told so"))
    if story.batch is not None:
        found.append((story.batch.began_at, f"sent in a batch of {story.batch.size}"))
    if run.finished_at:
        found.append((run.finished_at, f"{run.state}{_answered(run)}"))
    if run.reply_confirmed_at:
        said = "a read of the record showed which values of the reply it has"
        found.append((run.reply_confirmed_at, said))
    ended = [one for one in story.follow_ups if one.ended_at]
    found += [(one.ended_at, _followed(one)) for one in ended]
    return sorted(found, key=lambda one: one[0])


def _is_told(story: Story) -> bool:
    """A run that was started again says so of itself, lest its record is told."""
    told = story.run.waiting_told_at
    replayed = {one.at for one in story.attempts if one.step == "replay"}
    return told is not None and told not in replayed


def _answered(run: Any) -> str:
    if run.reply is None:
        return ""
    count = f"{len(run.reply)} value{'s' * (len(run.reply) != 1)}"
    return f": the webhook was answered with {count}"


def _followed(one: Any) -> str:
    said = f"campaign {one.campaign}"
    return f"{said} given up: {one.error}" if one.error else f"{said} requested"


def _open(story: Story) -> Iterator[str]:
    """What is still to come of it, besides the run itself."""
    if story.run.reply is not None and story.run.reply_confirmed_at is None:
        yield "not confirmed yet: no read of the record has shown the reply's values"
    for one in story.follow_ups:
        if not one.ended_at:
            after = f" after {one.error}" if one.error else ""
            yield f"campaign {one.campaign} is due {local_time(one.due_at)}{after}"


def _attempt(attempt: Any) -> str:
    from app.pipeline.budgets import CAUSE

    if attempt.step == "replay":
        return f"replayed {attempt.cause}; was {attempt.message}"
    again = f"; again at {local_time(attempt.next_at)}" if attempt.next_at else ""
    if attempt.cause == CAUSE:
        return f"waits for its budget: {attempt.message}{again}"
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
    if _is_paid(lookup):
        note += ": the record was paid for within 30 days"
    return f"{said}{note}{took}" + (f": {lookup.message}" if lookup.message else "")


def _is_paid(lookup: Any) -> bool:
    """Whether a match that costs a credit cost none; `pool`: it does at other times."""
    return bool(lookup.pool) and lookup.result == "matched" and not lookup.credits


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
        "follow_ups": rows(story.follow_ups),
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
