"""`leadbridge credits`: what was used, what budgets have left, and what is to come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click

from app.cli.mapping import AS_JSON
from app.cli.story import local_time
from app.errors import ConfigurationError

if TYPE_CHECKING:
    from app.ledger.pauses import Pause
    from app.ledger.usage import Spent, Waits
    from app.mapping.model import MappingFile
    from app.pipeline.credits import Forecast, Rate, Standing, Sum
    from app.settings import Settings

BY = ("pool", "product", "mapping", "token", "day")


class _Balance(click.ParamType[tuple[str, int]]):
    """`1000`, `10,000` or `company-identification=500`."""

    name = "[POOL=]N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        """The pool and its balance."""
        from app.pipeline.credits import POOLS

        if isinstance(value, tuple):
            return value
        pool, _, number = str(value).rpartition("=")
        digits = number.strip().replace(",", "")
        if (pool and pool not in POOLS) or not (digits.isascii() and digits.isdigit()):
            pools = " and ".join(POOLS)
            message = f"'{value}': say a number, or POOL=N; pools are {pools}"
            self.fail(message, param, ctx)
        return pool or POOLS[0], int(digits[:15])


@dataclass
class _Report:
    """Everything the command tells."""

    now: datetime
    by: str
    first: date | None
    sums: list[Sum]
    standings: list[Standing]
    #: Waiting for a limit that is not set any more.
    others: list[Waits]
    paused: list[Pause]
    until: date | None = None
    #: Whether anything was asked of what is to come.
    is_ahead: bool = False
    forecasts: list[Forecast] = field(default_factory=list)
    #: Why budgets of mapping files are missing.
    note: str | None = None

    @property
    def today(self) -> date:
        """The day in UTC, by which everything is counted."""
        return self.now.date()


@click.command()
@click.option(
    "--by",
    type=click.Choice(BY),
    default=BY[0],
    help="What the sums are made by; pool unless told.",
)
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Forecast: credits expected until the end of that day.",
)
@click.option(
    "--balance",
    "balances",
    type=_Balance(),
    multiple=True,
    help="What your contract still has: when it is used up. Of enrichment unless told.",
)
@AS_JSON
def credits(
    by: str,
    until: datetime | None,
    balances: tuple[tuple[str, int], ...],
    as_json: bool,
) -> None:
    """Tell how many credits were used, what budgets have left, and what is to come.

    Credits are counted here, answer by answer: no API of 6sense reports a balance, so
    every figure is estimated. Days and months are those of UTC. Forecasts go by the
    daily means of the last 7 and the last 28 whole days.
    """
    now = datetime.now(UTC)
    if until is not None and until.date() < now.date():
        message = f"{until:%Y-%m-%d} is over; say today or a later day"
        raise click.BadParameter(message, param_hint="--until")
    day = until.date() if until is not None else None
    report = _report(now, by, day, dict(balances))
    if as_json:
        click.echo(json.dumps(_as_data(report), indent=2))
    else:
        _print(report)


def _report(
    now: datetime, by: str, until: date | None, balances: dict[str, int]
) -> _Report:
    from app.cli.runs import open_database
    from app.cli.serve import load_settings
    from app.ledger.pauses import Pauses
    from app.ledger.usage import Usage
    from app.pipeline import credits as counted
    from app.pipeline.budgets import CAUSE

    settings = load_settings(LOG_LEVEL="WARNING")
    mappings, note = _mappings()
    today = now.date()
    with open_database() as database:
        usage = Usage(database)
        days = usage.days(today - counted.READ)
        first, spent = usage.first_day(), usage.spent(today)
        waits = usage.waits(CAUSE)
        pauses = Pauses(database).active().values()
    standings = _standings(settings, mappings, spent, waits)
    report = _Report(
        now=now,
        by=by,
        first=first,
        sums=counted.sums(days, today, by),
        standings=standings,
        others=[] if note else counted.without_limit(waits, standings),
        paused=[one for one in pauses if one.scope.kind == "pool"],
        until=until,
        is_ahead=bool(until or balances),
        note=note,
    )
    if first is not None and report.is_ahead:
        report.forecasts = [
            counted.forecast(
                days, pool, now, first, until=until, balance=balances.get(pool)
            )
            for pool in (counted.POOLS if until else balances)
        ]
    return report


def _mappings() -> tuple[list[MappingFile], str | None]:
    """The mapping files; or why they cannot be read: figures are shown all the same."""
    from app.cli.mapping import load_reports

    try:
        return [one for report in load_reports([]) for one in report.required()], None
    except ConfigurationError as error:
        return [], f"Budgets of mapping files are not among them: {error}"


def _standings(
    settings: Settings,
    mappings: Sequence[MappingFile],
    spent: Sequence[Spent],
    waits: Sequence[Waits],
) -> list[Standing]:
    from app.pipeline import credits as counted
    from app.pipeline.budgets import limits_of_pools

    return counted.standings(limits_of_pools(settings), mappings, spent, waits)


# As JSON


def _as_data(report: _Report) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "is_estimated": True,
        "today": report.today.isoformat(),
        "counted_since": report.first.isoformat() if report.first else None,
        "by": report.by,
        "credits": [
            {
                report.by: one.name,
                **({} if report.by == "pool" else {"pool": one.pool or None}),
                "today": one.today,
                "this_month": one.month,
                "last_30_days": one.last_30,
                "answers_30_days": one.asked,
                "matched_30_days": one.matched,
            }
            for one in report.sums
        ],
        "budgets": [
            {
                "pool": one.pool,
                "mapping": one.mapping or None,
                "lookup": one.lookup or None,
                "per": one.limit.per,
                "limit": one.limit.credits,
                "used": one.used,
                "left": one.left,
                "begins_anew_at": one.limit.ends_at(report.now).isoformat(),
                "runs_waiting": one.waiting,
            }
            for one in report.standings
        ],
        "runs_waiting_for_former_limits": [
            {
                "mapping": one.mapping,
                "runs": one.runs,
                "next_look_at": one.due_at.isoformat(),
            }
            for one in report.others
        ],
        "paused": [
            {
                "pool": one.scope.name,
                "reason": one.reason,
                "since": one.since.isoformat(),
                "next_try_at": one.until.isoformat() if one.until else None,
            }
            for one in report.paused
        ],
    }
    if report.forecasts:
        shown["forecast"] = {
            "until": report.until.isoformat() if report.until else None,
            "pools": [_forecast_data(one) for one in report.forecasts],
        }
    return shown


def _forecast_data(one: Forecast) -> dict[str, Any]:
    return {
        "pool": one.pool,
        "means": [
            {
                "days": rate.days,
                "credits": rate.credits,
                "a_day": round(rate.a_day, 2),
                "is_of_today": rate.is_of_today,
            }
            for rate in one.rates
        ],
        "expected": list(one.expected) if one.expected else None,
        "balance": one.balance,
        "used_up": [day.isoformat() if day else None for day in one.used_up]
        if one.balance is not None
        else None,
    }


# As text


def _print(report: _Report) -> None:
    if report.first is None:
        click.echo(
            "6sense has not answered here yet, so no credits were counted (estimated)."
        )
    else:
        click.echo(
            f"Credits, estimated: counted here since {report.first}, by days of UTC; "
            "no API of 6sense reports a balance.\n"
        )
        _print_sums(report)
    _print_budgets(report)
    for pause in report.paused:
        again = f"tried again at {local_time(pause.until)}"
        until = again if pause.until else "until resumed"
        click.echo(
            f"\nThe {pause.scope.name} pool is paused since {local_time(pause.since)}, "
            f"{until}: {pause.reason}"
        )
    _print_forecast(report)


def _print_sums(report: _Report) -> None:
    if not report.sums:
        click.echo("6sense has not answered in the last 30 days.")
        return
    heads = [] if report.by == "pool" else ["pool"]
    # Of a day there is no month.
    spans = ["credits"] if report.by == "day" else ["today", "this month", "30 days"]
    rows = []
    for one in report.sums:
        pool = [] if report.by == "pool" else [one.pool or "free"]
        counts = [one.last_30]
        if report.by != "day":
            counts = [one.today, one.month, one.last_30]
        numbers = [f"{n:,}" for n in (*counts, one.asked, one.matched)]
        rows.append([one.name or "–", *pool, *numbers])
    answers = ["answers", "matched"]
    if report.by != "day":
        answers = [f"{name}, 30 days" for name in answers]
    names = [report.by, *heads]
    _print_table([*names, *spans, *answers], rows, left=len(names))


def _print_budgets(report: _Report) -> None:
    click.echo()
    if report.note:
        click.echo(report.note)
    if not report.standings and not report.note:
        click.echo(
            "No budget is set: CREDITS_PER_DAY and CREDITS_PER_MONTH are settings, "
            "`budget` is a key of a lookup."
        )
    if report.standings:
        rows = [
            [
                str(one.limit),
                f"{one.used:,}",
                f"{one.left:,}",
                local_time(one.limit.ends_at(report.now)),
                f"{one.waiting:,}",
            ]
            for one in report.standings
        ]
        heads = ["budget", "used", "left", "begins anew", "runs waiting"]
        _print_table(heads, rows, left=1)
    for waits in report.others:
        click.echo(
            f"{waits.runs:,} of {waits.mapping} waiting for a limit that is not set "
            f"any more: until {local_time(waits.due_at)}, or until a worker starts."
        )


def _print_forecast(report: _Report) -> None:
    from app.ledger.enrichments import PAID_FOR

    for one in report.forecasts:
        click.echo()
        week, weeks = one.rates
        means = f"{_rate(week)}, {_rate(weeks)}"
        if week == weeks:
            means = f"{_rate(week)}; more was not counted"
        if one.expected is not None:
            low, high = one.expected
            span = f"{low:,} to {high:,}" if low != high else f"{high:,}"
            click.echo(
                f"{one.pool}: {span} credits expected until the end of {report.until} "
                f"(estimated)."
            )
        if one.balance is not None:
            click.echo(
                f"{one.pool}: a balance of {one.balance:,} "
                f"{_used_up(*one.used_up)} (estimated)."
            )
        click.echo(f"  {means}")
    if not report.is_ahead:
        return
    if report.first is None:
        click.echo("\nNo forecast: nothing was counted yet.")
    elif report.today - report.first < PAID_FOR:
        click.echo(
            "\nCounting is young: records are paid for the first time in these days, "
            "so later ones may cost less."
        )


def _used_up(early: date | None, late: date | None) -> str:
    if early is None:
        return "is not used up within ten years at this rate"
    if late is None:
        return f"is used up on {early} at the earliest, or not within ten years"
    if early == late:
        return f"is used up on {early}"
    return f"is used up between {early} and {late}"


def _rate(rate: Rate) -> str:
    if rate.is_of_today:
        return f"{rate.credits:,} credits so far today, which is all that was counted"
    span = f"last {rate.days} days" if rate.days > 1 else "one day before today"
    return f"{rate.a_day:,.1f} a day in the {span}"


def _print_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int
) -> None:
    """`left`: so many columns are words; the others are aligned as numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for n, head in enumerate(heads):
        is_words = n < left or head == "begins anew"
        table.add_column(
            head, justify="left" if is_words else "right", overflow="fold"
        )
    for row in rows:
        table.add_row(*row)
    # A pipe has no width: there the table is as wide as it needs to be.
    console = Console(markup=False, highlight=False)
    console.width = console.width if console.is_terminal else 200
    console.print(table)

