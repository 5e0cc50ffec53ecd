"""The words of the language in the editors' schema: rules, converters, comparisons."""

from __future__ import annotations

from typing import Any

from app.mapping import reasons, rules, schema, trial_schema
from app.mapping.comparisons import COMPARISONS
from app.mapping.converters import CONVERTERS
from app.mapping.spans import FORM

Json = dict[str, Any]

ANY: Json = {}
OBJECT: Json = {"type": "object"}
TEXT: Json = {"type": "string", "pattern": "\\S"}
TEXTS: Json = {"type": "array", "minItems": 1, "items": {"type": "string"}}
CONSTANT: Json = {"type": ["string", "number", "boolean"]}
SPAN: Json = {"type": "string", "description": FORM, "examples": ["1 day", "30 days"]}


def events() -> Json:
    """`on`: a list of events, or one for each object."""
    events = {
        "type": "array",
        "minItems": 1,
        "items": {"enum": list(schema.EVENTS)},
    }
    by_object = {**OBJECT, "minProperties": 1, "additionalProperties": events}
    return {"anyOf": [events, by_object]}


def write() -> Json:
    """A write rule."""
    targets = {"anyOf": [TEXT, TEXTS]}
    return {
        "anyOf": [
            {"enum": list(rules.WORDS)},
            only("if-higher", SPAN),
            only("with", targets),
        ]
    }


def converter() -> Json:
    """`as`, each converter with its example."""
    words = [
        {"const": name, "description": _first_line(convert)}
        for name, convert in CONVERTERS.items()
    ]
    code = {"type": "string", "pattern": "^[A-Z]{3}$"}
    return {"anyOf": [*words, only("currency", code)]}


def condition() -> Json:
    """A condition; it may hold others."""
    inner = {"$ref": "#/definitions/condition"}
    several = {"type": "array", "minItems": 1, "items": inner}
    return {
        **OBJECT,
        "minProperties": 1,
        "properties": {"all": several, "any": several, "not": inner},
        "additionalProperties": {"$ref": "#/definitions/comparison"},
    }


def comparison() -> Json:
    """What is compared with a path."""
    forms: dict[str, Json] = {
        "is": CONSTANT,
        "is_empty": {"type": "boolean"},
        "older_than": SPAN,
    }
    words = {
        name: {**forms.get(name, ANY), "description": _first_line(make)}
        for name, make in COMPARISONS.items()
    }
    return {
        **OBJECT,
        "minProperties": 1,
        "properties": words,
        "additionalProperties": False,
    }


def answer() -> Json:
    """An answer of 6sense in a test."""
    words = [str(word) for word in trial_schema.GIVEN]
    file = {"type": "string", "pattern": "\\.json$"}
    return {"anyOf": [OBJECT, {"enum": words}, file]}


def reply() -> Json:
    """What the sender of a webhook hears."""
    return {"anyOf": [{"const": "accepted"}, only("values", only("within", SPAN))]}


def only(key: str, value: Json) -> Json:
    """A map of this one key."""
    return {
        **OBJECT,
        "properties": {key: value},
        "required": [key],
        "additionalProperties": False,
    }


def reason_codes() -> list[str]:
    """All codes of kept fields, in the order of reasons.py."""
    said = vars(reasons).items()
    return [value for name, value in said if name.isupper() and isinstance(value, str)]


def _first_line(described: object) -> str:
    return (described.__doc__ or "").strip().partition("\n")[0]
