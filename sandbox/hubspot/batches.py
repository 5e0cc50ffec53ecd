"""Batches: up to 100 records in one call, and every trap that HubSpot's have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import bad, invalid, missing, traced
from sandbox.hubspot.properties import stamp
from sandbox.hubspot.records import Answer, check_new, written
from sandbox.hubspot.state import TYPE_IDS
from sandbox.hubspot.values import checked

if TYPE_CHECKING:
    from sandbox.hubspot.state import Record
    from sandbox.state import World

MOST, MOST_WITH_HISTORY = 100, 50
Row = dict[str, Any]
Checked = list[tuple[dict[str, str], list[Row]]]


def batch_read(world: World, kind: str, asked: Any) -> Answer:
    """By id or by a unique property; 207 if some are not there."""
    body, rows = _inputs(asked)
    past = _names(body, "propertiesWithHistory")
    if past and len(rows) > MOST_WITH_HISTORY:
        raise bad(
            "The maximum number of inputs supported in a batch request for property "
            "histories is 50. Please reduce the number of items and try again"
        )
    by, names = _unique(world, kind, body.get("idProperty")), _names(body, "properties")
    found, gone = [], []
    for row in rows:
        key = str(row.get("id", ""))
        record = world.hubspot.find(kind, by, key)
        if record is not None and record.is_archived == _wants_archived(asked):
            found.append(record.as_json(world.hubspot.known(kind, names), past))
        elif not world.hubspot.is_silent(key):
            gone.append(key)
    return _done(world, found, missing(kind, gone))


def batch_update(world: World, kind: str, asked: Any) -> Answer:
    """By id only. One bad value refuses them all."""
    body, rows = _inputs(asked)
    for one in (body, *rows):
        if "idProperty" in one:
            raise _not_unique(kind, one["idProperty"])
    ids = _once(rows)
    there = [_present(world, kind, "id", own) for own in ids]
    values = _values(world, kind, rows, there)
    found, gone, traces, errors = [], [], [], []
    for row, own, record, (new, problems) in zip(rows, ids, there, values, strict=True):
        trace = row.get("objectWriteTraceId")
        if problems:
            errors.append(traced(problems[0], str(trace)))
        elif record is not None:
            world.hubspot.change(record, new, by_app=True)
            found.append(written(world, record, new))
        elif not world.hubspot.is_silent(own):
            gone.append(own)
            traces += [str(trace)] if trace else []
    return _done(world, found, [*errors, *missing(kind, gone, traces)])


def batch_upsert(world: World, kind: str, asked: Any) -> Answer:
    """By a unique property: what is there is changed, what is not is made."""
    _, rows = _inputs(asked)
    names = [_unique(world, kind, row.get("idProperty")) for row in rows]
    keys = _once(rows)
    there = [
        _present(world, kind, by, key) for by, key in zip(names, keys, strict=True)
    ]
    # By id, nothing can be made.
    lost = [
        key
        for by, key, record in zip(names, keys, there, strict=True)
        if record is None and by in ("id", "hs_object_id")
    ]
    new_rows = [
        # The key is a value of what is made, and has to be a good one.
        {**row, "properties": {by: key, **_properties(row)}}
        if record is None and key not in lost
        else row
        for row, by, key, record in zip(rows, names, keys, there, strict=True)
    ]
    values = _values(world, kind, new_rows, there, always_traced=True)
    found, errors = [], missing(kind, lost)
    for row, key, record, (new, problems) in zip(
        rows, keys, there, values, strict=True
    ):
        if problems:
            errors.append(traced(problems[0], str(row.get("objectWriteTraceId"))))
        elif record is not None:
            world.hubspot.change(record, new, by_app=True)
            found.append({**written(world, record, new), "new": False})
        elif key not in lost:
            made = world.hubspot.create(kind, new, by_app=True)
            found.append({**written(world, made, new), "new": True})
    return _done(world, found, errors)


def batch_create(world: World, kind: str, asked: Any) -> Answer:
    """New records: all, or none; with trace ids, those that are good."""
    _, rows = _inputs(asked)
    values = _values(world, kind, rows, [None] * len(rows), always_traced=True)
    found, errors = [], []
    taken: set[str] = set()
    for new, problems in values:
        if not problems:
            check_new(world, kind, new, taken)
    for row, (new, problems) in zip(rows, values, strict=True):
        if problems:
            errors.append(traced(problems[0], str(row.get("objectWriteTraceId"))))
        else:
            made = world.hubspot.create(kind, new, by_app=True)
            found.append(written(world, made, new))
    body, status = _done(world, found, errors)
    return body, 201 if status == 200 else status


def _inputs(asked: Any) -> tuple[Row, list[Row]]:
    body = asked["body"]
    rows = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise bad("Invalid input JSON: inputs must be a list of objects")
    if len(rows) > MOST:
        raise bad(
            f"The maximum number of inputs supported in a batch request is {MOST}"
        )
    return body, rows


def _properties(row: Row) -> Row:
    given = row.get("properties", {})
    if not isinstance(given, dict):
        raise bad("Invalid input JSON: properties must be an object")
    return given


def _names(body: Row, key: str) -> list[str]:
    given = body.get(key) or []
    if not isinstance(given, list):
        raise bad(f"Invalid input JSON: {key} must be a list")
    return [str(one) for one in given]


def _wants_archived(asked: Any) -> bool:
    return bool(asked["query"].get("archived") == "true")


def _unique(world: World, kind: str, given: Any) -> str:
    """The property that finds records: `id`, or one with unique values."""
    by = "id" if given in (None, "") else str(given)
    known = world.hubspot.properties[kind].get(by)
    if by != "id" and (known is None or not known.is_unique):
        raise _not_unique(kind, by)
    return by


def _not_unique(kind: str, name: Any) -> Exception:
    said = f"Unable to perform update/upsert by non-unique {TYPE_IDS[kind]} property"
    return bad(f"{said} {name}")


def _once(rows: list[Row]) -> list[str]:
    """The ids of the rows, no two of them the same; capitals apart, for addresses."""
    ids = [str(row.get("id", "")) for row in rows]
    counts = Counter(own.casefold() for own in ids)
    twice = sorted(own for own, count in counts.items() if count > 1)
    if twice:
        said = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. "
        raise bad(said + "IDs must be unique", context={"ids": twice})
    return ids


def _present(world: World, kind: str, by: str, key: str) -> Record | None:
    record = world.hubspot.find(kind, by, key)
    return None if record is None or record.is_archived else record


def _values(
    world: World,
    kind: str,
    rows: list[Row],
    there: list[Record | None],
    *,
    always_traced: bool = False,
) -> Checked:
    """The values of each row, and what is wrong with them.

    Raises:
        Failed: something is wrong, and the errors cannot go to their records:
            that takes a trace id in every row, and for updates a switch.
    """
    options, known = world.hubspot.options, world.hubspot.properties[kind]
    found = [
        checked(
            known, row.get("properties", {}), options, now.properties if now else {}
        )
        for row, now in zip(rows, there, strict=True)
    ]
    wrong = [problem for _, problems in found for problem in problems]
    can_trace = all(row.get("objectWriteTraceId") for row in rows)
    if wrong and not (can_trace and (always_traced or options.trace_errors)):
        raise invalid(wrong, options.error_list)
    return found


def _done(world: World, rows: list[Row], errors: list[Row]) -> Answer:
    if world.hubspot.options.shuffle:
        world.random.shuffle(rows)
    now = stamp(world.clock.today())
    body = {
        "status": "COMPLETE",
        "results": rows,
        "startedAt": now,
        "completedAt": now,
    }
    if not errors:
        return body, 200
    return {**body, "numErrors": len(errors), "errors": errors}, 207
