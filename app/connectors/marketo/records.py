"""People in Marketo: read by a key, update by a key."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from app.connectors.marketo.codes import EMPTY_CODES, plain_code, record_error
from app.connectors.marketo.rest import Rest
from app.domain import Record, RecordResult, Update
from app.errors import (
    AnswerUnexpected,
    RecordError,
    RecordRefused,
    RecordRetriable,
    RemoteError,
    RequestRefused,
)

#: Values of one filter, records of one write.
MOST: Final = 300
MOST_BYTES: Final = 1_000_000
#: A filter that matches more than 1,000 people is refused; 300 are on a page.
_MOST_PAGES: Final = 5
_LEADS: Final = "/rest/v1/leads.json"
_DONE: Final = frozenset({"updated", "created"})
_LARGEST_ID: Final = 2**63


def wire_id(record_id: str) -> int | None:
    """Marketo's id as a number; None if it is no id of Marketo's."""
    if not (record_id.isascii() and record_id.isdigit() and len(record_id) <= 19):
        return None
    number = int(record_id)
    return number if 0 < number < _LARGEST_ID else None


def read_leads(
    rest: Rest, by: str, keys: Sequence[str], fields: Sequence[str], timeout_s: float
) -> list[Record]:
    """People by up to 300 values of one searchable field, in the order of `keys`.

    A key that cannot be asked for (an id that is no number, a text with a comma,
    which separates the values of a filter) is missing. Of several people with one
    key the first one counts; a write to them is refused by Marketo anyway.

    Source: Adobe, "Get Leads by Filter Type"; long queries go as POST.
    """
    asked = {key: name for key in keys if (name := _match_name(by, key))}
    names = sorted(set(asked.values()))
    rows = _search(rest, by, names, fields, timeout_s) if names else {}
    found = {}
    for key in keys:
        row = rows.get(asked.get(key, ""))
        # What is empty comes as null, or not at all.
        found[key] = None if row is None else {name: row.get(name) for name in fields}
    return [Record(key, found[key]) for key in keys]


def _match_name(by: str, key: str) -> str:
    """The spelling under which a key is asked and found; "" if it cannot be."""
    if by == "id":
        number = wire_id(key.strip())
        return str(number) if number else ""
    name = key.strip().casefold()
    return "" if "," in name else name


def _search(
    rest: Rest, by: str, names: Sequence[str], fields: Sequence[str], timeout_s: float
) -> dict[str, dict[str, Any]]:
    form = {
        "filterType": by,
        "filterValues": ",".join(names),
        "fields": ",".join(dict.fromkeys([by, *fields])),
        "batchSize": str(MOST),
    }
    rows: dict[str, dict[str, Any]] = {}
    for _ in range(_MOST_PAGES):
        try:
            envelope = rest.call(
                "POST",
                _LEADS,
                operation="leads.read",
                params={"_method": "GET"},
                form=form,
                read_timeout_s=timeout_s,
            )
        except RemoteError as error:
            if error.code in EMPTY_CODES:
                break
            raise
        page = result_of(envelope, "leads.read")
        for row in page:
            rows.setdefault(_match_name(by, str(row.get(by))), row)
        # On the last page the key is absent, not null.
        token = envelope.get("nextPageToken")
        if not (page and isinstance(token, str) and token):
            break
        form["nextPageToken"] = token
    else:
        raise _unexpected("leads.read", f"more than {_MOST_PAGES} pages of people")
    return rows


def send_leads(
    rest: Rest, updates: Sequence[Update], timeout_s: float
) -> list[RecordResult]:
    """Update up to 300 people in one call; one result per update, in order.

    Only people who are there are updated: none is created. The one thing that ties
    a result to its record is its place, so a list of another length is not read.

    Raises:
        RequestRefused: status 413 if the batch is too big for one call, 400 if it
            is mixed: half of it may do.
        RemoteFault, Unreachable: the outcome is unknown; writing again is safe.

    Source: Adobe, "Sync Leads" (docs/connectors/marketo.md).
    """
    refused = {n: error for n, one in enumerate(updates) if (error := _unfit(one))}
    sent = [one for n, one in enumerate(updates) if n not in refused]
    errors = iter(_sync(rest, sent, timeout_s) if sent else [])
    return [
        RecordResult(one.record_id, refused[n] if n in refused else next(errors))
        for n, one in enumerate(updates)
    ]


def _unfit(update: Update) -> RecordError | None:
    """Refused here, because in Marketo it would cost its neighbours the call."""
    if update.by == "id" and wire_id(update.record_id.strip()) is None:
        return RecordRefused("the id is not one of Marketo's", code="id-malformed")
    if not update.record_id.strip():
        return RecordRefused(f"the key field {update.by} is empty", code="key-empty")
    return None


def _sync(
    rest: Rest, updates: Sequence[Update], timeout_s: float
) -> list[RecordError | None]:
    by = updates[0].by
    if any(one.by != by for one in updates):
        raise _refused(400, "a batch has one key field")
    body = json.dumps(
        {
            "action": "updateOnly",
            "lookupField": by,
            "input": [_wire(one) for one in updates],
        },
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        default=_plain,
    ).encode("utf-8", "replace")
    if len(updates) > MOST or len(body) > MOST_BYTES:
        raise _refused(413, "the batch is over 300 records or 1 MB")
    envelope = rest.call(
        "POST", _LEADS, operation="leads.sync", body=body, read_timeout_s=timeout_s
    )
    rows = result_of(envelope, "leads.sync")
    if len(rows) != len(updates):
        said = f"{len(rows)} results for {len(updates)} records"
        raise _unexpected("leads.sync", said)
    return [_judged(row, one.values) for row, one in zip(rows, updates, strict=True)]


def _wire(update: Update) -> dict[str, Any]:
    key: str | int = update.record_id.strip()
    if update.by == "id":
        key = wire_id(str(key)) or key
    return {**update.values, update.by: key}


def _plain(value: object) -> Any:
    """JSON for what JSON lacks; moments always with their offset."""
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return int(value) if whole else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent to Marketo")


def _judged(row: Mapping[str, Any], sent: Mapping[str, Any]) -> RecordError | None:
    status = row.get("status")
    if status in _DONE:
        return None
    if status != "skipped":
        return RecordRetriable("marketo answered with a status of its own")
    # `reasons` on the wire; Adobe's published schema says `reason`.
    reasons = row.get("reasons") or row.get("reason") or []
    given = reasons if isinstance(reasons, list) else [reasons]
    found = [one for one in given if isinstance(one, dict)] or [{}]
    errors = [
        record_error(plain_code(one.get("code")), str(one.get("message", "")), sent)
        for one in found
    ]
    first = errors[0]
    for other in errors[1:]:
        if first is not None and other is not None:
            first.add_note(f"also: {other}")
    return first


def result_of(envelope: Mapping[str, Any], operation: str) -> list[dict[str, Any]]:
    """The list under `result`; absent, it is empty."""
    rows = envelope.get("result", [])
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        return rows
    raise _unexpected(operation, "a result that is no list of objects")


def _unexpected(operation: str, said: str) -> AnswerUnexpected:
    return AnswerUnexpected(
        f"marketo answered {said}", system="marketo", operation=operation, status=200
    )


def _refused(status: int, said: str) -> RequestRefused:
    return RequestRefused(
        f"marketo was not called: {said}",
        system="marketo",
        operation="leads.sync",
        status=status,
    )
