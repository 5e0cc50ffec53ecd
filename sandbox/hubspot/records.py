"""Single records: read, written, made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import Failed, bad, error, invalid, not_there
from sandbox.hubspot.state import Record
from sandbox.hubspot.values import checked

if TYPE_CHECKING:
    from sandbox.state import World

Answer = tuple[Any, int]
#: One of these is what a new record has at least.
_LEAST = {"contact": ("email", "firstname", "lastname"), "company": ("name", "domain")}


def get_one(world: World, kind: str, asked: Any) -> Answer:
    """One record by id, or by `idProperty`."""
    record = _one(world, kind, asked)
    names, past = (
        [name for name in asked["query"].get(key, "").split(",") if name]
        for key in ("properties", "propertiesWithHistory")
    )
    return record.as_json(world.hubspot.known(kind, names), past), 200


def update_one(world: World, kind: str, asked: Any) -> Answer:
    """One record changed, by id or by `idProperty`."""
    record = _one(world, kind, asked)
    state = world.hubspot
    given = _given(asked)
    known = state.properties[kind]
    values, problems = checked(known, given, state.options, record.properties)
    if problems:
        raise invalid(problems, state.options.error_list)
    state.change(record, values, by_app=True)
    return written(world, record, values), 200


def create_one(world: World, kind: str, asked: Any) -> Answer:
    """One new record; an address that is there already is a conflict."""
    state = world.hubspot
    values, problems = checked(state.properties[kind], _given(asked), state.options)
    if problems:
        raise invalid(problems, state.options.error_list)
    check_new(world, kind, values, set())
    made = state.create(kind, values, by_app=True)
    return written(world, made, values), 201


def check_new(world: World, kind: str, values: dict[str, str], taken: set[str]) -> None:
    """See that a record may be made; its address goes into `taken`.

    Raises:
        Failed: it lacks all that names it, or its address is somebody's.
    """
    least = _LEAST[kind]
    if not any(values.get(name) for name in least):
        raise bad(f"At least one of the properties is needed: {', '.join(least)}")
    email = values.get("email", "").casefold() if kind == "contact" else ""
    there = world.hubspot.find(kind, "email", email) if email else None
    if there is not None and not there.is_archived:
        said = f"Contact already exists. Existing ID: {there.id}"
        raise Failed(error(said, "CONFLICT"), 409)
    if email and email in taken:
        raise bad("Two of the contacts have the same email")
    taken.add(email)


def written(world: World, record: Record, names: Iterable[str]) -> dict[str, Any]:
    """A record as the answer to a write shows it, with whose write it was."""
    shown = record.as_json(list(names))
    source = {
        "hs_object_source": "INTEGRATION",
        "hs_object_source_id": world.hubspot.options.app_id,
    }
    return {**shown, "properties": {**source, **shown["properties"]}}


def _given(asked: Any) -> Any:
    body = asked["body"]
    if not isinstance(body, dict):
        raise bad("Invalid input JSON")
    return body.get("properties", {})


def _one(world: World, kind: str, asked: Any) -> Record:
    query = asked["query"]
    by = query.get("idProperty", "id")
    known = world.hubspot.properties[kind].get(by)
    if by != "id" and (known is None or not known.is_unique):
        raise bad(f"Property {by} is not unique")
    record = world.hubspot.find(kind, by, asked["record"])
    if record is None or record.is_archived != (query.get("archived") == "true"):
        raise not_there()
    return record
