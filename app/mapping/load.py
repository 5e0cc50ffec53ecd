"""Loading mapping files: all of them or none, and every problem at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.domain import Finding, ProductInfo
from app.errors import ConfigurationError
from app.mapping.check import check_owners
from app.mapping.comparisons import FileMissing
from app.mapping.compiler import Compiler, Schemas
from app.mapping.files import Files
from app.mapping.findings import Findings, closing_line
from app.mapping.model import MappingFile
from app.mapping.nodes import Table
from app.mapping.offers import Offer
from app.mapping.snapshots import read_snapshots, schemas_of


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What came of loading: the mappings, unless there are errors."""

    mappings: tuple[MappingFile, ...]
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    def required(self) -> tuple[MappingFile, ...]:
        """The mappings; raises ConfigurationError with every error."""
        if self.errors:
            raise ConfigurationError(closing_line(self.errors), self.errors)
        return self.mappings


def load_mappings(
    folder: Path,
    products: Mapping[str, ProductInfo],
    schemas: Schemas | None = None,
    sources: Mapping[str, Offer] | None = None,
) -> tuple[MappingFile, ...]:
    """All routes of a folder.

    `schemas`: source → object → field; None: the snapshots beside the files, as far
    as they were pulled. `sources`: the connectors there are; None does not check.

    Raises:
        ConfigurationError: `problems` are the findings of all files, by place.
    """
    return check_folder(folder, products, schemas, sources).required()


def check_folder(
    folder: Path,
    products: Mapping[str, ProductInfo],
    schemas: Schemas | None = None,
    sources: Mapping[str, Offer] | None = None,
    only: Collection[str] | None = None,
) -> LoadReport:
    """All routes of a folder, or those named `only`, with warnings; never raises."""
    shown = folder.as_posix()
    if not folder.is_dir():
        message = "this folder of mapping files does not exist"
        fix = "Create it, or name the right one in MAPPINGS_DIR."
        return LoadReport((), (Finding("M500", message, shown, fix=fix),))
    files = Files(folder)
    names = [name for name in files.routes() if only is None or name in only]
    if not names:
        message = "there is no mapping file in this folder"
        fix = "Put one there, named like marketing.yaml; folders hold fragments only."
        return LoadReport((), (Finding("M500", message, shown, fix=fix),))
    problems: tuple[Finding, ...] = ()
    if schemas is None:
        snapshots, problems = read_snapshots(folder)
        schemas = schemas_of(snapshots)
    return _compile(names, files, Compiler(products, schemas, sources), problems)


def load_text(
    text: str,
    name: str,
    products: Mapping[str, ProductInfo],
    schemas: Schemas | None = None,
    sources: Mapping[str, Offer] | None = None,
    files: Mapping[str, str] | None = None,
) -> MappingFile:
    """One mapping in memory; `files` are its fragments, lists and tables.

    Raises:
        ConfigurationError: as load_mappings.
    """
    report = check_text(text, name, products, schemas, sources, files)
    return report.required()[0]


def check_text(
    text: str,
    name: str,
    products: Mapping[str, ProductInfo],
    schemas: Schemas | None = None,
    sources: Mapping[str, Offer] | None = None,
    files: Mapping[str, str] | None = None,
) -> LoadReport:
    """One mapping in memory, with warnings; never raises."""
    known = Files(texts={**(files or {}), name: text})
    return _compile([name], known, Compiler(products, schemas, sources))


def _compile(
    names: Iterable[str],
    files: Files,
    compiler: Compiler,
    problems: Iterable[Finding] = (),
) -> LoadReport:
    findings = Findings()
    findings.add(problems)
    made: list[tuple[MappingFile, Table]] = []
    for name in names:
        try:
            compiled = compiler.compile(name, files, findings)
        except FileMissing as error:
            findings.add([Finding("M101", str(error), files.called(name))])
            continue
        if compiled is not None:
            made.append(compiled)
    _check_names(made, findings)
    check_owners(made, findings)
    mappings = tuple(mapping for mapping, _ in made)
    is_good = not findings.errors
    return LoadReport(mappings if is_good else (), findings.errors, findings.warnings)


def _check_names(made: Iterable[tuple[MappingFile, Table]], findings: Findings) -> None:
    seen: dict[tuple[str, str], MappingFile] = {}
    for mapping, tree in made:
        key = (mapping.source, mapping.name)
        if key in seen:
            place = tree.get("name") or tree
            message = f"{mapping.source} has two mappings named {mapping.name}"
            findings.say("M502", message, place, "Give one of them another `name`.")
        seen[key] = mapping
