"""What can be looked at in a Marketo account without changing anybody in it."""

from __future__ import annotations

from typing import Final

from app.connectors.base import Examination, Examined
from app.connectors.marketo.records import result_of, send_leads
from app.connectors.marketo.rest import Rest
from app.domain import Update
from app.errors import AnswerUnexpected, RecordMissing

WRITING: Final = "Read-Write Person (older accounts: Read-Write Lead)"
ACTIVITY: Final = "Read-Only Activity"
#: Marketo counts up from 1, and no account has two thousand million people.
NOBODY: Final = "2147483647"
#: Of everybody's calls, from where on it gets close.
_MUCH: Final = 0.8


def examinations(rest: Rest, usual_calls: int, timeout_s: float) -> list[Examination]:
    """May people be written, and how many calls have all integrations made today."""
    return [
        Examination("writing", lambda: _writing(rest, timeout_s), WRITING),
        Examination(
            "everybody's calls",
            lambda: _calls(rest, usual_calls, timeout_s),
            is_needed=False,
        ),
    ]


def _writing(rest: Rest, timeout_s: float) -> Examined:
    """An update of somebody who is not there: refused for that, or for the role."""
    update = Update("lead", "id", NOBODY, {})
    (result,) = send_leads(rest, [update], timeout_s)
    if isinstance(result.error, RecordMissing):
        return Examined("people may be written")
    said = f"an update of nobody was answered oddly: {result.error or 'taken'}"
    return Examined(said, "See whether leads are written: leadbridge runs")


def _calls(rest: Rest, usual: int, timeout_s: float) -> Examined:
    operation = "stats.usage"
    envelope = rest.call(
        "GET",
        "/rest/v1/stats/usage.json",
        operation=operation,
        read_timeout_s=timeout_s,
    )
    rows = result_of(envelope, operation)
    total = rows[0].get("total", 0) if rows else 0
    if not isinstance(total, int):
        raise AnswerUnexpected(
            "marketo answered with a total that is no number",
            system="marketo",
            operation=operation,
        )
    said = f"{total:,} of the account today; most accounts have {usual:,} a day"
    if total < _MUCH * usual:
        return Examined(said)
    return Examined(
        said, "See Admin > Integration > Web Services for the limit and who calls."
    )
