"""Starting with something wrong: everything is said at once, and nothing is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa
import structlog

from app import runtime as runtimes
from app.ledger.database import Database, upgrade
from app.settings import Settings
from app.wsgi import create
from tests.stack import ROOT, TOKEN

FINE = {
    "SIXSENSE_TOKEN": TOKEN,
    "MARKETO_URL": "https://marketo.invalid",
    "MARKETO_CLIENT_ID": "a-client",
    "MARKETO_CLIENT_SECRET": "a-client-secret",
    "MARKETO_WEBHOOK_SECRET": "a-webhook-secret",
    "DATABASE_URL": "postgresql://user:a-password@127.0.0.1:1/none",
    "PORT": "0",
}


def run(
    *arguments: str, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """A command in this environment alone."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refused(*arguments: str, environ: Mapping[str, str]) -> str:
    """What a command says that refuses to start."""
    done = run(*arguments, environ=environ)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    for secret in (TOKEN, "a-client-secret", "a-webhook-secret", "a-password"):
        assert secret not in said
    return said


@pytest.fixture(scope="module")
def two_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mapping files of two sources, one of them with three mistakes."""
    folder = tmp_path_factory.mktemp("mappings")
    head = "mapping: 1\nobject: lead\nmatch: {by: id, from: lead.id}\n"
    (folder / "good.yaml").write_text(
        f"{head}source: marketo\n"
        "lookups: {a: {api: lead-scoring, send: {email: lead.email}}}\n"
        "fields: {x: {from: a.result}}\n"
    )
    (folder / "bad.yaml").write_text(
        f"{head}source: marketo-eu\n"
        "lookups: {a: {api: lead-skoring, send: {email: lead.email}}}\n"
        "fields: {x: {form: a.result}, y: {value: 1, write: keepfresh}}\n"
    )
    return folder


@pytest.mark.parametrize("command", ["worker", "up"])
def test_settings_that_are_missing_or_wrong_are_named_all_at_once(command: str) -> None:
    said = refused(command, environ={"MARKETO_URL": "http://marketo.invalid"})
    for line in (
        "SIXSENSE_TOKEN is not set",
        "MARKETO_URL: It must begin with https://",
        "MARKETO_CLIENT_ID is not set",
        "MARKETO_CLIENT_SECRET is not set",
        "MARKETO_WEBHOOK_SECRET is not set",
    ):
        assert line in said, line


def test_the_release_step_names_what_web_and_worker_would_miss(two_files: Path) -> None:
    said = refused("check", "--settings", environ={"MARKETO_URL": "http://m.invalid"})
    for line in (
        "mapping files, no errors",
        "SIXSENSE_TOKEN is not set",
        "MARKETO_URL: It must begin with https://",
        "MARKETO_CLIENT_ID is not set",
        "MARKETO_WEBHOOK_SECRET is not set",
    ):
        assert line in said, line
    # Mistakes in mapping files do not hide those of settings.
    environ = {"MAPPINGS_DIR": str(two_files)}
    said = refused("check", "--settings", "--json", environ=environ)
    found = json.loads(said)
    assert "SIXSENSE_TOKEN" in str([f for f in found if f["code"] == "settings"])
    assert "lead-skoring" in str(found)
    assert "PORT must be" in refused("check", "--settings", environ={"PORT": "x"})


def test_the_release_step_takes_what_is_complete_without_a_database() -> None:
    done = run("check", "--settings", environ=FINE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Settings are complete." in done.stdout


@pytest.fixture(scope="module")
def two_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mapping files of two sources; nothing is set for `marketo-eu` in FINE."""
    folder = tmp_path_factory.mktemp("sources")
    head = "mapping: 1\nobject: lead\nmatch: {by: id, from: lead.id}\n"
    for name in ("marketo", "marketo-eu"):
        (folder / f"{name}.yaml").write_text(
            f"{head}source: {name}\n"
            "lookups: {a: {api: lead-scoring, send: {email: lead.email}}}\n"
            "fields: {x: {from: a.result}}\n"
        )
    return folder


