"""The doctor's first checks: mapping files, their tests, settings, the disk."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from app.cli.mapping import load_reports, run_tests, settings_problems
from app.connectors import connector_for
from app.domain import Finding
from app.mapping.model import MappingFile
from app.pipeline.diagnosis import Check, ok, problem, warning
from app.settings import Settings

#: Room that a database should have, in bytes.
ROOM: Final = 1_000_000_000


def check_files() -> tuple[list[Check], tuple[MappingFile, ...]]:
    """Mapping files and their tests; the files, if they load."""
    reports = load_reports([])
    errors = [one for report in reports for one in report.errors]
    warnings = [one for report in reports for one in report.warnings]
    mappings = tuple(each for report in reports for each in report.mappings)
    run = run_tests(reports)
    found = [finding_of("mapping files", one) for one in (*errors, *warnings)]
    if not errors:
        sources = len({each.source for each in mappings})
        said = f"{_count(len(mappings), 'file')} of {_count(sources, 'source')} load"
        found.insert(0, ok("mapping files", said))
    found += [finding_of("tests in files", one) for one in run.failures]
    if run.count and not run.failures:
        found.append(ok("tests in files", f"{_count(run.count, 'test')} pass"))
    return found, mappings


def finding_of(name: str, finding: Finding) -> Check:
    """A finding of mapping files as a check of that name."""
    place = f"{finding.file}:{finding.line}" if finding.line else finding.file
    said = f"{place}: {finding.message}"
    make = warning if finding.is_warning else problem
    return make(name, said, finding.fix or "leadbridge check shows the place.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def check_settings(
    settings: Settings, mappings: Sequence[MappingFile], sources: Iterable[str]
) -> Iterator[Check]:
    """Everything in the environment that keeps web and worker from starting."""
    problems = settings_problems()
    yield from (problem("settings", one, _FIX) for one in problems)
    if not problems:
        yield ok("settings", "complete")
    if mappings:
        yield _public_url(settings, sources)
    yield from _keys(settings)


_FIX: Final = "docs/settings.md; leadbridge check --settings shows these alone."


def _public_url(settings: Settings, sources: Iterable[str]) -> Check:
    signed = [s for s in sources if (kind := connector_for(s)) and kind.signs_address]
    if settings.public_url:
        return ok("PUBLIC_URL", settings.public_url)
    if signed:
        said = f"not set, and webhooks of {', '.join(signed)} are signed with it"
        fix = "Set PUBLIC_URL to the address under which they reach web."
        return problem("PUBLIC_URL", said, fix)
    return ok("PUBLIC_URL", "not set; only what setup shows would have it")


def _keys(settings: Settings) -> Iterator[Check]:
    if settings.person_key:
        yield ok("PERSON_KEY", "set; keep a copy of it with the backups")
    else:
        said = "not set: the key made at the first start is kept in the database"
        yield ok("PERSON_KEY", said)
    said = "set" if settings.secret_key else "not set: a console's sign-in needs it"
    yield ok("SECRET_KEY", said)


def check_disk(settings: Settings, lost: str | None) -> Iterator[Check]:
    """Where the embedded database lies. `lost`: why a restart would empty it."""
    if lost:
        # It runs there, because somebody allowed it.
        fix = "Unset ALLOW_EPHEMERAL_DATABASE, and set DATABASE_URL."
        yield warning("disk", lost, fix)
        return
    free = shutil.disk_usage(settings.data_dir).free
    said = f"{settings.data_dir} outlives restarts, {free / 1e9:,.1f} GB free"
    if free < ROOM:
        yield warning("disk", said, "Make room, or lower KEEP_RUNS_DAYS.")
    else:
        yield ok("disk", said)
