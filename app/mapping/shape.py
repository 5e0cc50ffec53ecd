"""What may stand at one place of the file: checks that give a Complaint or nothing.

The building blocks of schema.py. A Complaint becomes a Finding when its place is
known.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields

from app.domain import Finding
from app.mapping.findings import did_you_mean, shorten
from app.mapping.nodes import Items, Node, Table, located, plain
from app.mapping.spans import FORM, span_of


@dataclass(frozen=True, slots=True)
class Complaint:
    """A finding without a place; `on_key`: the key is wrong, not its value."""

    code: str
    message: str
    fix: str = ""
    on_key: bool = False


Check = Callable[[Any], Complaint | None]


class Shape(fields.Field[Any]):
    """A field whose check says in our words what is wrong."""

    def __init__(self, check: Check, *, required: bool = False, key: str = "") -> None:
        super().__init__(required=required, allow_none=True, data_key=key or None)
        self.check = check

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """As it is; raises ValidationError holding a Complaint."""
        if value is None:
            complain(Complaint("M107", f"'{args[0]}' has no value", "Leave it out."))
        return super().deserialize(value, *args, **kwargs)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        complaint = self.check(value)
        if complaint is not None:
            complain(complaint)
        return value


class Part(fields.Field[Any]):
    """A map of its own shape."""

    def __init__(self, schema: type[Strict], *, required: bool = False, key: str = ""):
        super().__init__(required=required, allow_none=True, data_key=key or None)
        self.schema = schema

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping):
            complain(Complaint("M107", f"'{attr}' wants a map", self.schema.example))
        return shape_of(self.schema).load(value)

    def deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        """A missing value is a map that is missing."""
        if value is None:
            self._deserialize(value, args[0])
        return super().deserialize(value, *args, **kwargs)


class Named(Part):
    """A map of names, each with a map of one shape; `off` in a name's place is none."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, Mapping) or not value:
            message = f"'{attr}' wants names with an entry each"
            complain(Complaint("M107", message, self.schema.example))
        errors: dict[str, Any] = {}
        for name, inner in value.items():
            try:
                Part._deserialize(self, inner, name)
            except ValidationError as error:
                errors[name] = error.messages
        if errors:
            raise ValidationError(errors)
        return value


class Each(Part):
    """A list of maps of one shape."""

    def _deserialize(self, value: Any, attr: str | None, *_: Any, **__: Any) -> Any:
        if not isinstance(value, list) or not value:
            complain(Complaint("M107", f"'{attr}' wants a list", self.schema.example))
        errors: dict[int, Any] = {}
        for index, inner in enumerate(value):
            try:
                Part._deserialize(self, inner, attr)
            except ValidationError as error:
                errors[index] = error.messages
        if errors:
            raise ValidationError(errors)
        return value


class Strict(Schema):
    """Unknown and missing keys are refused in our words, with the likely key."""

    class Meta:
        unknown = RAISE

    #: How such a map looks; the fix where something else stands in its place.
    example = ""

    def handle_error(
        self, error: ValidationError, data: Any, *, many: bool, **kwargs: Any
    ) -> None:
        """Put our complaints in the place of marshmallow's."""
        messages = error.messages
        known = [field.data_key or name for name, field in self.fields.items()]
        if not isinstance(messages, dict) or not isinstance(data, Mapping):
            return
        for key in messages:
            # `_schema`: about the map as a whole, and in our words already.
            if key not in known and key != "_schema":
                messages[key] = [self._unknown(str(key), known)]
            elif key in known and key not in data:
                messages[key] = [self._missing(str(key))]

    def _missing(self, key: str) -> Complaint:
        """With an example of what is wanted in that place."""
        of_key = {field.data_key or name: field for name, field in self.fields.items()}
        part = of_key[key]
        example = part.schema.example if isinstance(part, Part) else self.example
        return Complaint("M105", f"'{key}' is missing", example or f"Add `{key}: …`.")

    def _unknown(self, key: str, known: Collection[str]) -> Complaint:
        fix = did_you_mean(key, known)
        return Complaint("M103", f"'{key}' is not a key here", fix, on_key=True)


