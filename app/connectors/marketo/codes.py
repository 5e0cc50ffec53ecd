"""Marketo's codes: what each one means to us. Tables, and how they are read.

Marketo answers nearly everything with HTTP 200; the code is in the body, for the
whole call (`errors`) or for one record (`reasons`). Its message is read only for the
name of a field, and where one code has three meanings: it can quote a person's value,
so none of it is kept.

Source: Adobe, "Error Codes" (docs/connectors/marketo.md, "When something fails").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.connectors.base import seconds_to_midnight
from app.errors import (
    AnswerUnexpected,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RecordError,
    RecordMissing,
    RecordRefused,
    RecordRetriable,
    RemoteError,
    RemoteFault,
    RequestRefused,
    TookTooLong,
)


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code of a whole call."""

    kind: type[RemoteError]
    said: str
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class RecordMeaning:
    """A code of one record; `kind` None: it is as we want it already."""

    kind: type[RecordError] | None
    said: str
    once: bool = False


#: The access token is at fault: a new one, and the call once more.
TOKEN_CODES: Final = frozenset({"600", "601", "602"})
#: "No data found" in answer to a search.
EMPTY_CODES: Final = frozenset({"702"})

RESPONSE_CODES: Final[Mapping[str, Meaning]] = {
    "500": Meaning(RemoteFault, "internal error"),
    "502": Meaning(RemoteFault, "bad gateway; a write may have happened"),
    "600": Meaning(CredentialsRefused, "no access token arrived"),
    "601": Meaning(CredentialsRefused, "the access token is invalid"),
    "602": Meaning(CredentialsRefused, "the access token has expired"),
    "603": Meaning(
        CredentialsRefused, "the API user's role, or an IP allow-list, forbids it"
    ),
    "604": Meaning(TookTooLong, "it took too long over there"),
    "605": Meaning(RequestRefused, "wrong HTTP method"),
    # The window is 20 s: after that all calls count anew.
    "606": Meaning(RateLimited, "100 calls in 20 s are used up", 20.0),
    # Until midnight, US Central.
    "607": Meaning(QuotaSpent, "the daily quota is used up"),
    "608": Meaning(RemoteFault, "temporarily unavailable"),
    "609": Meaning(RequestRefused, "invalid JSON"),
    "610": Meaning(RequestRefused, "no such resource. Is the address right?"),
    "611": Meaning(RemoteFault, "system error"),
    "612": Meaning(RequestRefused, "invalid content type"),
    "613": Meaning(RequestRefused, "invalid multipart body"),
    "614": Meaning(RemoteFault, "the subscription is not found or not reachable"),
    "615": Meaning(RateLimited, "10 calls at once are used up", 2.0),
    "616": Meaning(CredentialsRefused, "the subscription is of the wrong type"),
    "701": Meaning(RequestRefused, "a required value is blank"),
    "702": Meaning(RequestRefused, "no data found"),
    "703": Meaning(CredentialsRefused, "the feature is not switched on"),
    "704": Meaning(RequestRefused, "invalid date format"),
    "709": Meaning(RequestRefused, "a business rule forbids it"),
    "710": Meaning(RequestRefused, "the parent folder is not found"),
    "711": Meaning(RequestRefused, "the folder is of the wrong type"),
    "712": Meaning(RequestRefused, "it would merge a person account"),
    "713": Meaning(RemoteFault, "passing error"),
    "714": Meaning(RequestRefused, "there is no default record type"),
    "718": Meaning(RequestRefused, "there is no such ExternalSalesPersonID"),
    "719": Meaning(RemoteFault, "waited too long for a lock"),
    "1003": Meaning(RequestRefused, "a field or filter is not accepted"),
    "1006": Meaning(RequestRefused, "a field is not found"),
    "1011": Meaning(RequestRefused, "people cannot be looked up by this field"),
    "1016": Meaning(RateLimited, "too many imports", 60.0),
    "1019": Meaning(RateLimited, "an import is running", 60.0),
    "1029": Meaning(RateLimited, "too many jobs", 60.0),
    "1035": Meaning(RequestRefused, "people cannot be extracted by this filter"),
}
#: One code for three things, which only the message tells apart.
WORDED: Final[Mapping[str, Mapping[str, Meaning]]] = {
    "1029": {
        "daily quota": Meaning(QuotaSpent, "the day's quota of extracts is used up"),
        "already queued": Meaning(RequestRefused, "the job is queued already"),
    }
}

_UNKNOWN: Final = Meaning(RequestRefused, "unknown code")
_NONE: Final = Meaning(AnswerUnexpected, "no success, and no code either")

