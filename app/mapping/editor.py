"""A JSON Schema of mapping files, so that editors complete and underline them.

Made from the tables that loading uses: its keys are those of schema.py, its words
those of the rules, converters, comparisons and products; and from the pulled fields.
It refuses nothing that loading takes. The other way round it is coarser: what two
keys have to do with each other is for `leadbridge check`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from marshmallow import fields

from app.domain import ProductInfo
from app.mapping import editor_words as words
from app.mapping import schema, shape, trial_schema
from app.mapping.editor_fields import for_snapshot, names_of
from app.mapping.editor_words import ANY, CONSTANT, OBJECT, SPAN, TEXT, TEXTS
from app.mapping.fragments import KEYS as FRAGMENT_KEYS
from app.mapping.model import SKIP, WAIT
from app.mapping.shape import Check, Strict
from app.mapping.snapshots import Snapshot

Json = dict[str, Any]

#: What editors of YAML understand best.
DIALECT = "http://json-schema.org/draft-07/schema#"

#: Checks that say all there is to say.
FORMS: Mapping[Check, Json] = {
    shape.a_text: TEXT,
    shape.a_name: TEXT,
    shape.a_constant: CONSTANT,
    shape.a_separator: {"type": "string", "minLength": 1},
    shape.a_flag: {"type": "boolean"},
    shape.a_whole: {"type": "integer", "minimum": 1},
    shape.a_span: SPAN,
    shape.some_texts: TEXTS,
    schema.write_rule: {"$ref": "#/definitions/write"},
    trial_schema.an_answer: {"$ref": "#/definitions/answer"},
}


def editor_text(
    products: Sequence[ProductInfo], snapshots: Sequence[Snapshot] = ()
) -> str:
    """The file: the same for the same fields, so that git shows real changes only."""
    made = editor_schema(products, snapshots)
    return json.dumps(made, indent=1, ensure_ascii=True) + "\n"


def editor_schema(
    products: Sequence[ProductInfo], snapshots: Sequence[Snapshot] = ()
) -> Json:
    """The schema of routes, and of fragments: they begin with `fragment`."""
    return {
        "$schema": DIALECT,
        "title": "Leadbridge mapping file",
        "type": "object",
        "if": {"required": ["fragment"]},
        "then": {"$ref": "#/definitions/fragment"},
        "else": {"$ref": "#/definitions/mapping"},
        "definitions": _Maker(products, snapshots).definitions(),
    }


class _Maker:
    """The definitions while they are made."""

    def __init__(
        self, products: Sequence[ProductInfo], snapshots: Sequence[Snapshot]
    ) -> None:
        self.products = [each for each in products if each.is_lookup]
        self.snapshots = snapshots

    def definitions(self) -> Json:
        """Every definition by its name."""
        mapping = self.shape(schema.MappingSchema)
        # `each` and fragments make fields as well.
        mapping["required"].remove("fields")
        mapping["anyOf"] = [{"required": [k]} for k in ("fields", "each", "include")]
        mapping["allOf"] = [for_snapshot(each) for each in self.snapshots]
        known = names_of(self.snapshots)
        parts = {key: mapping["properties"][key] for key in FRAGMENT_KEYS[1:]}
        fragment_fields = {**parts["fields"], "properties": known}
        return {
            "mapping": mapping,
            "fragment": {
                "type": "object",
                "properties": {
                    "fragment": {"const": 1},
                    **parts,
                    "fields": fragment_fields,
                },
                "additionalProperties": False,
            },
            "EntrySchema": self.shape(schema.EntrySchema),
            "CaseSchema": self.shape(schema.CaseSchema),
            "InputSchema": self.shape(schema.InputSchema),
            "LookupSchema": self._lookup(),
            "TrialSchema": self._trial(trial_schema.TrialSchema),
            "StepSchema": self._trial(trial_schema.StepSchema),
            "ExpectSchema": self.shape(trial_schema.ExpectSchema),
            "write": words.write(),
            "condition": words.condition(),
            "comparison": words.comparison(),
            "answer": words.answer(),
        }

    def shape(self, of: type[Strict]) -> Json:
        """A map with the keys of a shape, and no others."""
        properties: Json = {}
        required: list[str] = []
        for name, field in of().fields.items():
            key = field.data_key or name
            properties[key] = self._field(key, field)
            if field.required:
                required.append(key)
        return {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def _field(self, key: str, field: fields.Field[Any]) -> Json:
        if isinstance(field, shape.Part):
            part = _ref(field.schema) if _is_shared(field.schema) else None
            part = part or self.shape(field.schema)
            if isinstance(field, shape.Named):
                either = _text_or(part, {"const": "off"})
                return {**OBJECT, "minProperties": 1, "additionalProperties": either}
            if isinstance(field, shape.Each):
                return {"type": "array", "minItems": 1, "items": part}
            return part
        if not isinstance(field, shape.Shape):  # pragma: no cover - there is none
            return ANY
        if isinstance(field.check, shape.OneOf):
            return {"enum": list(field.check.words)}
        return FORMS.get(field.check) or self.by_key(key)

    def by_key(self, key: str) -> Json:
        """Keys whose values are looked at where they are compiled."""
        condition = {"$ref": "#/definitions/condition"}
        table = {"anyOf": [TEXT, OBJECT]}
        known: dict[str, Json] = {
            "mapping": {"const": 1},
            "on": words.events(),
            "reply": words.reply(),
            "request_campaign": {"anyOf": [FORMS[shape.a_whole], TEXT]},
            "bulk": condition,
            "skip_when": condition,
            "when": condition,
            "each": self._each(),
            "include": {"anyOf": [TEXT, TEXTS]},
            "translations": {**OBJECT, "additionalProperties": table},
            "translate": table,
            "tests": {"type": "array", "items": _ref(trial_schema.TrialSchema)},
            "next": {"type": "array", "items": _ref(trial_schema.StepSchema)},
            "send": {**OBJECT, "minProperties": 1, "additionalProperties": _input()},
            "as": words.converter(),
            "max": {"anyOf": [{"const": "auto"}, FORMS[shape.a_whole]]},
            "no_value": {"type": "array", "items": CONSTANT},
            "kept": {**OBJECT, "additionalProperties": {"enum": words.reason_codes()}},
            "schema": {
                **OBJECT,
                "additionalProperties": self.shape(trial_schema.FieldSchema),
            },
            "skipped": {"anyOf": [{"const": True}, TEXT]},
            "failed": {"anyOf": [{"const": True}, TEXT]},
            "now": TEXT,
        }
        return known.get(key, OBJECT)

    def _each(self) -> Json:
        row = {**OBJECT, "additionalProperties": CONSTANT, "minProperties": 1}
        entries = {**OBJECT, "additionalProperties": _ref(schema.EntrySchema)}
        block = {
            **OBJECT,
            "properties": {"with": {"type": "array", "items": row}, "fields": entries},
            "required": ["with", "fields"],
            "additionalProperties": False,
        }
        return {"type": "array", "minItems": 1, "items": block}

    def _lookup(self) -> Json:
        """A lookup: the APIs there are, and the inputs that each of them has."""
        made = self.shape(schema.LookupSchema)
        frees = [each for each in self.products if each.pool is None]
        budget = made["properties"]["budget"]
        budget["properties"]["when_spent"] = {
            "enum": [WAIT, SKIP, *(name for each in frees for name in _called(each))]
        }
        names = [name for each in self.products for name in _called(each)]
        made["properties"]["api"] = {"enum": names}
        made["allOf"] = [
            {
                "if": {
                    "properties": {"api": {"enum": _called(each)}},
                    "required": ["api"],
                },
                "then": {
                    "properties": {
                        "send": {
                            "properties": dict.fromkeys(each.inputs, ANY),
                            "propertyNames": {"enum": list(each.inputs)},
                        }
                    }
                },
            }
            for each in self.products
        ]
        return made

    def _trial(self, of: type[Strict]) -> Json:
        """A test; beside its own keys stand the names of lookups."""
        answer = {"$ref": "#/definitions/answer"}
        return {**self.shape(of), "additionalProperties": answer}


#: Shapes that stand in several places, or in themselves.
_SHARED = (
    schema.EntrySchema,
    schema.CaseSchema,
    schema.LookupSchema,
    trial_schema.ExpectSchema,
)


def _is_shared(of: type[Strict]) -> bool:
    return of in _SHARED


def _ref(of: type[Strict]) -> Json:
    return {"$ref": f"#/definitions/{of.__name__}"}


def _called(info: ProductInfo) -> list[str]:
    return [info.name, info.path_alias]


def _input() -> Json:
    return _text_or(_ref(schema.InputSchema), TEXT)


def _text_or(other: Json, text: Json) -> Json:
    """Not anyOf: an editor then says what is wrong inside, and where."""
    return {"if": {"type": "string"}, "then": text, "else": other}
