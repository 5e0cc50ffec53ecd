"""`leadbridge check`, and how every command loads mapping files: no database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from app.domain import Finding, LookupResult
from app.errors import ConfigurationError

if TYPE_CHECKING:
    from app.mapping.load import LoadReport
    from app.mapping.model import MappingFile

PATHS = click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
AS_JSON = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option(
    "--live",
    is_flag=True,
    help="Also ask the CRMs for their fields as they are now, and tell where they "
    "have left the snapshot. In the place of PATHS: names of sources.",
)
@click.option(
    "--settings",
    "with_settings",
    is_flag=True,
    help="Also check the environment, as web and worker do when they start: what the "
    "sources of MAPPINGS_DIR and 6sense need. Nobody is called.",
)
@click.option(
    "--no-tests", is_flag=True, help="Leave out the tests in the files; --live does."
)
@AS_JSON
def check(
    paths: tuple[str, ...],
    live: bool,
    with_settings: bool,
    no_tests: bool,
    as_json: bool,
) -> int:
    """Check mapping files: every problem at once, with its place and its fix.

    The tests in them are run as well. PATHS are mapping files or folders of them;
    without any, MAPPINGS_DIR is checked.
    """
    if live:
        from app.cli.live import check_live, drifted

        reports = [check_live(mappings_folder(), paths)]
        is_bad, run = drifted(reports[0].warnings), TrialRun()
    else:
        reports, is_bad = load_reports(_existing(paths)), False
        run = TrialRun() if no_tests else run_tests(reports)
    findings = _findings(reports)
    problems = settings_problems() if with_settings else []
    off = sources_off() if with_settings else {}
    notes = [f"source {name} is off: {why}" for name, why in off.items()]
    if as_json:
        settings = [Finding(code="settings", message=p) for p in problems]
        settings += [Finding(code="W-settings", message=note) for note in notes]
        found = [*findings, *run.failures, *settings]
        click.echo(json.dumps([as_dict(finding) for finding in found], indent=2))
    else:
        _print_check(findings, sum(len(report.mappings) for report in reports))
        print_tests(run)
        if with_settings:
            _print_settings(problems, notes)
    is_bad = is_bad or bool(problems) or bool(run.failures)
    return int(is_bad or any(report.errors for report in reports))


def settings_problems() -> list[str]:
    """What keeps a process from starting here, but for mapping files; all of it."""
    from app import runtime
    from app.settings import Settings

    try:
        settings = Settings.load(os.environ)
        # None, as long as a file has mistakes: those are told by its findings.
        files = [m for report in load_reports([]) for m in report.mappings]
        problems = runtime.settings_problems(settings, files)
        if not problems:
            runtime.configured(settings)
    except ConfigurationError as error:
        sentences = error.problems or (error,)
        return [str(one) for one in sentences if not isinstance(one, Finding)]
    return problems


def sources_off() -> dict[str, str]:
    """Sources that nothing is set for, and why that switches each of them off.

    None, where settings or mapping files cannot be read: then problems tell it.
    """
    from app import runtime
    from app.settings import Settings

    try:
        settings = Settings.load(os.environ)
    except ConfigurationError:
        return {}
    files = [m for report in load_reports([]) for m in report.mappings]
    return runtime.switched_off(settings, files)


def _print_settings(problems: Sequence[str], notes: Sequence[str]) -> None:
    for note in notes:
        click.echo(f"Note: {note}.")
    for problem in problems:
        click.echo(f"- {problem}")
    if problems:
        click.echo("The environment has settings to mend.")
    else:
        click.echo("Settings are complete.")


def _existing(paths: Sequence[str]) -> list[Path]:
    """Paths as click reads them: BadParameter for one that is not there."""
    kind, context = click.Path(exists=True), click.get_current_context()
    arguments = [one for one in context.command.params if one.name == "paths"]
    return [Path(str(kind.convert(one, arguments[0], context))) for one in paths]


def mappings_folder() -> Path:
    """MAPPINGS_DIR, or `mappings` where the command runs."""
    return Path(os.environ.get("MAPPINGS_DIR", "").strip() or "mappings")


def load_reports(paths: Sequence[Path]) -> list[LoadReport]:
    """A report for each folder; a file is loaded as a route of its folder."""
    from app.connectors import CONNECTORS
    from app.mapping.load import check_folder
    from app.sixsense import PRODUCTS

    products = {name: product.info for name, product in PRODUCTS.items()}
    folders: dict[Path, set[str] | None] = {}
    for path in paths or (mappings_folder(),):
        if path.is_file():
            names = folders.setdefault(path.parent, set())
            if names is not None:
                names.add(path.name)
        else:
            folders[path] = None
    return [
        check_folder(folder, products, sources=CONNECTORS, only=names)
        for folder, names in folders.items()
    ]


@dataclass
class TrialRun:
    """The tests of mapping files: how many there were, and what failed."""

    count: int = 0
    failures: list[Finding] = field(default_factory=list)


def run_tests(reports: Iterable[LoadReport], name: str | None = None) -> TrialRun:
    """Run the tests in these files, or those with this text in their name."""
    from app.mapping.trial_run import run_trial

    run = TrialRun()
    for mapping in (m for report in reports for m in report.mappings):
        for trial in mapping.trials:
            if name is None or name.casefold() in trial.name.casefold():
                run.count += 1
                run.failures += run_trial(mapping, trial, canonical)
    return run


def print_tests(run: TrialRun) -> None:
    """What failed, and how many there were; nothing if there were none."""
    for finding in run.failures:
        click.echo(str(finding))
    failed = len({(finding.file, finding.message) for finding in run.failures})
    told = f"{failed} failed" if failed else "all passed"
    if run.count:
        click.echo(f"{run.count} test{'s' * (run.count != 1)}, {told}.")


def _findings(reports: Iterable[LoadReport]) -> list[Finding]:
    return [f for report in reports for f in (*report.errors, *report.warnings)]


def _print_check(findings: Sequence[Finding], good: int) -> None:
    from app.mapping.findings import closing_line

    for finding in findings:
        click.echo(str(finding))
    if findings:
        click.echo(closing_line(findings))
    if not any(not finding.is_warning for finding in findings):
        click.echo(f"{good} mapping file{'s' * (good != 1)}, no errors.")


def canonical(api: str, raw: Any) -> tuple[LookupResult, Mapping[str, Any]]:
    """Whether 6sense knew it, and its answer under canonical names."""
    from app.sixsense import PRODUCTS

    product = PRODUCTS[api]
    data = product.canonical(raw)
    return product.outcome(200, data), data


def mapping_named(name: str) -> MappingFile:
    """A mapping by its file, or by its name in MAPPINGS_DIR; BadParameter else."""
    path = Path(name)
    if path.is_file():
        return next(m for report in load_reports([path]) for m in report.required())
    mappings = [m for report in load_reports([]) for m in report.required()]
    for mapping in mappings:
        if mapping.name == name:
            return mapping
    known = ", ".join(mapping.name for mapping in mappings)
    raise click.BadParameter(
        f"there is no file and no mapping '{name}'; there are: {known}",
        param_hint="MAPPING",
    )


def as_dict(finding: Finding) -> dict[str, Any]:
    """A finding for --json."""
    return {**asdict(finding), "is_warning": finding.is_warning}