@cache
def shape_of(schema: type[Strict]) -> Strict:
    """The schema, made once: each making copies every field of it."""
    return schema()


def complain(complaint: Complaint) -> None:
    """Raise what marshmallow collects."""
    raise ValidationError([complaint])


def anything(_: Any) -> None:
    """Looked at elsewhere, where more is known."""


def a_text(value: Any) -> Complaint | None:
    """One text that is not blank."""
    if isinstance(value, str) and value.strip():
        return None
    return Complaint("M107", f"{_shown(value)} is not a text")


def a_separator(value: Any) -> Complaint | None:
    """A separator: blanks count."""
    if isinstance(value, str) and value:
        return None
    return Complaint("M107", "`join` wants the text between two items", 'join: "; "')


def a_name(value: Any) -> Complaint | None:
    """The name of an object or a field of the CRM."""
    if isinstance(value, str) and value.strip():
        return None
    return Complaint("M107", f"{_shown(value)} is not a name")


def a_constant(value: Any) -> Complaint | None:
    """One value that is not empty."""
    if isinstance(value, list | dict):
        return Complaint("M107", "one value is wanted here")
    if isinstance(value, str) and not value.strip():
        fix = "Empty is never written; `clear: true` blanks a field."
        return Complaint("M107", "an empty value is wanted nowhere", fix)
    return None


def a_flag(value: Any) -> Complaint | None:
    """true or false."""
    if isinstance(value, bool):
        return None
    return Complaint("M107", f"{_shown(value)} is neither true nor false")


def a_whole(value: Any) -> Complaint | None:
    """A whole number from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return None
    return Complaint("M107", f"{_shown(value)} is not a whole number above 0")


def some_texts(value: Any) -> Complaint | None:
    """A list of texts, at least one."""
    if isinstance(value, list) and value and all(isinstance(v, str) for v in value):
        return None
    return Complaint("M107", "a list of texts is wanted here", "[a, b]")


def a_span(value: Any) -> Complaint | None:
    """A span of time."""
    if span_of(value) is not None:
        return None
    return Complaint("M106", f"{_shown(value)} is not a span of time", FORM)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A check for one of a closed set of words."""

    noun: str
    words: tuple[str, ...]

    def __call__(self, value: Any) -> Complaint | None:
        if isinstance(value, str) and value in self.words:
            return None
        fix = did_you_mean(str(value), self.words)
        return Complaint("M106", f"{_shown(value)} is not {self.noun}", fix)


def one_of(noun: str, *words: str) -> OneOf:
    """One of a closed set of words."""
    return OneOf(noun, words)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    if isinstance(value, Mapping):
        return "a map"
    return f"'{str(value).lower() if isinstance(value, bool) else shorten(value)}'"


def shape_findings(schema: Strict, node: Table) -> list[Finding]:
    """What is wrong with a map's shape, each at its place."""
    errors = schema.validate(plain(node))
    return list(_place(errors, node, node.at))


def _place(errors: Any, node: Node, at: tuple[str, ...]) -> list[Finding]:
    if isinstance(errors, list):
        return [_found(error, node, at) for error in errors]
    found: list[Finding] = []
    for key, inner in errors.items():
        child, child_at = _child(node, key, at)
        if isinstance(node, Table) and isinstance(inner, list) and key in node.keys:
            for error in inner:
                is_key = isinstance(error, Complaint) and error.on_key
                found.append(
                    _found(error, node.keys[key] if is_key else child, child_at)
                )
        else:
            found += _place(inner, child, child_at)
    return found


def _child(node: Node, key: Any, at: tuple[str, ...]) -> tuple[Node, tuple[str, ...]]:
    if isinstance(node, Table) and key in node.entries:
        child = node.entries[key]
        return child, child.at
    if isinstance(node, Items) and isinstance(key, int) and key < len(node.items):
        return node.items[key], node.items[key].at
    return node, at


def _found(error: Any, node: Node, at: tuple[str, ...]) -> Finding:
    if isinstance(error, Complaint):
        return located(error.code, error.message, node, fix=error.fix, at=at)
    return located("M107", str(error).rstrip("."), node, at=at)
