"""`leadbridge replay`: start runs again that have ended, after saying what it costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from app.cli.filters import filter_of, run_filters
from app.cli.mapping import AS_JSON
from app.cli.progress import progress_of

if TYPE_CHECKING:
    from app.pipeline.replay import Plan


@click.command()
@click.argument("run_ids", type=int, nargs=-1, metavar="[ID]...")
@run_filters
@click.option(
    "--even-if-newer",
    is_flag=True,
    help="With ids: also where the record has a newer run.",
)
@click.option("--go", is_flag=True, help="Do it; without, it is only told.")
@AS_JSON
def replay(
    run_ids: tuple[int, ...],
    even_if_newer: bool,
    go: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Start runs again that have ended: those that failed, or those you name.

    By ids (see leadbridge runs), by filters, or both. Each takes its event's data
    once more through the mapping file of today, behind all new leads. Without --go
    it is told how many there are and what they may cost.
    """
    from app import runtime
    from app.cli.runs import open_database
    from app.cli.serve import load_settings
    from app.pipeline import replay as replaying

    if even_if_newer and not run_ids:
        raise click.UsageError("--even-if-newer goes with ids of runs.")
    chosen = filter_of(given, ids=run_ids)
    if set(chosen.states) - _final_states():
        raise click.UsageError("Only runs that have ended can start again.")
    selection = replaying.Selection(chosen, even_if_newer=even_if_newer)
    with open_database() as database:
        parts = runtime.whole_parts_of_command(
            load_settings(LOG_LEVEL="WARNING"), database
        )
        count = replaying.count(parts, selection)
        work = replaying.start if go else replaying.plan
        with progress_of(count, "looked at") as progress:
            found = work(parts, selection, progress)
    if as_json:
        click.echo(json.dumps(_as_data(found, go=go), indent=2))
    else:
        _print(found, go=go)
    return int(bool(found.unknown))


def _final_states() -> set[str]:
    from app.domain import FINAL_STATES

    return {state.value for state in FINAL_STATES}


def _as_data(found: Plan, *, go: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "done": go,
        "count": found.count,
        "runs": [
            {"mapping": mapping, "state": state, "runs": number}
            for (mapping, state), number in found.runs.items()
        ],
        "left": dict(found.left),
        "unknown": found.unknown,
        "example": found.example.id if found.example else None,
    }
    if not go:
        shown["crm_calls"] = found.crm_calls
        shown["questions"] = found.questions
        shown["credits"] = found.credits
    return shown


def _print(found: Plan, *, go: bool) -> None:
    start = "started again" if go else "would start again"
    click.echo(f"{_count(found.count, 'run')} {start}.")
    for (mapping, state), number in found.runs.most_common():
        click.echo(f"  {number:,} of {mapping}, {state}")
    if +found.left:
        click.echo(f"{_count(found.left.total(), 'run')} left as they are:")
    for reason, number in (+found.left).most_common():
        click.echo(f"  {number:,}: {reason}")
    for run_id in found.unknown:
        click.echo(f"There is no run {run_id} that fits.")
    if go or found.example is None:
        return
    for source, calls in found.crm_calls.items():
        click.echo(f"About {_count(calls, 'call')} of {source}.")
    click.echo(
        f"At most {_count(found.questions, 'question')} to 6sense that no fresh answer "
        f"is stored for, and {_count(found.credits, 'credit')} (estimated)."
    )
    one = found.example
    click.echo(f"Such as run {one.id}: leadbridge runs show {one.id}")
    click.echo("Nothing was started: --go does it.")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
