"""Logs: one form for all, and nothing in them that must not leave."""

import json
import logging
import subprocess
import sys
import time

import pytest
import structlog

from app import logs
from app.redaction import redact, redact_text


@pytest.fixture(autouse=True)
def restored_logging():
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Written:
    """What stderr got so far; capsys forgets what it has told."""

    def __init__(self, capsys):
        self._capsys, self._text = capsys, ""

    @property
    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def written(capsys):
    return Written(capsys)


def test_a_line_is_json_with_time_level_and_message_first(written):
    logs.configure("INFO", "json")
    structlog.get_logger("app.test").info("run settled", run_id=7, is_late=False)
    (line,) = written.lines
    assert list(line)[:4] == ["at", "level", "message", "logger"]
    assert line["message"] == "run settled"
    assert (line["run_id"], line["is_late"], line["level"]) == (7, False, "info")
    assert line["at"].endswith("Z")


def test_auto_is_json_where_there_is_no_terminal(written):
    logs.configure("INFO", "auto")
    structlog.get_logger().info("run settled")
    assert written.lines[0]["message"] == "run settled"


def test_auto_is_columns_on_a_terminal(written, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    logs.configure("INFO", "auto")
    structlog.get_logger().info("run settled", run_id=7)
    assert "run settled" in written.text
    assert not written.text.startswith("{")


def test_columns_are_redacted_too(written):
    logs.configure("INFO", "console")
    structlog.get_logger().info("asked", who="jane@corp.example")
    assert "jane" not in written.text


def test_the_level_holds_back_what_is_less_important(written):
    logs.configure("WARNING", "json")
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["message"] for line in written.lines] == ["loud"]


def test_configuring_twice_prints_once(written):
    logs.configure("INFO", "json")
    logs.configure("INFO", "json")
    structlog.get_logger().info("run settled")
    assert len(written.lines) == 1


def test_the_libraries_lines_come_in_the_same_form_and_redacted(written):
    gunicorn = logging.getLogger("gunicorn.error")
    gunicorn.addHandler(logging.StreamHandler())
    gunicorn.propagate = False
    logs.configure("INFO", "json")
    gunicorn.setLevel(logging.INFO)
    gunicorn.info("Listening for %s", "jane@corp.example")
    (line,) = written.lines
    assert line["message"] == "Listening for [e-mail]"
    assert line["logger"] == "gunicorn.error"


@pytest.mark.parametrize("name", ["procrastinate.worker", "werkzeug", "sqlalchemy.x"])
def test_talkative_libraries_are_heard_from_warning_on(written, name):
    logs.configure("DEBUG", "json")
    logging.getLogger(name).info("started")
    logging.getLogger(name).warning("odd")
    assert [line["message"] for line in written.lines] == ["odd"]


def test_a_traceback_is_redacted_and_shows_no_local_variables(written):
    logs.configure("INFO", "json")
    hidden = "local-" + "value"
    try:
        raise ValueError(f"no such person: {'jane'}@corp.example")
    except ValueError:
        structlog.get_logger().exception("broke", note=1)
    (line,) = written.lines
    assert "ValueError: no such person: [e-mail]" in line["exception"]
    assert hidden not in written.text


def test_a_line_that_cannot_be_printed_is_lost_quietly(written):
    class Unprintable:
        def __str__(self):
            raise RuntimeError("jane@corp.example")

    logs.configure("INFO", "json")
    structlog.get_logger().info("odd", thing=Unprintable())
    assert written.text == ""


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("mail from jane.doe+x@corp.example.com today", "jane"),
        ("GET /person?email=jane%40corp.example", "jane"),
        ("mail from müller@köln.example", "müller"),
        ("https://crm.example/leads?access_token=s3cret&x=1", "s3cret"),
        ("https://crm.example/token?client_id=a&client_secret=s3cret", "s3cret"),
        ("POST /webhooks/crm-eu/k/s3cret/form-fills", "s3cret"),
        ("postgresql://me:s3cret@db.example:5432/x", "s3cret"),
        ("Authorization: Bearer s3cret.s3cret", "s3cret"),
        ("Authorization: Token s3cret", "s3cret"),
        ("{'Authorization': 'Token s3cret'}", "s3cret"),
        ('{"access_token": "s3cret", "expires_in": 1}', "s3cret"),
        ("bearer eyJhbGciOi5s3cret", "s3cret"),
        ("X-Leadbridge-Secret: s3cret", "s3cret"),
        ("[SQL: insert]\n[parameters: {'x': 's3cret'}]", "s3cret"),
        ("duplicate key\nDETAIL:  Key (email)=(s3cret) exists.", "s3cret"),
    ],
)
def test_no_text_keeps_a_person_or_a_secret(text, gone):
    assert gone not in redact_text(text)
    assert redact_text(text) != text


@pytest.mark.parametrize(
    "text",
    [
        "run settled",
        "asked https://api.example.com/v2/enrichment?page=2 in 412 ms",
        "token refreshed",
        "mappings/lead.yaml:8:9: error M201: sixsense.company.indutry is not there",
        "POST /webhooks/crm/form-fills",
        "RateLimited 606",
        "2026-03-01T12:00:00Z",
    ],
)
def test_what_is_harmless_stays_readable(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key",
    ["Authorization", "token", "access_token", "CLIENT_SECRET", "cookie", "password",
     "api_key", "X-API-Key", "private_key", "body", "payload", "email"],
)  # fmt: skip
def test_a_key_that_is_called_like_a_secret_loses_its_value(key):
    assert redact({key: "plain"}) == {key: "[redacted]"}
    assert redact({"in": [{key: {"deep": "plain"}}]}) == {"in": [{key: "[redacted]"}]}


def test_counts_and_flags_stay_whatever_their_key():
    assert redact({"tokens": 3, "is_secret": True}) == {"tokens": 3, "is_secret": True}


def test_bytes_are_counted_and_objects_are_written_out():
    assert redact(b"jane@corp.example") == "<17 bytes>"
    assert redact(ValueError("for jane@corp.example")) == "for [e-mail]"


def test_a_value_within_itself_ends():
    loop: list = []
    loop.append(loop)
    assert "…" in str(redact(loop))


@pytest.mark.parametrize(
    "filler", ["a", "a=", "@", "x@y", "token:", "/webhooks/", "%40"]
)
def test_a_long_text_costs_little(filler):
    text = filler * (200_000 // len(filler))
    began = time.perf_counter()
    redact_text(text)
    assert time.perf_counter() - began < 5


def test_a_thread_that_dies_says_so_in_the_same_form():
    program = (
        "import threading\n"
        "from app import logs\n"
        "logs.configure('INFO', 'json')\n"
        "def die(): raise ValueError('jane@corp.example')\n"
        "thread = threading.Thread(target=die)\n"
        "thread.start()\n"
        "thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    (line,) = [json.loads(text) for text in done.stderr.splitlines()]
    assert line["message"] == "thread died"
    assert "jane" not in done.stderr
