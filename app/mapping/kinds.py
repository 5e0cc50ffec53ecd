"""The type of what an entry writes, as far as the mapping file alone tells it.

For fields that are still to be made: those that are there have a type already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from app.domain import CrmField

#: What a converter gives, and what a path of an answer has, as CrmField says it.
_CONVERTED: Final[Mapping[str, str]] = {
    "integer": "integer",
    "number": "number",
    "currency": "currency",
    "range-low": "integer",
    "range-high": "integer",
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
}
_READ: Final[Mapping[str, str]] = {
    "int": "integer",
    "number": "number",
    "flag": "boolean",
    "datetime": "datetime",
}


def kind_of(
    converter: str,
    paths: Collection[str],
    constants: Collection[Any],
    translated: Collection[Any] | None,
    *,
    is_text: bool,
) -> str:
    """`paths`: the kinds of what is read; `translated`: what a table gives.

    `string` wherever several could be meant.
    """
    if is_text:
        return "string"
    if translated is not None:
        kinds = {_of_value(value) for value in translated}
    elif converter:
        kinds = {_CONVERTED.get(converter, "string")}
    else:
        kinds = {_READ.get(kind, "string") for kind in paths}
    kinds |= {_of_value(value) for value in constants if value is not None}
    return kinds.pop() if len(kinds) == 1 else "string"


def _of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "number" if isinstance(value, float) else "string"


class Hoped(Mapping[str, CrmField]):
    """A schema in which every field is there, of no type and of a usual length.

    With it a file is good whose fields are still to be made.
    """

    def __getitem__(self, name: str) -> CrmField:
        return CrmField(name, "", length=255)

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
