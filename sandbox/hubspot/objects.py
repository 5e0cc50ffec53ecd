"""Contacts and companies: batches, search, single records; HubSpot's error bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import request

from sandbox.hubspot.properties import Property, Refused, stamp, stored
from sandbox.hubspot.state import Record, now_utc

if TYPE_CHECKING:
    from sandbox.state import World

MOST, MOST_WITH_HISTORY, MOST_FOUND = 100, 50, 10_000
_ID = "5f1d0e9a-2c7b-4f0e-8a5c-9d1b7c3e4a60"
UNAUTHORIZED = {
    "status": "error",
    "message": "Authentication credentials not found. This API supports OAuth 2.0 "
    "authentication and you can find more details at "
    "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
    "correlationId": _ID,
    "category": "INVALID_AUTHENTICATION",
}
SCOPES = {
    "status": "error",
    "message": "This app hasn't been granted all required scopes to make this call. "
    "Read more about required scopes here: https://developers.hubspot.com/scopes.",
    "correlationId": _ID,
    "errors": [
        {
            "message": "One or more of the following scopes are required.",
            "context": {"requiredGranularScopes": ["crm.objects.contacts.write"]},
        }
    ],
    "links": {"scopes": "https://developers.hubspot.com/scopes"},
    "category": "MISSING_SCOPES",
}
SECONDLY = {
    "status": "error",
    "message": "You have reached your secondly limit.",
    "correlationId": _ID,
    "category": "RATE_LIMITS",
}
Answer = tuple[Any, int]


class Failed(Exception):
    """A refusal of a whole call."""

    def __init__(self, body: Any, status: int = 400) -> None:
        super().__init__(str(status))
        self.body = body
        self.status = status


def error(message: str, category: str, **more: Any) -> dict[str, Any]:
    """An error body."""
    return {
        "status": "error",
        "message": message,
        "correlationId": _ID,
        "category": category,
        **more,
    }


def limited(policy: str) -> dict[str, Any]:
    """The body of a 429 by one of the policies."""
    return {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": _ID,
        "policyName": policy,
        "requestId": _ID,
    }


def subjects(body: Any, record: str) -> frozenset[str]:
    """The ids and addresses that a call is about, for faults that name one."""
    rows = body.get("inputs") if isinstance(body, dict) else None
    found = {record} if record else set()
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            found.add(str(row.get("id", "")).lower())
    return frozenset(found - {""})


def batch_read(world: World, kind: str, asked: Any) -> Answer:
    """Up to 100 by id or by a unique property; 207 if some are not there."""
    body, rows = _inputs(asked)
    if body.get("propertiesWithHistory") and len(rows) > MOST_WITH_HISTORY:
        said = (
            "The maximum number of inputs supported in a batch request for property "
            "histories is 50. Please reduce the number of items and try again"
        )
        raise Failed(error(said, "VALIDATION_ERROR"))
    past = [str(one) for one in body.get("propertiesWithHistory") or ()]
    by = str(body.get("idProperty") or "id")
    names = [str(one) for one in body.get("properties") or ()]
    found, missing = [], []
    for row in rows:
        key = str(row.get("id", ""))
        record = world.hubspot.find(kind, by, key)
        if record is not None and not record.is_archived:
            found.append(record.as_json(names, past))
        elif key not in world.hubspot.merged:
            missing.append(key)
    return _done(world, found, _missing(kind, missing))


def batch_update(world: World, kind: str, asked: Any) -> Answer:
    """Up to 100 by id. One bad value refuses them all."""
    body, rows = _inputs(asked)
    if "idProperty" in body or any("idProperty" in row for row in rows):
        said = "Unable to perform update/upsert by non-unique 0-1 property"
        raise Failed(error(said, "VALIDATION_ERROR"))
    ids = [str(row.get("id", "")) for row in rows]
    twice = sorted({one for one in ids if ids.count(one) > 1})
    if twice:
        said = f"Duplicate IDs found in batch input: [{', '.join(twice)}]. "
        more = {"context": {"ids": twice}}
        raise Failed(error(said + "IDs must be unique", "VALIDATION_ERROR", **more))
    values = [_checked(world, kind, row.get("properties")) for row in rows]
    bad = [problem for _, problems in values for problem in problems]
    traced: list[dict[str, Any]] = []
    if bad and not world.hubspot.options.trace_errors:
        raise Failed(_invalid(bad))
    found, missing, traces = [], [], []
    for row, own, (new, problems) in zip(rows, ids, values, strict=True):
        record = world.hubspot.find(kind, "id", own)
        trace = row.get("objectWriteTraceId")
        if problems:
            traced.append(_traced(problems[0], trace))
        elif own in world.hubspot.merged:
            continue
        elif record is None or record.is_archived:
            missing.append(own)
            traces += [str(trace)] if trace else []
        else:
            world.hubspot.change(record, new, by_app=True)
            found.append({**record.as_json(list(new))})
    return _done(world, found, [*traced, *_missing(kind, missing, traces)])


def batch_create(world: World, kind: str, asked: Any) -> Answer:
    """New records, all or none."""
    _, rows = _inputs(asked)
    made = [_new(world, kind, row.get("properties")) for row in rows]
    shown = [one.as_json(list(one.properties)) for one in made]
    body, _ = _done(world, shown, [])
    return body, 201


def get_one(world: World, kind: str, asked: Any) -> Answer:
    """One record by id, or by `idProperty`."""
    record = _one(world, kind, asked["record"])
    names = [n for n in request.args.get("properties", "").split(",") if n]
    return record.as_json(names), 200


def update_one(world: World, kind: str, asked: Any) -> Answer:
    """One record changed."""
    record = _one(world, kind, asked["record"])
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    values, problems = _checked(world, kind, body.get("properties"))
    if problems:
        raise Failed(_invalid(problems))
    world.hubspot.change(record, values, by_app=True)
    return record.as_json(list(values)), 200


def create_one(world: World, kind: str, asked: Any) -> Answer:
    """One new record; an address that is there already is a conflict."""
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    made = _new(world, kind, body.get("properties"))
    return made.as_json(list(made.properties)), 201


def search(world: World, kind: str, asked: Any) -> Answer:
    """Filters of EQ and GTE, one sort, pages; no more than 10,000."""
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    groups = body.get("filterGroups") or [{}]
    found = [
        record
        for record in world.hubspot.records.values()
        if record.kind == kind
        and not record.is_archived
        and any(_fits(record, group) for group in groups)
    ]
    sorts = body.get("sorts") or [{"propertyName": "createdate"}]
    by = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": str(sorts[0])}
    found.sort(
        key=lambda one: (_value(one, str(by.get("propertyName"))), one.id),
        reverse=by.get("direction") == "DESCENDING",
    )
    start, limit = int(body.get("after") or 0), int(body.get("limit") or 10)
    if limit > 200 or start + limit > MOST_FOUND:
        raise Failed(error("The limit is too high", "VALIDATION_ERROR"))
    page = found[start : start + limit]
    names = [str(one) for one in body.get("properties") or ()]
    answer: dict[str, Any] = {
        "total": len(found),
        "results": [one.as_json(names) for one in page],
    }
    if start + limit < len(found):
        answer["paging"] = {"next": {"after": str(start + limit)}}
    return answer, 200


def properties(world: World, kind: str, asked: Any) -> Answer:
    """All properties of an object."""
    rows = world.hubspot.properties[kind].values()
    return {"results": [one.as_json() for one in rows]}, 200


def account(world: World, kind: str, asked: Any) -> Answer:
    """Whose account it is."""
    return {
        "portalId": world.hubspot.options.portal_id,
        "accountType": "STANDARD",
        "timeZone": "Europe/Oslo",
    }, 200


def _inputs(asked: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    body = asked["body"]
    rows = body.get("inputs") if isinstance(body, dict) else None
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        raise Failed(error("Invalid input JSON", "VALIDATION_ERROR"))
    if len(rows) > MOST:
        said = "The maximum number of inputs supported in a batch request is 100"
        raise Failed(error(said, "VALIDATION_ERROR"))
    return body, rows


def _done(
    world: World, rows: list[dict[str, Any]], errors: list[dict[str, Any]]
) -> Answer:
    if world.hubspot.options.shuffle:
        world.random.shuffle(rows)
    now = stamp(now_utc())
    body = {
        "status": "COMPLETE",
        "results": rows,
        "startedAt": now,
        "completedAt": now,
    }
    if not errors:
        return body, 200
    return {**body, "numErrors": len(errors), "errors": errors}, 207


def _missing(
    kind: str, ids: list[str], traces: list[str] | None = None
) -> list[dict[str, Any]]:
    if not ids:
        return []
    context = {"ids": ids, **({"objectWriteTraceId": traces} if traces else {})}
    said = (
        f"Could not get some {kind.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid."
    )
    return [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": said,
            "context": context,
        }
    ]


def _checked(
    world: World, kind: str, given: Any
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Values as they are kept, and what is wrong with the others."""
    known: Mapping[str, Property] = world.hubspot.properties[kind]
    values, problems = {}, []
    for name, value in (given if isinstance(given, dict) else {}).items():
        try:
            if name not in known:
                said = f'Property "{name}" does not exist'
                raise Refused("PROPERTY_DOESNT_EXIST", said)
            values[name] = stored(known[name], value)
        except Refused as refused:
            problems.append(
                {
                    "isValid": False,
                    "message": refused.message,
                    "error": refused.code,
                    "name": name,
                }
            )
    return values, problems


