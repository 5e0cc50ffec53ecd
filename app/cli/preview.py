"""`leadbridge preview`: what a mapping makes of one lead, field by field."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.cli.mapping import AS_JSON, canonical, mapping_named
from app.domain import Decision, Decisions, LookupAnswer, LookupResult
from app.errors import AppError

if TYPE_CHECKING:
    from app.mapping.model import MappingFile

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: More of a value than this does not fit into a table.
WIDTH = 44


@click.command()
@click.argument("mapping")
@click.option("--lead", type=FILE, required=True, help="The event's record, as JSON.")
@click.option(
    "--answer",
    "answers",
    multiple=True,
    help="6sense's answer, as JSON; NAME=FILE where the mapping has several lookups.",
)
@click.option("--current", type=FILE, help="The record as the CRM has it now.")
@AS_JSON
def preview(
    mapping: str,
    lead: Path,
    answers: tuple[str, ...],
    current: Path | None,
    as_json: bool,
) -> int:
    """Show what a mapping makes of one lead and one answer; nothing is sent.

    MAPPING is a file, or the name of a mapping in MAPPINGS_DIR.
    """
    from app.mapping.apply import Facts, decide, skip_reason

    chosen = mapping_named(mapping)
    now = datetime.now(UTC)
    given = _given(answers, chosen)
    known: dict[str, LookupAnswer] = {}
    facts = Facts(_read_map(lead), now, source=chosen.source, answers=known)
    skipped = skip_reason(chosen, facts)
    if skipped is not None:
        decisions, asked = Decisions(skipped=skipped, result="skipped"), {}
    else:
        asked = _ask(chosen, facts, known, given)
        record = _read_map(current) if current else {}
        decisions = decide(
            chosen,
            facts,
            current=record if chosen.reads_current else None,
            last_written={},
            now=now,
        )
    if as_json:
        click.echo(json.dumps(_preview_dict(decisions, asked), indent=2, default=str))
    else:
        _print_preview(decisions, asked)
    return 0


def _given(answers: Sequence[str], mapping: MappingFile) -> dict[str, Path]:
    """Lookup → file; a file without a name belongs to the first lookup."""
    names = [lookup.name for lookup in mapping.lookups]
    found: dict[str, Path] = {}
    for answer in answers:
        name, equals, file = answer.partition("=")
        if not equals or name not in names:
            name, file = (names[0] if names else ""), answer
        if not name:
            message = f"{mapping.name} asks nothing, so it takes no answer"
            raise click.BadParameter(message, param_hint="--answer")
        if not Path(file).is_file():
            message = f"there is no file {file}"
            raise click.BadParameter(message, param_hint="--answer")
        found[name] = Path(file)
    return found


def _ask(
    mapping: MappingFile,
    facts: Any,
    known: dict[str, LookupAnswer],
    given: Mapping[str, Path],
) -> dict[str, dict[str, str] | None]:
    """The question of each lookup; fills `known`, which later questions read."""
    from app.mapping.apply import question

    asked: dict[str, dict[str, str] | None] = {}
    for lookup in mapping.lookups:
        name, api = lookup.name, lookup.api
        asked[name] = question(mapping, lookup, facts)
        if asked[name] is None:
            known[name] = LookupAnswer(LookupResult.NOT_ASKED, api)
        elif name in given:
            try:
                result, data = canonical(api, _read(given[name]))
            except AppError as error:
                message = f"{given[name]}: {error}"
                raise click.BadParameter(message, param_hint="--answer") from None
            known[name] = LookupAnswer(result, api, facts.time, data=data)
    return asked


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{path} is not readable JSON: {error}") from None


def _read_map(path: Path) -> dict[str, Any]:
    value = _read(path)
    if not isinstance(value, dict):
        raise click.BadParameter(f"{path} has to be a JSON object of fields")
    return value


def _preview_dict(decisions: Decisions, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "asked": asked,
        "result": decisions.result,
        "skipped": decisions.skipped,
        "failed": decisions.failed,
        "fields": [asdict(decision) for decision in decisions.fields],
    }


def _print_preview(decisions: Decisions, asked: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    for name, inputs in asked.items():
        told = (
            json.dumps(inputs, ensure_ascii=False) if inputs else "nothing: not asked"
        )
        click.echo(f"{name}: {told}")
    for word in ("skipped", "failed"):
        why = getattr(decisions, word)
        if why is not None:
            click.echo(f"{word}: {why}")
            return
    click.echo(f"result: {decisions.result}")
    table = Table(box=None, pad_edge=False)
    for heading in ("field", "from", "value", "now in CRM", "decision", "reason"):
        table.add_column(heading, overflow="fold")
    for decision in decisions.fields:
        table.add_row(*_row(decision))
    # A pipe has no width: there the table is as wide as it needs to be.
    console = Console(markup=False, highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(table)


def _row(decision: Decision) -> tuple[str, ...]:
    return (
        decision.field,
        decision.origin,
        _cell(decision.value),
        _cell(decision.current),
        "write" if decision.is_write else "keep",
        f"{decision.reason}: {decision.sentence}" if decision.reason else "",
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
