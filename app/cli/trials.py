"""`leadbridge test`: the tests inside mapping files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from app.cli.mapping import (
    AS_JSON,
    PATHS,
    TrialRun,
    as_dict,
    load_reports,
    mappings_folder,
    print_tests,
    run_tests,
)
from app.domain import Finding


@click.command()
@PATHS
@click.option("--name", help="Only tests with this text in their name.")
@click.option(
    "--watch", "is_watching", is_flag=True, help="Run again when a file changes."
)
@AS_JSON
def test(
    paths: tuple[Path, ...], name: str | None, is_watching: bool, as_json: bool
) -> int:
    """Run the tests inside mapping files.

    PATHS are mapping files or folders of them; without any, those of MAPPINGS_DIR.
    """
    if not is_watching:
        return _run(paths, name, as_json=as_json)
    if as_json:
        raise click.UsageError("--watch is for people, and --json is not: take one.")
    from app.cli.watch import watch

    given = paths or (mappings_folder(),)
    # Fragments, lists and tables of a file lie in its folder.
    folders = [path.parent if path.is_file() else path for path in given]
    watch(folders, lambda: _run(paths, name, as_json=False))
    return 0


def _run(paths: Sequence[Path], name: str | None, *, as_json: bool) -> int:
    """Run the tests once and tell what came of them; the exit code."""
    reports = load_reports(paths)
    errors = [finding for report in reports for finding in report.errors]
    run = run_tests(reports, name)
    if as_json:
        found = [as_dict(one) for one in (*errors, *run.failures)]
        click.echo(json.dumps({"tests": run.count, "findings": found}, indent=2))
    else:
        _print(errors, run)
    return int(bool(errors or run.failures))


def _print(errors: Sequence[Finding], run: TrialRun) -> None:
    from app.mapping.findings import closing_line

    for finding in errors:
        click.echo(str(finding))
    if errors:
        click.echo(closing_line(errors))
    elif not run.count:
        click.echo("No tests.")
    print_tests(run)
