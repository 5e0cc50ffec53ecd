"""From what 6sense sends to canonical names and types: a reader for each kind.

6sense prints numbers as texts, leaves fields out, sends null, "" or [] for what is
blank, and spells names in two ways. Readers are built once from a product's table;
an answer is then one walk along it. What cannot be read becomes `Unreadable`,
never a wrong value; only a wrong shape of a whole part refuses the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load
from marshmallow.constants import missing

from app.domain import AnswerField, Unreadable
from app.sixsense.fields import UNORDERED

Reader = Callable[[Any], Any]

# Commas and blanks only between groups of three: "12,5" may be a decimal comma.
_WHOLE: Final = re.compile(
    r"[$€£¥]? ?(-?(?:\d{1,18}|\d{1,3}(?:[, ]\d{3}){1,5}))(?:\.0+)?", re.ASCII
)
_FLAGS: Final = {"true": True, "True": True, "false": False, "False": False}
_BLANKS: Final[tuple[Any, ...]] = (None, "", [], {})
_LONGEST_RAW: Final = 80


def is_blank(raw: Any) -> bool:
    """Missing, null, "" and an empty list all mean "not present"."""
    return raw in _BLANKS or (isinstance(raw, str) and raw.isspace())


def read_text(raw: Any) -> str | Unreadable | None:
    """Trimmed; blank → None. A number counts as its digits."""
    if raw is None:
        return None
    if isinstance(raw, str):
        return clean(raw) or None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int):
        return str(raw)
    if isinstance(raw, float):
        return str(int(raw)) if raw.is_integer() else repr(raw)
    return None if is_blank(raw) else _unreadable(raw)


def clean(text: str) -> str:
    """Trimmed, and without what PostgreSQL cannot keep: NUL, half surrogates."""
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.strip()


def read_whole(raw: Any) -> int | Unreadable | None:
    """1192, "1192", "$12,603,100", 41.0; blank → None; "about 50" → Unreadable."""
    if raw is None or raw == "":
        return None
    if type(raw) is int:
        return raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if isinstance(raw, str):
        text = raw.strip()
        found = _WHOLE.fullmatch(text)
        if found:
            return int(found[1].replace(",", "").replace(" ", ""))
        return _unreadable(text) if text else None
    return None if is_blank(raw) else _unreadable(raw)


def read_score(raw: Any) -> int | Unreadable | None:
    """A whole number from 0 to 100, as every score is documented."""
    number = read_whole(raw)
    if isinstance(number, int) and not 0 <= number <= 100:
        return _unreadable(raw)
    return number


def read_flag(raw: Any) -> bool | Unreadable | None:
    """true, false and the words for them; blank → None, which is not false."""
    if raw is None or isinstance(raw, bool):
        return raw
    if isinstance(raw, str) and raw.strip() in _FLAGS:
        return _FLAGS[raw.strip()]
    return None if is_blank(raw) else _unreadable(raw)


def read_list(raw: Any) -> list[Any]:
    """Blank → []; a text is split at commas; blank members are dropped."""
    if is_blank(raw):
        return []
    if isinstance(raw, str):
        raw = raw.split(",")
    members = raw if isinstance(raw, list) else [raw]
    read = [one if type(one) is int else read_text(one) for one in members]
    return [one for one in read if one is not None]


def reader_of(field: AnswerField, *, is_strict: bool = False) -> Reader:
    """The reader of one field; `is_strict`: a wrong shape raises ValidationError.

    Only the parts of an answer are strict. Inside them an object of the wrong shape
    is as good as absent: one odd side field must not cost the rest of the answer.
    """
    if field.kind == "object":
        return _after(field, _object(field.members, is_strict=is_strict))
    if field.kind == "object_list":
        return _object_list(field.members, is_strict=is_strict)
    if field.kind == "enum":
        return _enum(field.scale or UNORDERED.get(field.name, ()))
    if field.kind == "int" and field.name.endswith("_score"):
        return read_score
    return _READERS[field.kind]


_READERS: Final[Mapping[str, Reader]] = {
    "text": read_text,
    "int": read_whole,
    "flag": read_flag,
    "list": read_list,
}


def _enum(values: Iterable[str]) -> Reader:
    folded = {value.casefold(): value for value in values}

    def read(raw: Any) -> Any:
        text = read_text(raw)
        return folded.get(text.casefold(), text) if isinstance(text, str) else text

    return read


def _object(members: tuple[AnswerField, ...], *, is_strict: bool) -> Reader:
    plan = tuple((m.name, m.aliases, reader_of(m)) for m in members)
    known = frozenset(alias for m in members for alias in m.aliases)

    def read(raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            if is_strict and not is_blank(raw):
                raise ValidationError("is not an object")
            raw = {}
        found = {}
        for name, aliases, reader in plan:
            # Not `or`: 0 and false are values.
            value = raw.get(aliases[0])
            if len(aliases) > 1 and is_blank(value):
                value = _first(raw, aliases[1:])
            found[name] = reader(value)
        if not known.issuperset(raw):
            found["extra"] = {k: v for k, v in raw.items() if k not in known}
        return found

    return read


def _first(raw: Mapping[str, Any], aliases: Iterable[str]) -> Any:
    for alias in aliases:
        value = raw.get(alias)
        if not is_blank(value):
            return value
    return None


def _object_list(members: tuple[AnswerField, ...], *, is_strict: bool) -> Reader:
    one = _object(members, is_strict=False)

    def read(raw: Any) -> list[dict[str, Any]]:
        if is_blank(raw):
            return []
        given = raw if isinstance(raw, list) else [raw]
        if is_strict and not all(
            isinstance(row, dict) or is_blank(row) for row in given
        ):
            raise ValidationError("is not a list of objects")
        found = [one(row) for row in given if isinstance(row, dict)]
        # A row of nulls is another way in which 6sense says that there is none.
        return [
            row for row in found if not all(v is None or v == [] for v in row.values())
        ]

    return read


def _after(field: AnswerField, read: Reader) -> Reader:
    return _with_pairs(read) if field.name == "segments" else read


def _with_pairs(read: Reader) -> Reader:
    """Segments as ids, names and pairs, whichever of the three 6sense sent.

    `names` stays empty where names are switched off at 6sense.
    """

    def segments(raw: Any) -> dict[str, Any]:
        found: dict[str, Any] = read(raw)
        found["ids"] = [_id(one) for one in found["ids"]]
        if not found["list"]:
            found["list"] = _pairs(found["ids"], found["names"], raw)
        for key, member in (("ids", "id"), ("names", "name")):
            if not found[key]:
                values = [row[member] for row in found["list"]]
                found[key] = [value for value in values if value is not None]
        return found

    return segments


def _id(raw: Any) -> Any:
    number = read_whole(raw)
    return number if isinstance(number, int) else raw


def _pairs(ids: list[Any], names: list[Any], raw: Any) -> list[dict[str, Any]]:
    names = [str(name) if type(name) is int else name for name in names]
    if not ids:
        return [{"id": None, "name": name} for name in names]
    # A blank among the names was dropped, and with it the knowledge of whose it was.
    sent = raw.get("names") if isinstance(raw, dict) else None
    is_parallel = len(ids) == len(names) and (
        not isinstance(sent, list) or len(sent) == len(names)
    )
    if not is_parallel:
        names = [None] * len(ids)
    return [
        {"id": _unreadable(i) if isinstance(i, str) else i, "name": name}
        for i, name in zip(ids, names, strict=True)
    ]


def _unreadable(raw: Any) -> Unreadable:
    text = raw if isinstance(raw, str) else json.dumps(raw, default=str)
    return Unreadable(clean(text)[:_LONGEST_RAW])


class Part(fields.Field[Any]):
    """One top-level part of an answer; absent and null read alike."""

    def __init__(self, field: AnswerField) -> None:
        super().__init__(data_key=field.aliases[0])
        self._aliases = field.aliases
        self._read = reader_of(field, is_strict=True)

    def deserialize(
        self, value: Any, attr: Any = None, data: Any = None, **kwargs: Any
    ) -> Any:
        """Not `_deserialize`: that one is never asked about null or nothing."""
        if value is missing or is_blank(value):
            value = _first(data or {}, self._aliases)
        return self._read(value)


class AnswerSchema(Schema):
    """An answer: its parts, and `extra` for what no table has."""

    #: Names on the wire that a part reads.
    known: frozenset[str] = frozenset()

    class Meta:
        unknown = EXCLUDE

    @post_load(pass_original=True)
    def keep_extra(
        self, found: dict[str, Any], original: Mapping[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        """What is not in the table stays readable, unchanged."""
        if not self.known.issuperset(original):
            found["extra"] = {k: v for k, v in original.items() if k not in self.known}
        return found


def schema_of(parts: Iterable[AnswerField]) -> AnswerSchema:
    """The schema of one product's answer; made once, used by all threads."""
    table = tuple(parts)
    members: dict[str, Any] = {part.name: Part(part) for part in table}
    members["known"] = frozenset(alias for part in table for alias in part.aliases)
    made: AnswerSchema = type("ProductAnswer", (AnswerSchema,), members)()
    return made
