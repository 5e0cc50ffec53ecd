"""Error reports to Sentry, if SENTRY_DSN is set: where it broke, never with what.

No local variables, no requests, no breadcrumbs; every text goes through the same
redaction as the logs. sentry_sdk is imported only if there is somewhere to report.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

from app.redaction import redact

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport
    from sentry_sdk.types import Event, Hint

#: Parts of a report that carry data of people or of the machine's environment.
_NEVER = ("request", "user", "breadcrumbs", "server_name")


def init(
    dsn: str | None, release: str = "", transport: type[Transport] | None = None
) -> bool:
    """Report uncaught errors and log lines of level ERROR; False: nowhere to."""
    if not dsn:
        return False
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.threading import ThreadingIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=release or None,
        transport=transport,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        auto_session_tracking=False,
        send_client_reports=False,
        before_send=scrub,
        # The others record requests, SQL, command lines and addresses.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            ThreadingIntegration(),
        ],
    )
    root = logging.getLogger()
    if not any(isinstance(one, ReportHandler) for one in root.handlers):
        root.addHandler(ReportHandler(level=logging.ERROR))
    return True


def report(error: BaseException) -> None:
    """Report an error that was caught, if reports are on in this process."""
    if "sentry_sdk" in sys.modules:
        import sentry_sdk

        sentry_sdk.capture_exception(error)


class ReportHandler(logging.Handler):
    """Turns an ERROR line into a report: its message groups, its facts are extra."""

    def emit(self, record: logging.LogRecord) -> None:
        """structlog's lines come as a dict in `msg`, the libraries' as text."""
        import sentry_sdk

        line = dict(record.msg) if isinstance(record.msg, dict) else {}
        message = str(line.pop("event", "") or record.msg)
        error = _error_of(line.pop("exc_info", None) or record.exc_info)
        with sentry_sdk.new_scope() as scope:
            scope.fingerprint = [message, type(error).__name__]
            scope.set_context("line", {"logger": record.name, **line})
            if error is not None:
                scope.set_context("message", {"message": message})
                scope.capture_exception(error)
            else:
                scope.capture_message(message, level="error")


def _error_of(exc_info: Any) -> BaseException | None:
    """logging allows True, an exception or a triple."""
    if exc_info is True:
        exc_info = sys.exc_info()
    if isinstance(exc_info, tuple):
        exc_info = exc_info[1]
    return exc_info if isinstance(exc_info, BaseException) else None


def scrub(event: Event, hint: Hint) -> Event | None:
    """Sentry's last question before a report leaves."""
    kept: dict[str, Any] = {
        name: part for name, part in event.items() if name not in _NEVER
    }
    for error in kept.get("exception", {}).get("values", ()):
        for frame in (error.get("stacktrace") or {}).get("frames", ()):
            frame.pop("vars", None)
    clean: Any = redact(kept)
    return clean  # type: ignore[no-any-return]
