"""Records in HubSpot: read and updated a hundred at a time.

One bad value refuses a whole batch, and HubSpot does not say whose it was; results
come in another order than asked; an id that was merged is left out without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from app.connectors.hubspot.codes import (
    OF_THE_PROPERTY,
    VALUE_CODES,
    BadValue,
    bad_values,
    call_error,
)
from app.connectors.hubspot.rest import Rest, body_of, results_of
from app.connectors.hubspot.webhooks import record_id_of
from app.domain import Record, RecordResult, Update
from app.errors import RecordError, RecordMissing, RecordRefused, RequestRefused

#: Records of one call.
MOST: Final = 100
#: Names under which a record's own id is read.
_ID_NAMES: Final = frozenset({"id", "hs_object_id"})
#: What else finds a record, and stands in another property: a contact's further
#: addresses, such as those of contacts that were merged into it.
_ALSO: Final[Mapping[str, tuple[str, ...]]] = {"email": ("hs_additional_emails",)}
_TRACE: Final = "leadbridge-"
#: How often a batch goes within one call of ours, less the guilty each time.
_ROUNDS: Final = 4

Results = dict[int, RecordError | None]


def read_records(
    rest: Rest,
    object: str,
    by: str,
    keys: Sequence[str],
    fields: Sequence[str],
    timeout_s: float,
) -> list[Record]:
    """Records by id or by a unique property, in the order of `keys`; one call.

    Of a merged record the answer may hold another id, or nothing: it is missing.
    """
    is_id = by in _ID_NAMES
    asked = {key: _name(by, key) for key in keys}
    inputs = sorted({name for name in asked.values() if name})
    if not inputs:
        return [Record(key, None) for key in keys]
    names = [name for name in fields if name not in _ID_NAMES]
    keyed = () if is_id else (by, *_ALSO.get(by, ()))
    body = rest.call(
        "POST",
        rest.objects(object, "batch/read"),
        operation="batch.read",
        json={
            "properties": [*dict.fromkeys([*names, *keyed])],
            "propertiesWithHistory": [],
            "inputs": [{"id": name} for name in inputs],
            **({} if is_id else {"idProperty": by}),
        },
        read_timeout_s=timeout_s,
    )
    found: dict[str, dict[str, Any]] = {}
    for row in results_of(body, "batch.read"):
        if row.get("archived") is True:
            continue
        values = _values(row)
        for name in [values["id"]] if is_id else _keys(values, keyed):
            found[name] = values
            # Whether capitals count is nowhere said.
            found.setdefault(name.casefold(), values)
    return [
        Record(key, _chosen(found.get(name) or found.get(name.casefold()), fields))
        for key, name in asked.items()
    ]


def _name(by: str, key: str) -> str:
    """The spelling under which a key is asked for; "" if it cannot be."""
    if by in _ID_NAMES:
        return record_id_of(key) or ""
    # Addresses are kept in small letters over there.
    return key.strip().lower() if by == "email" else key.strip()


def _keys(values: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """All that a record may have been asked for by; its own come last and win."""
    texts = [str(values.get(name) or "") for name in reversed(names)]
    return [one.strip() for text in texts for one in text.split(";") if one.strip()]


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = row.get("properties")
    given = properties if isinstance(properties, dict) else {}
    own = str(row.get("id") or "")
    return {**given, "id": own, "hs_object_id": own}


def _chosen(
    values: Mapping[str, Any] | None, fields: Sequence[str]
) -> dict[str, Any] | None:
    return None if values is None else {name: values.get(name) for name in fields}


def send_records(
    rest: Rest, updates: Sequence[Update], timeout_s: float
) -> list[RecordResult]:
    """Update up to 100 records; one result per update, in order. None is created.

    A refused value costs its own record only: that one is taken out, and the others
    are sent again within this call.

    Raises:
        RequestRefused: the batch was refused, and nobody can tell for whom: half of
            it may do.
        RemoteFault, Unreachable: the outcome is unknown; writing again is safe.

    Source: HubSpot, "Update a batch of contacts" (docs/connectors/hubspot.md).
    """
    results: Results = {}
    going: dict[int, Update] = {}
    ids = _ids(rest, updates, timeout_s)
    for n, update in enumerate(updates):
        own = ids.get(n)
        if own is None:
            results[n] = RecordMissing(f"hubspot has no such {update.object}")
        else:
            going[n] = Update(update.object, "id", own, update.values)
    for _ in range(_ROUNDS):
        if not going:
            break
        results |= (done := _update(rest, _each_once(going), timeout_s))
        going = {n: one for n, one in going.items() if n not in done}
    if going:
        raise RequestRefused(
            "hubspot refused a batch again and again",
            system="hubspot",
            operation="batch.update",
            status=400,
        )
    return [RecordResult(one.record_id, results[n]) for n, one in enumerate(updates)]


def _each_once(going: Mapping[int, Update]) -> dict[int, Update]:
    """The first update of each record: an id that stands twice refuses them all."""
    first: dict[str, int] = {}
    for n, one in going.items():
        first.setdefault(one.record_id, n)
    return {n: going[n] for n in first.values()}


def _ids(rest: Rest, updates: Sequence[Update], timeout_s: float) -> dict[int, str]:
    """The id of each record: updates go by nothing else. One call if by another."""
    by = updates[0].by if updates else "id"
    if by in _ID_NAMES:
        found = {n: record_id_of(one.record_id) for n, one in enumerate(updates)}
        return {n: own for n, own in found.items() if own}
    keys = list(dict.fromkeys(one.record_id for one in updates))
    read = read_records(rest, updates[0].object, by, keys, ["id"], timeout_s)
    own = {one.record_id: one.values["id"] for one in read if one.values}
    return {
        n: own[one.record_id] for n, one in enumerate(updates) if one.record_id in own
    }


def _update(rest: Rest, going: Mapping[int, Update], timeout_s: float) -> Results:
    """One call: results of those that are decided; the others are to be sent again."""
    first = next(iter(going.values()))
    answer = rest.ask(
        "POST",
        rest.objects(first.object, "batch/update"),
        operation="batch.update",
        json={
            "inputs": [
                {
                    "id": one.record_id,
                    "objectWriteTraceId": f"{_TRACE}{n}",
                    "properties": {k: wire(v) for k, v in one.values.items()},
                }
                for n, one in going.items()
            ]
        },
        read_timeout_s=timeout_s,
    )
    if answer.status == 400:
        bad = bad_values(answer)
        guilty = _guilty(bad, going)
        if guilty:
            return dict(guilty)
        if len(going) == 1:
            # Nobody else it could be about; `field` stays open.
            (n,) = going
            code = bad[0].code if bad else call_error(answer).code
            why = VALUE_CODES.get(code or "", "the reason is not told")
            said = f"hubspot did not take it: {why} ({code or 400})"
            return {n: RecordRefused(said, code=code)}
        raise call_error(answer)
    return _judged(body_of(answer), going)


def _guilty(
    bad: Sequence[BadValue], going: Mapping[int, Update]
) -> dict[int, RecordError]:
    """Whose records the refused properties are, as far as it can be told.

    A property that is not there, or read-only, is everybody's who sent it. A value
    is looked for in the message, unless only one record sent that property.
    """
    found: dict[int, RecordError] = {}
    for one in bad:
        values = {
            n: u.values[one.name] for n, u in going.items() if one.name in u.values
        }
        senders = list(values)
        if one.code not in OF_THE_PROPERTY and len(senders) > 1:
            told = {n: _told(value, one.message) for n, value in values.items()}
            senders = [n for n in senders if told[n]]
            if len({told[n] for n in senders}) > 1:
                # One of them is only a word of the sentence; halves will show whose.
                continue
        for n in senders:
            found.setdefault(n, _refused(one))
    return found


def _told(value: Any, message: str) -> str:
    """What of this value a refusal is about: all of it, or one item; "" if nothing.

    It stands there whole, and is none of the options listed behind it.
    """
    told, _, options = message.partition("[")
    allowed = {one.strip() for one in options.partition("]")[0].split(",")}
    whole = wire(value)
    found = [
        item
        for item in {whole, *whole.split(";")}
        if item
        and item not in allowed
        and re.search(rf"(?<!\S)[\"']?{re.escape(item)}[\"']?(?!\S)", told)
    ]
    return max(found, key=len, default="")


def _refused(bad: BadValue) -> RecordRefused:
    said = VALUE_CODES.get(bad.code, "its value is not valid")
    code = bad.code or "VALIDATION_ERROR"
    message = f"hubspot did not take it, property {bad.name}: {said} ({code})"
    return RecordRefused(message, code=code, field=bad.name)


def _judged(body: Mapping[str, Any], going: Mapping[int, Update]) -> Results:
    """By what the body says of each id: neither order nor status tells."""
    by_id = {one.record_id: n for n, one in going.items()}
    results: Results = {
        n: RecordMissing("hubspot left it out: it was merged into another, or deleted")
        for n in going
    }
    for row in results_of(body, "batch.update"):
        n = by_id.get(str(row.get("id") or ""))
        if n is not None:
            results[n] = None
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, dict):
            results |= _record_errors(error, by_id, going)
    return results


def _record_errors(
    error: Mapping[str, Any], by_id: Mapping[str, int], going: Mapping[int, Update]
) -> Results:
    context = error.get("context")
    given = context if isinstance(context, dict) else {}
    traces = [
        int(one.removeprefix(_TRACE))
        for one in _texts(given.get("objectWriteTraceId"))
        if one.startswith(_TRACE) and one.removeprefix(_TRACE).isdigit()
    ]
    ids = [by_id[one] for one in _texts(given.get("ids")) if one in by_id]
    about = [n for n in dict.fromkeys([*traces, *ids]) if n in going]
    if error.get("category") == "OBJECT_NOT_FOUND":
        return {n: RecordMissing("hubspot has no such record") for n in about}
    names = _texts(given.get("propertyName"))
    bad = BadValue(names[0] if names else "", str(error.get("code") or ""))
    if bad.name:
        return {n: _refused(bad) for n in about}
    category = str(error.get("category") or error.get("code") or "")[:60]
    said = f"hubspot did not take it ({category or 'no code'})"
    return {n: RecordRefused(said, code=category or None) for n in about}


def _texts(value: object) -> list[str]:
    rows = value if isinstance(value, list) else [value]
    return [str(one) for one in rows if isinstance(one, str | int)]


def wire(value: Any) -> str:
    """Every value is a text over there; "" clears.

    Blanks around are refused by all types but texts, and change nothing there.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        whole = value == value.to_integral_value()
        return f"{int(value)}" if whole else f"{value.normalize():f}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return ";".join(wire(one) for one in value)
    return str(value).strip()
