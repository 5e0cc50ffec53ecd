"""`leadbridge check --live`: the mapping files against what there is now.

The CRMs' fields, and what the last events brought.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import click

from app.cli.sources import connector_of, kind_named, live_fields
from app.connectors import CONNECTORS
from app.domain import CrmField, Finding
from app.environment import is_unset
from app.errors import ConfigurationError
from app.mapping.changes import drift
from app.mapping.events import unsent
from app.mapping.findings import did_you_mean
from app.mapping.load import LoadReport, check_folder
from app.mapping.model import MappingFile
from app.mapping.snapshots import Snapshot, read_snapshots, schemas_of
from app.settings import Settings
from app.sixsense import PRODUCTS

#: So many of the last events are looked at.
EVENTS = 20
Live = dict[tuple[str, str], dict[str, CrmField]]


def check_live(folder: Path, sources: Sequence[str]) -> LoadReport:
    """The folder's findings, with those against the schema as it is now.

    Without errors against the snapshots only: files that do not load touch nothing.

    Raises:
        BadParameter: no mapping file names this source.
        ConfigurationError: settings are missing, or a CRM could not be asked.
    """
    report = _check(folder, None)
    if report.errors:
        return report
    chosen = _chosen(sources, report.mappings)
    users = [each for each in report.mappings if each.source in chosen]
    # Settings first, of all of them: nobody is asked before they are complete.
    connectors = {name: connector_of(name, os.environ) for name in chosen}
    asked = dict.fromkeys((each.source, each.object) for each in users)
    live: Live = {key: live_fields(connectors[key[0]], key[1]) for key in asked}
    errors = against(folder, users, live)
    found = [one for one in errors if not one.is_warning]
    warnings = [one for one in errors if one.is_warning]
    warnings += _unsent(users)
    return LoadReport(report.mappings, tuple(found), (*report.warnings, *warnings))


def against(folder: Path, users: Sequence[MappingFile], live: Live) -> list[Finding]:
    """Findings of the folder's files against these fields, and of their snapshots.

    `users` are the files that write one of these objects.
    """
    snapshots, _ = read_snapshots(folder)
    made = [*snapshots, *(Snapshot(*key, fields) for key, fields in live.items())]
    errors = list(_check(folder, schemas_of(made)).errors)
    for snapshot in snapshots:
        for key, fields in live.items():
            if _is_of(snapshot, key):
                own = [each for each in users if _is_of(snapshot, _object(each))]
                errors = drift(snapshot, fields, own, errors, folder.as_posix())
    return errors


def _unsent(mappings: Sequence[MappingFile]) -> list[Finding]:
    """What the last events lack, if there is a database that runs already."""
    from app.ledger import embedded, reports
    from app.ledger.database import Database, DatabaseAway, schema_state

    try:
        settings = Settings.load(os.environ)
    except ConfigurationError as error:
        return _not_looked_at(str(error))
    url = settings.database_url or embedded.address_of_running(settings.data_dir)
    if url is None:
        return []
    database = Database(url, connections=1, name="leadbridge cli")
    try:
        problem = schema_state(database)
        if problem is not None:
            return _not_looked_at(problem)
        found: list[Finding] = []
        for each in mappings:
            leads = reports.last_leads(
                database, each.source, each.name, each.version, count=EVENTS
            )
            found += unsent(each, leads)
        return found
    except DatabaseAway as error:
        return _not_looked_at(str(error)) if settings.database_url else []
    finally:
        database.close()


def _not_looked_at(why: str) -> list[Finding]:
    click.echo(f"The last events were not looked at: {why}", err=True)
    return []


def _check(
    folder: Path, schemas: Mapping[str, Mapping[str, Mapping[str, CrmField]]] | None
) -> LoadReport:
    products = {name: product.info for name, product in PRODUCTS.items()}
    return check_folder(folder, products, schemas, CONNECTORS)


def _chosen(sources: Sequence[str], mappings: Collection[MappingFile]) -> list[str]:
    known = list(dict.fromkeys(each.source for each in mappings))
    for name in sources:
        if name not in known:
            fix = did_you_mean(name, known)
            message = f"no mapping file names the source '{name}'. {fix}".rstrip()
            raise click.BadParameter(message, param_hint="SOURCE")
    if sources:
        return list(dict.fromkeys(sources))
    # A source that nothing is set for is off; unless it is so of all of them.
    kinds = {name: kind_named(name).settings for name in known}
    on = [name for name in known if not is_unset(name, kinds[name], os.environ)]
    return on or known


def _object(mapping: MappingFile) -> tuple[str, str]:
    return mapping.source, mapping.object


def _is_of(snapshot: Snapshot, key: tuple[str, str]) -> bool:
    source, object_name = key
    is_object = snapshot.object.casefold() == object_name.casefold()
    return snapshot.source == source and is_object


def drifted(findings: Sequence[Finding]) -> bool:
    """Whether any of these says that a CRM has left its snapshot."""
    return any(finding.code in ("M308", "W230") for finding in findings)
