"""A path against the fields that a 6sense product documents, in either spelling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.domain import AnswerField, ProductInfo
from app.mapping.findings import closest
from app.mapping.paths import Highest, Name, Part, PathMistake, Pick, Step, step_of


class NotThere(PathMistake):
    """A name that the product does not have at this level."""

    def __init__(self, name: str, level: Sequence[AnswerField]) -> None:
        super().__init__(name)
        self.name = name
        self.level = tuple(field.name for field in level)


@dataclass(slots=True)
class Way:
    """How far a path was followed, and the steps to go there at run time."""

    level: Sequence[AnswerField]
    field: AnswerField | None = None
    #: Of what a bracket picked: an object with members, or a plain value.
    item_kind: str = "object"
    is_list: bool = False
    names: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()

    @property
    def kind(self) -> str:
        """The kind of what it ends at: a field, or an item of a list."""
        return self.field.kind if self.field else self.item_kind

    @property
    def is_segment_name(self) -> bool:
        """Whether 6sense gives it only while segment names are switched on."""
        return self.names[:1] == ("segments",) and self.names[-1] in ("names", "name")

    def down(self, name: str) -> None:
        """Follow a name, which may be an alias."""
        found = named(self.level, name)
        if found is None:
            raise NotThere(name, self.level)
        self.field = found
        self.level = found.members
        self.names = (*self.names, found.name)
        self.is_list = self.is_list or found.kind in ("list", "object_list")
        self.steps = (*self.steps, step_of(Name(found.name)))

    def pick(self, part: Part, text: str) -> None:
        """Follow a bracket: one item of a list."""
        before = self.field
        if before is None or before.kind not in ("list", "object_list"):
            raise PathMistake(
                f"{text} picks from something that is no list",
                "Brackets stand after a list: scores[product=Name].",
            )
        self.item_kind = "object" if before.kind == "object_list" else "text"
        if isinstance(part, Pick | Highest) and before.kind == "list":
            fix = f"Use contains in a condition, or a position: {before.name}[0]."
            raise PathMistake(f"{text} picks a member, but {before.name} has none", fix)
        if isinstance(part, Pick | Highest):
            part, scale = self._canonical(part)
            self.steps = (*self.steps, step_of(part, scale))
        elif before.name == "scores":
            raise PathMistake(
                f"{text} picks a score by position; 6sense does not promise an order",
                "Use [product=Name] or [highest=company_intent_score]",
            )
        else:
            self.steps = (*self.steps, step_of(part))
        self.field, self.is_list = None, False

    def _canonical(self, part: Pick | Highest) -> tuple[Part, tuple[str, ...]]:
        if not self.level:
            return part, ()
        member = named(self.level, part.member)
        if member is None:
            raise NotThere(part.member, self.level)
        if isinstance(part, Pick):
            return Pick(member.name, part.value), ()
        if member.kind not in ("int", "number") and not member.scale:
            ranked = [m.name for m in self.level if m.kind == "int" or m.scale]
            raise PathMistake(
                f"[highest={part.member}] needs a number or a documented scale",
                f"Use one of {', '.join(ranked)}." if ranked else "Use [product=Name].",
            )
        return Highest(member.name), member.scale


def follow(parts: Sequence[Part], info: ProductInfo, text: str) -> Way:
    """The way to a path's value.

    Raises:
        NotThere: the product has no such field; `name` and `level` say where.
        PathMistake: a bracket that picks nothing, or by position from scores.
    """
    way = Way(info.fields)
    for part in parts:
        if isinstance(part, Name):
            way.down(part.name)
        else:
            way.pick(part, text)
    return way


def has(parts: Sequence[Part], info: ProductInfo) -> bool:
    """Whether a product's answer has that path."""
    try:
        follow(parts, info, "")
    except PathMistake:
        return False
    return True


def named(fields: Sequence[AnswerField], name: str) -> AnswerField | None:
    """The field of that name in either documented spelling, capitals apart."""
    for field in fields:
        if name == field.name or name in field.aliases:
            return field
    folded = name.casefold()
    for field in fields:
        if folded in (field.name.casefold(), *(a.casefold() for a in field.aliases)):
            return field
    return None


def suggestion(text: str, miss: NotThere, info: ProductInfo) -> str | None:
    """The whole path that was probably meant, or None."""
    near = closest(miss.name, miss.level)
    if near is not None:
        head, _, tail = text.rpartition(miss.name)
        return f"{head}{near}{tail}"
    root = text.partition(".")[0]
    for field in info.fields:
        member = named(field.members, miss.name)
        if member is not None:
            bracket = "[product=Name]" if field.name == "scores" else ""
            return f"{root}.{field.name}{bracket}.{member.name}"
    return None