def test_a_source_that_nothing_is_set_for_is_off(
    two_sources: Path, database_url: str
) -> None:
    upgrade(database_url)
    environ = {
        **FINE, "MAPPINGS_DIR": str(two_sources), "DATABASE_URL": database_url,
    }  # fmt: skip
    with structlog.testing.capture_logs() as told:
        runtime = runtimes.build(Settings.load(environ), role="web")
    try:
        (warning,) = [one for one in told if one["log_level"] == "warning"]
        assert warning["source"] == "marketo-eu"
        assert warning["why"] == (
            "none of MARKETO_EU_URL, MARKETO_EU_CLIENT_ID, MARKETO_EU_CLIENT_SECRET, "
            "MARKETO_EU_WEBHOOK_SECRET is set; set them, or delete "
            f"{two_sources}/marketo-eu.yaml"
        )
        client = create(runtime).test_client()
        answers = {
            name: client.post(
                f"/webhooks/{name}",
                json={"id": "1", "event": "updated"},
                headers={"X-Leadbridge-Secret": FINE["MARKETO_WEBHOOK_SECRET"]},
            )
            for name in ("marketo", "marketo-eu", "unheard-of")
        }
        assert answers["marketo"].status_code == 200
        # As if there were no such source.
        assert answers["marketo-eu"].status_code == 401
        assert answers["marketo-eu"].data == answers["unheard-of"].data
    finally:
        runtime.close()


def test_the_release_step_notes_what_is_off(two_sources: Path) -> None:
    environ = {**FINE, "MAPPINGS_DIR": str(two_sources)}
    done = run("check", "--settings", environ=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Note: source marketo-eu is off: none of MARKETO_EU_URL, " in done.stdout
    assert "Settings are complete." in done.stdout
    found = json.loads(run("check", "--settings", "--json", environ=environ).stdout)
    assert [one["is_warning"] for one in found] == [True]


def test_half_a_source_and_no_source_at_all_stop_the_start(two_sources: Path) -> None:
    half = {"MARKETO_EU_CLIENT_ID": "half", "MAPPINGS_DIR": str(two_sources)}
    said = refused("worker", environ={**FINE, **half})
    assert "MARKETO_EU_URL is not set" in said
    assert "MARKETO_EU_WEBHOOK_SECRET is not set" in said
    said = refused("worker", environ={"MAPPINGS_DIR": str(two_sources)})
    for name in ("SIXSENSE_TOKEN", "MARKETO_URL", "MARKETO_EU_URL"):
        assert f"{name} is not set" in said, name


@pytest.mark.parametrize("command", ["web", "up"])
def test_mistakes_in_mapping_files_are_told_with_their_places(
    command: str, two_files: Path
) -> None:
    said = refused(command, environ={**FINE, "MAPPINGS_DIR": str(two_files)})
    for place in ("bad.yaml:5:", "bad.yaml:6:", "lead-skoring", "form", "keepfresh"):
        assert place in said, place
    assert "Did you mean lead-scoring?" in said
    assert "good.yaml" not in said


def test_a_folder_without_mapping_files_is_told(tmp_path: Path) -> None:
    said = refused("web", environ={**FINE, "MAPPINGS_DIR": str(tmp_path)})
    assert str(tmp_path) in said
    said = refused("web", environ={**FINE, "MAPPINGS_DIR": str(tmp_path / "none")})
    assert str(tmp_path / "none") in said


@pytest.fixture
def old_schema(database_url: str) -> Iterator[str]:
    upgrade(database_url)
    database = Database(database_url, connections=1)
    database.rows(sa.text("update alembic_version set version_num = '9999'"))
    yield database_url
    database.close()


def test_a_schema_of_another_version_is_told_with_the_fix(old_schema: str) -> None:
    said = refused("worker", environ={**FINE, "DATABASE_URL": old_schema})
    assert "9999" in said
    assert "newer" in said


def test_an_empty_database_is_told_with_the_fix(database_url: str) -> None:
    said = refused("web", environ={**FINE, "DATABASE_URL": database_url})
    assert "leadbridge db upgrade" in said


def test_another_person_key_is_refused(database_url: str) -> None:
    upgrade(database_url)
    database = Database(database_url, connections=1)
    database.rows(
        sa.text("insert into installation values ('person_key', 'made-at-first-start')")
    )
    database.close()
    environ = {
        **FINE,
        "DATABASE_URL": database_url,
        "PERSON_KEY": "another-key-than-it",
    }
    said = refused("worker", environ=environ)
    assert "PERSON_KEY" in said
    assert "another-key-than-it" not in said
    assert "made-at-first-start" not in said


def test_a_dyno_without_a_database_of_its_own_does_not_start(tmp_path: Path) -> None:
    environ = {**FINE, "DATABASE_URL": "", "DYNO": "web.1", "DATA_DIR": str(tmp_path)}
    assert "DATABASE_URL" in refused("up", environ=environ)
    assert list(tmp_path.iterdir()) == []