RECORD_CODES: Final[Mapping[str, RecordMeaning]] = {
    "604": RecordMeaning(RecordRetriable, "it took too long over there"),
    "608": RecordMeaning(RecordRetriable, "temporarily unavailable"),
    "611": RecordMeaning(RecordRetriable, "system error"),
    "713": RecordMeaning(RecordRetriable, "passing error"),
    "719": RecordMeaning(RecordRetriable, "waited too long for a lock"),
    "1001": RecordMeaning(RecordRefused, "a value does not fit its field's type"),
    "1002": RecordMeaning(RecordRefused, "a required value is missing"),
    "1003": RecordMeaning(RecordRefused, "a value is not valid for its field"),
    "1004": RecordMeaning(RecordMissing, "there is no such person"),
    "1005": RecordMeaning(RecordRefused, "the person is there already"),
    "1006": RecordMeaning(RecordRefused, "there is no such field"),
    "1007": RecordMeaning(
        RecordRefused, "several people match. Match by id, or merge them"
    ),
    "1008": RecordMeaning(RecordRefused, "no access to the person's partition"),
    "1009": RecordMeaning(RecordRefused, "a partition must be named"),
    "1010": RecordMeaning(RecordRefused, "the partition may not be updated"),
    "1011": RecordMeaning(RecordRefused, "people cannot be looked up by this field"),
    "1012": RecordMeaning(RecordRefused, "the cookie is not valid"),
    "1013": RecordMeaning(RecordMissing, "there is no such object"),
    "1014": RecordMeaning(RecordRetriable, "it could not be created", once=True),
    "1015": RecordMeaning(None, "not in the list already"),
    "1016": RecordMeaning(RecordRetriable, "too many imports"),
    "1017": RecordMeaning(RecordRefused, "the object is there already"),
    "1018": RecordMeaning(
        RecordRefused, "the company belongs to the native CRM sync. Use person fields"
    ),
    "1019": RecordMeaning(RecordRetriable, "an import is running"),
    "1020": RecordMeaning(RecordRetriable, "too many programs cloned today"),
    "1021": RecordMeaning(
        RecordRefused, "company fields cannot be updated here. Use person fields"
    ),
    "1022": RecordMeaning(RecordRetriable, "the person is in use"),
    "1025": RecordMeaning(RecordRefused, "there is no such program status"),
    "1026": RecordMeaning(RecordRefused, "custom objects are at their limit"),
    "1027": RecordMeaning(RecordRefused, "activity types are at their limit"),
    "1028": RecordMeaning(RecordRefused, "too many fields"),
    "1029": RecordMeaning(RecordRetriable, "too many jobs"),
    "1035": RecordMeaning(RecordRefused, "people cannot be extracted by this filter"),
    "1036": RecordMeaning(RecordRetriable, "the same person is twice in one call"),
    "1037": RecordMeaning(None, "in that status already"),
    "1042": RecordMeaning(RecordRefused, "the date to run at is not valid"),
    "1048": RecordMeaning(RecordRefused, "the draft could not be discarded"),
    "1049": RecordMeaning(RecordRefused, "the activity's attributes are too long"),
    "1076": RecordMeaning(RecordRefused, "the people cannot be merged"),
    "1077": RecordMeaning(RecordRefused, "a value is too long for its field"),
    "1078": RecordMeaning(RecordRefused, "the people cannot be merged"),
    "1079": RecordMeaning(RecordRefused, "the people cannot be merged"),
    "1080": RecordMeaning(RecordRefused, "more than 25 people to merge"),
}

#: Fields that Sync Leads takes from a person's company, by their REST names.
COMPANY_FIELDS: Final = (
    "company",
    "industry",
    "annualRevenue",
    "numberOfEmployees",
    "website",
    "mainPhone",
    "sicCode",
    "site",
    "billingStreet",
    "billingCity",
    "billingState",
    "billingCountry",
    "billingPostalCode",
)
_COMPANY_CODES: Final = frozenset({"1018", "1021"})
_FIELD: Final = re.compile(r"[Ff]ield '([A-Za-z0-9_]{1,100})'")
_CODE: Final = re.compile(r"[0-9]{3,5}")


def plain_code(raw: object) -> str:
    """A code as text, "" for what is none: codes are strings, but who knows."""
    text = str(raw)
    return text if _CODE.fullmatch(text) else ""


def call_error(
    codes: Collection[str],
    *,
    operation: str,
    status: int,
    request_id: str | None,
    now: datetime,
    message: str = "",
) -> RemoteError:
    """The error of a whole call; the first code decides, the others are notes.

    `message` is the first one's, and read for WORDED only.
    """
    first, *others = codes
    meaning = _meaning(first, message)
    is_daily = meaning.kind is QuotaSpent
    error = meaning.kind(
        f"marketo refused {operation}: {meaning.said} ({first or 'no code'})",
        system="marketo",
        operation=operation,
        status=status,
        code=first or None,
        request_id=request_id,
        retry_after=seconds_to_reset(now) if is_daily else meaning.retry_after,
    )
    for other in others:
        error.add_note(f"also: {_meaning(other).said} ({other})")
    return error


def _meaning(code: str, message: str = "") -> Meaning:
    for words, meaning in WORDED.get(code, {}).items():
        if words in message.lower():
            return meaning
    if code in RESPONSE_CODES:
        return RESPONSE_CODES[code]
    if code in RECORD_CODES:
        # What is told of records elsewhere, told of a whole call.
        told = RECORD_CODES[code]
        is_passing = told.kind is RecordRetriable
        return Meaning(RemoteFault if is_passing else RequestRefused, told.said)
    return _UNKNOWN if code else _NONE


def record_error(code: str, message: str, sent: Collection[str]) -> RecordError | None:
    """The error of one record; None if it is as we want it already.

    `sent`: the names of the fields that were sent; only one of them can be to blame.
    """
    meaning = RECORD_CODES.get(code, RecordMeaning(RecordRefused, "unknown code"))
    if meaning.kind is None:
        return None
    field = _blamed(code, message, sent)
    where = f", field {field}" if field else ""
    said = f"marketo did not take it{where}: {meaning.said} ({code or 'no code'})"
    return meaning.kind(said, code=code or None, field=field, once=meaning.once)


def _blamed(code: str, message: str, sent: Collection[str]) -> str | None:
    for name in _FIELD.findall(message):
        if name in sent:
            return str(name)
    if code in _COMPANY_CODES:
        return next((name for name in COMPANY_FIELDS if name in sent), None)
    return None


def seconds_to_reset(now: datetime) -> float:
    """Until the daily quota reopens: the next midnight in US Central time."""
    try:
        zone: ZoneInfo | timezone = ZoneInfo("America/Chicago")
    except ZoneInfoNotFoundError:
        # No time zones on this machine: winter time, an hour too long in summer.
        zone = timezone(timedelta(hours=-6))
    return seconds_to_midnight(now, zone)
