"""`leadbridge doctor`: the whole installation, check by check, from the ground up."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field

import click

from app import runtime
from app.cli import answers, doctor_tokens
from app.cli.doctor_files import check_disk, check_files, check_settings
from app.cli.doctor_sources import Patient, check_calls, check_ledger
from app.cli.mapping import AS_JSON, mappings_folder
from app.cli.serve import load_settings
from app.cli.turns import SharedTurns
from app.connectors.base import Connector
from app.errors import AppError, ConfigurationError
from app.ledger.database import Database
from app.mapping.findings import did_you_mean
from app.mapping.model import MappingFile
from app.pipeline import diagnosis
from app.pipeline.diagnosis import Check, State, problem, untested
from app.pipeline.parts import Parts, calling
from app.settings import Settings


@click.command()
@click.option("--source", "sources", multiple=True, help="Of the sources, only this.")
@click.option("--no-calls", is_flag=True, help="Call neither a CRM nor 6sense.")
@AS_JSON
def doctor(sources: tuple[str, ...], no_calls: bool, as_json: bool) -> int:
    """Look at the whole installation: what is fine, what is not, how to mend it.

    From the ground up: files and settings, database, worker, each source, each token
    of 6sense, the products that mapping files name. Nothing is changed in a CRM: its
    fields are read, a search is begun, an update is sent for nobody. 6sense is asked
    about nobody, which takes no credit (estimated). Exit code 1 if anything is a
    problem.
    """
    with ExitStack() as stack:
        checks = list(_Visit(stack, sources, calls=not no_calls).checks())
    if as_json:
        click.echo(json.dumps([_as_row(one) for one in checks], indent=2))
    else:
        answers.print_table(
            ("check", "state", "what", "fix"),
            [(one.name, one.state.value, one.what, one.fix) for one in checks],
        )
        click.echo(summary(checks))
    return int(any(one.state is State.PROBLEM for one in checks))


def _as_row(check: Check) -> Mapping[str, str]:
    return {
        "check": check.name,
        "state": check.state.value,
        "what": check.what,
        "fix": check.fix,
    }


def summary(checks: Sequence[Check]) -> str:
    """`2 problems, 1 warning, 0 untested, 23 ok.`"""
    count = dict.fromkeys(State, 0)
    for one in checks:
        count[one.state] += 1
    problems, warnings = count[State.PROBLEM], count[State.WARNING]
    return (
        f"{problems} problem{'s' * (problems != 1)}, "
        f"{warnings} warning{'s' * (warnings != 1)}, "
        f"{count[State.UNTESTED]} untested, {count[State.OK]} ok."
    )


@dataclass
class _Visit:
    """One look at everything; what was found on the way decides what is tried."""

    stack: ExitStack
    chosen: Sequence[str]
    calls: bool
    database: Database | None = None
    parts: Parts | None = None
    mappings: tuple[MappingFile, ...] = ()
    #: Sources without a setting, and why.
    off: Mapping[str, str] = field(default_factory=dict)
    connectors: dict[str, Connector] = field(default_factory=dict)

    def checks(self) -> Iterator[Check]:
        """All of them, in order; each step begins when the one before has ended."""
        files, self.mappings = check_files()
        yield from files
        self._require_known()
        try:
            settings = load_settings(LOG_LEVEL="ERROR")
        except ConfigurationError as error:
            yield from (problem("settings", str(one)) for one in error.problems)
            yield untested("all else", "settings cannot be read")
            return
        self.off = runtime.switched_off(settings, self.mappings)
        yield from check_settings(settings, self.mappings, self._sources())
        yield from _whole("database", self._on_database(settings))
        if not self.mappings:
            yield untested("sources, 6sense", "the mapping files do not load")
            return
        for name, why in self.off.items():
            if name in (self.chosen or self.off):
                yield untested(f"{name} source", f"it is off: {why}")
        yield from _whole("sources", self._on_sources(settings))
        yield from _whole("6sense", self._on_sixsense(settings))

    def _require_known(self) -> None:
        """BadParameter for a source that no mapping file names."""
        known = list(dict.fromkeys(one.source for one in self.mappings))
        for name in self.chosen if known else ():
            if name not in known:
                fix = did_you_mean(name, known)
                message = f"no mapping file names the source '{name}'. {fix}".rstrip()
                raise click.BadParameter(message, param_hint="--source")

    def _sources(self) -> list[str]:
        named = dict.fromkeys(one.source for one in self.mappings)
        wanted = self.chosen or named
        return [name for name in named if name in wanted and name not in self.off]

    def _on_database(self, settings: Settings) -> Iterator[Check]:
        is_ours = settings.database_url is None
        if is_ours and not (settings.data_dir / "postgres").is_dir():
            said = f"DATABASE_URL is not set, and there is none in {settings.data_dir}"
            yield untested("database", said, "leadbridge up makes one there.")
            return
        try:
            database = self._open(settings)
        except ConfigurationError as error:
            yield problem("database", str(error), "docs/deploy.md")
            return
        web = runtime.WEB_CONNECTIONS * settings.web_concurrency
        budget = web + runtime.WORKER_MOST_CONNECTIONS
        found = diagnosis.check_database(database, budget=budget)
        yield from found
        if is_ours:
            yield from check_disk(settings, runtime.loses_leads(settings))
        if diagnosis.is_usable(found):
            self.database = database
            yield from diagnosis.check_work(database, settings)

    def _open(self, settings: Settings) -> Database:
        url, server = runtime.database_url(settings)
        if server is not None:
            self.stack.callback(server.stop)
        database = Database(url, connections=1, name="leadbridge cli")
        self.stack.callback(database.close)
        return database

    def _on_sources(self, settings: Settings) -> Iterator[Check]:
        for name in self._sources():
            try:
                self.connectors[name] = runtime.connector_named(settings, name)
            except ConfigurationError:
                said = "its settings are incomplete: see above"
                yield untested(f"{name} source", said)
        if self.database is not None:
            try:
                self.parts = runtime.parts_of_sources(
                    settings, self.database, self.mappings, self.connectors
                )
            except ConfigurationError as error:
                yield problem("PERSON_KEY", str(error))
        for name, connector in self.connectors.items():
            yield from _whole(f"{name} source", self._on_source(name, connector))

    def _on_source(self, name: str, connector: Connector) -> Iterator[Check]:
        if self.calls:
            _say(f"Asking {name} ...")
            routes = tuple(one for one in self.mappings if one.source == name)
            patient = Patient(name, connector, routes, lambda: self._turn(name))
            yield from check_calls(patient, mappings_folder())
        if self.parts is not None:
            yield from check_ledger(self.parts, self.parts.sources[name])

    def _turn(self, name: str) -> AbstractContextManager[None]:
        """Under the source's limits and counted, where there is a ledger."""
        if self.parts is None:
            return nullcontext()
        return calling(self.parts, self.parts.sources[name])

    def _on_sixsense(self, settings: Settings) -> Iterator[Check]:
        mappings = [one for one in self.mappings if one.source in self._sources()]
        try:
            client = runtime.sixsense_of(settings)
        except ConfigurationError:
            yield untested("6sense", "its token is not set: see above")
            return
        yield from doctor_tokens.check_forms(client)
        if self.calls:
            _say("Asking 6sense about nobody: 0 credits expected (estimated) ...")
            meant = runtime.tokens_meant(client, mappings)
            if self.chosen:
                meant = {
                    name: uses
                    for name, uses in meant.items()
                    if any(source in self.chosen for _, source in uses)
                }

            def turn(api: str, source: str) -> AbstractContextManager[None]:
                if self.parts is None:
                    return nullcontext()
                database = self.parts.ledger.database
                ring = runtime.ring_of(settings, database, client, api, source)
                return SharedTurns(ring, _say_wait).turn()

            yield from doctor_tokens.check_tokens(client, meant, turn)
        if self.parts is not None:
            ledger = self.parts.ledger
            yield from doctor_tokens.check_products(ledger, client, mappings)
            yield from doctor_tokens.check_matches(ledger)


def _whole(name: str, checks: Iterator[Check]) -> Iterator[Check]:
    """These checks; an error that ends them is one more, and the others go on."""
    try:
        yield from checks
    except AppError as error:
        yield problem(name, str(error))


def _say(what: str) -> None:
    click.echo(what, err=True)


def _say_wait(seconds: float) -> None:
    _say(f"Waiting {seconds:.0f} s: the calls of this minute are made.")
