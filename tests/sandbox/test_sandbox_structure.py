"""The sandbox is a world of its own: no shared code, nothing undocumented."""

from __future__ import annotations

import ast
from dataclasses import fields
from pathlib import Path

import pytest

import sandbox
from sandbox.control import ENDPOINTS
from sandbox.fault_kinds import KINDS
from sandbox.hubspot.options import HubSpotOptions
from sandbox.hubspot.routes import OPERATIONS as HUBSPOT_OPERATIONS
from sandbox.marketo import operations as marketo_operations
from sandbox.marketo.state import MarketoOptions
from sandbox.sixsense.operations import OPERATIONS
from sandbox.sixsense.state import SixsenseOptions

FOLDER = Path(sandbox.__file__).parent
DOCS = (FOLDER.parent / "docs" / "sandbox.md").read_text(encoding="utf-8")


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda p: p.stem)
def test_no_module_imports_the_service(path: Path) -> None:
    assert "app" not in _imports(path)


@pytest.mark.parametrize("name", [f.name for f in fields(SixsenseOptions)])
def test_every_sixsense_option_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", [f.name for f in fields(MarketoOptions)])
def test_every_marketo_option_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", [f.name for f in fields(HubSpotOptions)])
def test_every_hubspot_option_is_documented(name: str) -> None:
    part = DOCS.partition("\n## HubSpot\n")[2].partition("\n## ")[0]
    assert f"`{name}`" in part


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_is_documented_with_its_keys(kind: str) -> None:
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{kind}`"))
    for key in [*KINDS[kind].needs, *KINDS[kind].may]:
        assert f"`{key}`" in row


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_every_control_endpoint_is_documented(endpoint: str) -> None:
    assert endpoint in DOCS


@pytest.mark.parametrize(
    "name",
    [
        *marketo_operations.names(),
        *(item.name for item in OPERATIONS),
        *HUBSPOT_OPERATIONS,
    ],
)
def test_every_operation_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS
