"""Sentry: what leaves in a report, looked at in the envelope itself."""

import logging
import subprocess
import sys

import pytest
import sentry_sdk
import structlog
from sentry_sdk.transport import Transport

from app import logs, sentry

EMAIL, TOKEN, BODY = "jane.doe@corp.example", "tok3n-abcdef-123456", "Jane, 41, Leipzig"


class Outbox(Transport):
    """Keeps the envelopes that would have been sent."""

    sent: list[str]

    def __init__(self, options=None):
        super().__init__(options)
        Outbox.sent = []

    def capture_envelope(self, envelope):
        Outbox.sent.append(envelope.serialize().decode())


@pytest.fixture
def outbox():
    root = logging.getLogger()
    level, handlers, hook = root.level, list(root.handlers), sys.excepthook
    logs.configure("INFO", "json")
    assert sentry.init("https://key@sentry.invalid/1", "0.0.1", Outbox)
    yield Outbox
    sentry_sdk.get_client().close(timeout=0)
    sentry_sdk.get_global_scope().set_client(None)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    structlog.reset_defaults()


def accept(body: str, token: str) -> None:
    """A function with the body and the token among its local variables."""
    headers = {"Authorization": f"Token {token}"}
    raise ValueError(f"{EMAIL} was refused with {headers}")


def the_report(outbox) -> str:
    (report,) = outbox.sent
    return report


def assert_nothing_got_out(report: str) -> None:
    for secret in (EMAIL, "jane.doe", TOKEN, BODY):
        assert secret not in report


def test_a_caught_error_gets_out_without_person_token_and_body(outbox):
    try:
        accept(BODY, TOKEN)
    except ValueError as error:
        sentry.report(error)
    report = the_report(outbox)
    assert_nothing_got_out(report)
    assert "ValueError" in report
    assert "[e-mail] was refused" in report
    assert '"vars"' not in report


def test_an_error_line_with_its_error_becomes_one_report(outbox):
    try:
        accept(BODY, TOKEN)
    except ValueError:
        structlog.get_logger("app.web").exception(
            "webhook failed", source="crm", body=BODY, token=TOKEN, who=EMAIL
        )
    report = the_report(outbox)
    assert_nothing_got_out(report)
    assert "webhook failed" in report
    assert '"source":"crm"' in report


def test_an_error_line_without_an_error_becomes_a_message(outbox):
    structlog.get_logger().error("token refused", source="crm", authorization=TOKEN)
    report = the_report(outbox)
    assert_nothing_got_out(report)
    assert '"message":"token refused"' in report


def test_a_library_s_error_line_is_reported_too(outbox):
    logging.getLogger("gunicorn.error").error("Worker failed for %s", EMAIL)
    report = the_report(outbox)
    assert_nothing_got_out(report)
    assert "Worker failed" in report


def test_what_is_no_error_is_not_reported(outbox):
    structlog.get_logger().warning("odd")
    assert outbox.sent == []


def test_an_error_that_nobody_catches_is_reported():
    program = (
        "from sentry_sdk.transport import Transport\n"
        "from app import sentry\n"
        "class Out(Transport):\n"
        "    def capture_envelope(self, envelope):\n"
        "        print(envelope.serialize().decode())\n"
        "sentry.init('https://key@sentry.invalid/1', transport=Out)\n"
        f"raise ValueError('for {EMAIL} with Bearer {TOKEN}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert "ValueError" in done.stdout
    assert_nothing_got_out(done.stdout)


def test_the_error_of_a_request_leaves_without_the_request(outbox):
    import flask

    app = flask.Flask(__name__)

    @app.post("/webhooks/<source>")
    def receive(source):
        try:
            accept(flask.request.get_data(as_text=True), TOKEN)
        except ValueError as error:
            sentry.report(error)
        return "", 500

    app.test_client().post(
        f"/webhooks/crm?email={EMAIL}",
        data=BODY,
        headers={"Authorization": TOKEN, "Cookie": TOKEN},
    )
    report = the_report(outbox)
    assert_nothing_got_out(report)
    assert '"request"' not in report


def test_scrub_drops_what_another_integration_would_add():
    event = {
        "request": {"data": BODY, "headers": {"Cookie": TOKEN}},
        "user": {"email": EMAIL},
        "breadcrumbs": {"values": [{"message": EMAIL}]},
        "extra": {"note": f"see {EMAIL}", "body": BODY},
        "exception": {
            "values": [{"stacktrace": {"frames": [{"vars": {"body": BODY}}]}}]
        },
    }
    assert_nothing_got_out(str(sentry.scrub(event, {})))


def test_without_a_dsn_nothing_is_imported_and_nothing_reported():
    program = (
        "import sys\n"
        "from app import sentry\n"
        "assert sentry.init(None) is False\n"
        "sentry.report(ValueError('x'))\n"
        "sys.exit('sentry_sdk' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
