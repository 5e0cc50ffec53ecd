"""The properties of an account, and whose account it is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import Failed, bad, error, not_there
from sandbox.hubspot.properties import Property

if TYPE_CHECKING:
    from sandbox.state import World

Answer = tuple[Any, int]
_NEEDS = ("name", "label", "type", "fieldType", "groupName")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
#: type → the ways in which it may be shown.
_FIELD_TYPES = {
    "string": ("text", "textarea", "html", "file", "phonenumber"),
    "number": ("number",),
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox"),
    "date": ("date",),
    "datetime": ("date",),
}
_SENSITIVITIES = ("non_sensitive", "sensitive", "highly_sensitive")
_MOST_UNIQUE = 10
TIME_ZONE = "Europe/Oslo"


def properties(world: World, kind: str, asked: Any) -> Answer:
    """All properties of an object, those with sensitive values only when asked."""
    wanted = asked["query"].get("dataSensitivity", "non_sensitive")
    rows = [
        one.as_json()
        for one in world.hubspot.properties[kind].values()
        if one.sensitivity == wanted and asked["query"].get("archived") != "true"
    ]
    return {"results": rows}, 200


def get_property(world: World, kind: str, asked: Any) -> Answer:
    """One property by its name."""
    found = world.hubspot.properties[kind].get(asked["record"])
    if found is None:
        raise not_there()
    return found.as_json(), 200


def create_property(world: World, kind: str, asked: Any) -> Answer:
    """A new property, which can be written at once."""
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    new = _read(body)
    known = world.hubspot.properties[kind]
    if new.name in known:
        said = f"A property named '{new.name}' already exists."
        sub = "Properties.PROPERTY_WITH_NAME_EXISTS"
        body = error(said, "OBJECT_ALREADY_EXISTS", subCategory=sub)
        raise Failed(body, 409)
    unique = [one for one in known.values() if one.is_unique and one.is_custom]
    if new.is_unique and len(unique) >= _MOST_UNIQUE:
        raise bad(f"No more than {_MOST_UNIQUE} properties may have unique values")
    known[new.name] = new
    return new.as_json(), 201


def account(world: World, kind: str, asked: Any) -> Answer:
    """Whose account it is."""
    return {
        "portalId": world.hubspot.options.portal_id,
        "accountType": "STANDARD",
        "timeZone": TIME_ZONE,
        "companyCurrency": "NOK",
        "additionalCurrencies": [],
        "utcOffset": "+01:00",
        "utcOffsetMilliseconds": 3_600_000,
        "uiDomain": "app.hubspot.example",
        "dataHostingLocation": "eu1",
    }, 200


def _read(body: dict[str, Any]) -> Property:
    for name in _NEEDS:
        if not isinstance(body.get(name), str) or not body[name]:
            raise bad(f"Some required fields were not set: [{name}]")
    if not _NAME.fullmatch(body["name"]):
        raise bad(f"{body['name']} is no name of a property: a-z, 0-9 and _")
    if body["fieldType"] not in _FIELD_TYPES.get(body["type"], ()):
        raise bad(f"Type {body['type']} has no field type {body['fieldType']}")
    if (body.get("dataSensitivity") or "non_sensitive") not in _SENSITIVITIES:
        raise bad(f"dataSensitivity must be one of {', '.join(_SENSITIVITIES)}")
    listed = body.get("options") or []
    if not isinstance(listed, list) or not all(_is_option(one) for one in listed):
        raise bad("options must have label and value each")
    return Property(
        body["name"],
        body["type"],
        body["fieldType"],
        label=body["label"],
        options={one["value"]: one["label"] for one in listed},
        group=body["groupName"],
        is_unique=body.get("hasUniqueValue") is True,
        is_custom=True,
        description=str(body.get("description") or ""),
        sensitivity=body.get("dataSensitivity") or "non_sensitive",
    )


def _is_option(one: Any) -> bool:
    return isinstance(one, dict) and all(
        isinstance(one.get(name), str) for name in ("label", "value")
    )
