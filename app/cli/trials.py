"""`leadbridge test`: the tests inside mapping files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from app.cli.mapping import AS_JSON, PATHS, as_dict, canonical, load_reports
from app.domain import Finding


@click.command()
@PATHS
@click.option("--name", help="Only tests with this text in their name.")
@AS_JSON
def test(paths: tuple[Path, ...], name: str | None, as_json: bool) -> int:
    """Run the tests inside mapping files.

    PATHS are mapping files or folders of them; without any, those of MAPPINGS_DIR.
    """
    from app.mapping.findings import closing_line
    from app.mapping.trial_run import run_trial

    reports = load_reports(paths)
    errors = [finding for report in reports for finding in report.errors]
    failures: list[Finding] = []
    count = 0
    for mapping in (m for report in reports for m in report.mappings):
        for trial in mapping.trials:
            if name is None or name.casefold() in trial.name.casefold():
                count += 1
                failures += run_trial(mapping, trial, canonical)
    findings = [*errors, *failures]
    if as_json:
        result = {"tests": count, "findings": [as_dict(one) for one in findings]}
        click.echo(json.dumps(result, indent=2))
        return int(bool(findings))
    for finding in findings:
        click.echo(str(finding))
    if errors:
        click.echo(closing_line(errors))
    else:
        failed = len({(finding.file, finding.message) for finding in failures})
        told = f"{failed} failed" if failed else "all passed"
        click.echo(
            f"{count} test{'s' * (count != 1)}, {told}." if count else "No tests."
        )
    return int(bool(findings))
