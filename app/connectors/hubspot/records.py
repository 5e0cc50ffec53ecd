"""Records in HubSpot: read and updated a hundred at a time.

One bad value refuses a whole batch, and HubSpot does not say whose it was; results
come in another order than asked; an id that was merged is left out without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.connectors.hubspot.blame import guilty, refused
from app.connectors.hubspot.codes import (
    FINAL,
    NOT_FOUND,
    VALUE_CODES,
    bad_values,
    call_error,
    category_of,
    context_of,
    error_of,
    errors_of,
    texts_of,
)
from app.connectors.hubspot.rest import ID_NAMES, Rest, body_of, results_of
from app.connectors.hubspot.webhooks import record_id_of
from app.connectors.hubspot.wire import wire
from app.domain import Record, RecordResult, Update
from app.errors import (
    AnswerUnexpected,
    RecordError,
    RecordMissing,
    RecordRefused,
    RecordRetriable,
    RemoteError,
    RemoteFault,
    RequestRefused,
)

#: Records of one call.
MOST: Final = 100
#: What else finds a record, and stands in another property: a contact's further
#: addresses, such as those of contacts that were merged into it.
_ALSO: Final[Mapping[str, str]] = {"email": "hs_additional_emails"}
_TRACE: Final = "leadbridge-"
#: How often a batch goes within one call of ours, less the guilty each time.
_ROUNDS: Final = 4

Results = dict[int, RecordError | None]


# Reading


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

    Raises:
        RemoteFault, RequestRefused: some could not be read, and are not missing.
    """
    is_id = by in ID_NAMES
    asked = {key: _name(by, key) for key in keys}
    inputs = sorted({name for name in asked.values() if name})
    if not inputs:
        return [Record(key, None) for key in keys]
    names = [name for name in fields if name not in ID_NAMES]
    keyed = [] if is_id else [by, *filter(None, [_ALSO.get(by)])]
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
    rows = [_values(row) for row in results_of(body, "batch.read") if _is_there(row)]
    for error in errors_of(body):
        if category_of(error) != NOT_FOUND:
            raise _not_read(error)
    found = _by_key(rows, by if not is_id else "id")
    return [
        Record(key, _chosen(found.get(name) or found.get(name.casefold()), fields))
        for key, name in asked.items()
    ]


def _name(by: str, key: str) -> str:
    """The spelling under which a key is asked for; "" if it cannot be."""
    if by in ID_NAMES:
        return record_id_of(key) or ""
    # Addresses are kept in small letters over there.
    return key.strip().lower() if by == "email" else key.strip()


def _is_there(row: Mapping[str, Any]) -> bool:
    return row.get("archived") is not True


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    properties = row.get("properties")
    if not isinstance(properties, dict):
        raise AnswerUnexpected(
            "hubspot answered with a record without properties",
            system="hubspot",
            operation="batch.read",
            status=200,
        )
    own = record_id_of(row.get("id")) or ""
    return {**properties, "id": own, "hs_object_id": own}


def _by_key(rows: Sequence[dict[str, Any]], by: str) -> dict[str, Mapping[str, Any]]:
    """Records by what they may have been asked for, with its capitals and without.

    A record's own value goes before one that another has besides.
    """
    own = [(str(values.get(by) or ""), values) for values in rows]
    besides = [
        (text, values)
        for values in rows
        for text in str(values.get(_ALSO.get(by, "")) or "").split(";")
    ]
    found: dict[str, Mapping[str, Any]] = {}
    for text, values in (*own, *besides):
        if key := text.strip():
            found.setdefault(key, values)
            found.setdefault(key.casefold(), values)
    return found


def _chosen(
    values: Mapping[str, Any] | None, fields: Sequence[str]
) -> dict[str, Any] | None:
    return None if values is None else {name: values.get(name) for name in fields}


def _not_read(error: Mapping[str, Any]) -> RemoteError:
    """The error of a part of a batch: nobody says that these records are gone."""
    category = category_of(error)
    kind = RequestRefused if category in FINAL else RemoteFault
    return kind(
        f"hubspot could not read some of the records ({category or 'no category'})",
        system="hubspot",
        operation="batch.read",
        status=207,
        code=category or None,
    )


# Sending


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
    for n in going:
        said = "hubspot refused the batch again and again, each time for others' values"
        results[n] = RecordRetriable(said, code="batch")
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
    if by in ID_NAMES:
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
    if answer.status != 400:
        return _judged(body_of(answer), going)
    bad = bad_values(error_of(answer))
    if found := guilty(bad, going):
        return {**found}
    if len(going) > 1:
        raise call_error(answer)
    # Nobody else it could be about.
    (n,) = going
    return {n: refused(bad[0]) if bad else _refused_whole(error_of(answer))}


def _judged(body: Mapping[str, Any], going: Mapping[int, Update]) -> Results:
    """By what the body says of each id: neither order nor status tells."""
    by_id = {one.record_id: n for n, one in going.items()}
    results: Results = {}
    for row in results_of(body, "batch.update"):
        n = by_id.get(record_id_of(row.get("id")) or "")
        if n is not None:
            results[n] = None
    absent: RecordError = RecordMissing(
        "hubspot left it out: it was merged into another, or deleted"
    )
    for error in errors_of(body):
        about = [n for n in _about(error, by_id) if n in going]
        results |= {n: _record_error(error) for n in about}
        if not about and category_of(error) != NOT_FOUND:
            # Somebody's, and nobody's to tell: whoever was left out may be the one.
            absent = _passing(error)
    return dict.fromkeys(going, absent) | results


def _about(error: Mapping[str, Any], by_id: Mapping[str, int]) -> list[int]:
    """The records that an error of a batch names, by trace or by id."""
    context = context_of(error)
    traces = [
        text.removeprefix(_TRACE)
        for text in texts_of(context.get("objectWriteTraceId"))
        if text.startswith(_TRACE)
    ]
    found = [int(one) for one in traces if one.isascii() and one.isdigit()]
    found += [by_id[one] for one in texts_of(context.get("ids")) if one in by_id]
    return list(dict.fromkeys(found))


def _record_error(error: Mapping[str, Any]) -> RecordError:
    category = category_of(error)
    if category == NOT_FOUND:
        return RecordMissing("hubspot has no such record")
    bad = bad_values(error)
    if bad:
        return refused(bad[0])
    is_final = category in FINAL or category in VALUE_CODES
    return _refused_whole(error) if is_final else _passing(error)


def _refused_whole(error: Mapping[str, Any]) -> RecordRefused:
    category = category_of(error) or "400"
    said = VALUE_CODES.get(category, "the reason is not told")
    return RecordRefused(
        f"hubspot did not take it: {said} ({category})", code=category
    )


def _passing(error: Mapping[str, Any]) -> RecordRetriable:
    category = category_of(error)
    said = f"hubspot could not write it now ({category or 'no category'})"
    return RecordRetriable(said, code=category or None)
