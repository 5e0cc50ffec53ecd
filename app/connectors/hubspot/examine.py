"""What can be looked at in a HubSpot account without changing any record."""

from __future__ import annotations

from typing import Final

from app.connectors.base import Examination, Examined
from app.connectors.hubspot.records import send_records
from app.connectors.hubspot.rest import PLURALS, Rest, body_of
from app.domain import Update
from app.errors import RecordMissing
from app.remote import Answer

#: Ids have twelve digits nowadays.
NOBODY: Final = "999999999999999"
#: Of everybody's calls, from where on it gets close.
_MUCH: Final = 0.8


def examinations(
    rest: Rest, object: str, portal_id: str, zone: str, timeout_s: float
) -> list[Examination]:
    """May records be written; which account it is, and everybody's calls there.

    `portal_id` and `zone` are settings, to be compared with the account's own.
    """
    scope = f"crm.objects.{PLURALS.get(object.casefold(), object)}.write"
    return [
        Examination("writing", lambda: _writing(rest, object, timeout_s), scope),
        Examination(
            "account",
            lambda: _account(rest, portal_id, zone, timeout_s),
            is_needed=False,
        ),
    ]


def _writing(rest: Rest, object: str, timeout_s: float) -> Examined:
    """An update of nobody: refused for that, or for the scope."""
    (result,) = send_records(rest, [Update(object, "id", NOBODY, {})], timeout_s)
    if isinstance(result.error, RecordMissing):
        return Examined(f"{PLURALS[object.casefold()]} may be written")
    said = f"an update of nobody was answered oddly: {result.error or 'taken'}"
    return Examined(said, "See whether records are written: leadbridge runs")


def _account(rest: Rest, portal_id: str, zone: str, timeout_s: float) -> Examined:
    """Calls by the headers that every answer has; those of OAuth have no day."""
    answer = rest.ask(
        "GET", "/account-info/v3/details", operation="account", read_timeout_s=timeout_s
    )
    told = body_of(answer)
    account, its_zone = told.get("portalId"), str(told.get("timeZone") or "")
    if portal_id and str(account or portal_id) != portal_id:
        return Examined(
            f"the access token is of account {account}, and PORTAL_ID is {portal_id}",
            "All webhooks are left as another account's: correct one of the two.",
        )
    daily = _header(answer, "X-HubSpot-RateLimit-Daily")
    left = _header(answer, "X-HubSpot-RateLimit-Daily-Remaining")
    if daily is None or left is None:
        return Examined(f"account {account}; it tells no limit of calls a day")
    used = max(0, daily - left)
    said = f"{used:,} of {daily:,} a day used in account {account}"
    if used >= _MUCH * daily:
        who = "See Development > Monitoring in HubSpot for who calls, and its limit."
        return Examined(said, who)
    if its_zone and its_zone != zone:
        where = f"Its day ends at midnight in {its_zone}: set TIME_ZONE of this source."
        return Examined(said, where)
    return Examined(said)


def _header(answer: Answer, name: str) -> int | None:
    text = answer.headers.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