def _invalid(problems: list[dict[str, Any]]) -> dict[str, Any]:
    listed = json.dumps(problems, separators=(",", ":"))
    errors = [
        {
            "message": one["message"],
            "code": one["error"],
            "context": {"propertyName": [one["name"]]},
        }
        for one in problems
    ]
    message = f"Property values were not valid: {listed}"
    return error(message, "VALIDATION_ERROR", errors=errors)


def _traced(problem: dict[str, Any], trace: Any) -> dict[str, Any]:
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "code": problem["error"],
        "message": problem["message"],
        "context": {
            "objectWriteTraceId": [str(trace)],
            "propertyName": [problem["name"]],
        },
    }


def _new(world: World, kind: str, given: Any) -> Record:
    values, problems = _checked(world, kind, given)
    if problems:
        raise Failed(_invalid(problems))
    email = values.get("email")
    there = world.hubspot.find(kind, "email", email) if email else None
    if there is not None:
        said = f"Contact already exists. Existing ID: {there.id}"
        raise Failed(error(said, "CONFLICT"), 409)
    return world.hubspot.create(kind, values, by_app=True)


def _one(world: World, kind: str, key: str) -> Record:
    by = request.args.get("idProperty", "id")
    record = world.hubspot.find(kind, by, key)
    if record is None or record.is_archived:
        raise Failed(error("resource not found", "OBJECT_NOT_FOUND"), 404)
    return record


def _fits(record: Record, group: Any) -> bool:
    filters = group.get("filters") or [] if isinstance(group, dict) else []
    for one in filters:
        value = _value(record, str(one.get("propertyName")))
        wanted = str(one.get("value", ""))
        match one.get("operator"):
            case "EQ" if value.casefold() != wanted.casefold():
                return False
            case "GTE" if _number(value) < _number(wanted):
                return False
    return True


def _value(record: Record, name: str) -> str:
    if name == "createdate":
        return str(int(record.created.timestamp() * 1000))
    if name in ("lastmodifieddate", "hs_lastmodifieddate"):
        return str(int(record.updated.timestamp() * 1000))
    if name == "hs_object_id":
        return record.id
    return record.properties.get(name) or ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
