"""The templates of `text:`. `{}` is the value, `{lead.company}` another path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from app.domain import Unreadable
from app.mapping.empty import is_empty
from app.mapping.findings import Findings, shorten
from app.mapping.nodes import Node, Scalar
from app.mapping.readers import UNKNOWN, Path, Scope
from app.mapping.reasons import BAD_VALUE, Keep, unknown
from app.mapping.resolve import Reach, Resolver
from app.values import text_form

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Template:
    """Texts and holes; None is the hole for the value itself."""

    pieces: tuple[str | Path | None, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The other values that it reads."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Path))

    @property
    def has_value(self) -> bool:
        """Whether `{}` is in it; if not, it is a source itself."""
        return None in self.pieces

    def fill(
        self, scope: Scope, value: Any, no_value: frozenset[str] = frozenset()
    ) -> str | None:
        """The text, or None if one hole is empty; raises Keep."""
        texts: list[str] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                texts.append(piece)
                continue
            found = value if piece is None else piece.read(scope)
            if found is UNKNOWN:
                raise unknown(scope, [path.root for path in self.paths])
            if is_empty(found, no_value):
                return None
            if isinstance(found, Unreadable):
                raise Keep(BAD_VALUE, f"'{shorten(found.raw)}' cannot be read.")
            if isinstance(found, dict | list):
                raise Keep(BAD_VALUE, "A hole of the text has more than one value.")
            texts.append(text_form(found))
        return "".join(texts)


def compile_template(
    node: Node | None, reach: Reach, findings: Findings, resolver: Resolver
) -> Template | None:
    """The template of a node, or None after a complaint."""
    if not isinstance(node, Scalar):
        return None
    pieces: list[str | Path | None] = []
    for found in _PIECE.finditer(text_form(node.value)):
        token, inner = found[0], found[1]
        if token in ("{{", "}}"):
            pieces.append(token[0])
        elif token in ("{", "}"):
            fix = "Write {{ and }} for a brace."
            findings.say("M404", "a brace in the text has no partner", node, fix)
            return None
        elif inner is None:
            pieces.append(token)
        elif not inner.strip():
            pieces.append(None)
        else:
            path = resolver.path(node, reach, inner.strip())
            if path is None:
                return None
            if path.is_list:
                fix = "Pick one item: [product=Name] or [highest=member]."
                findings.say("M203", f"{path.text} is a list", node, fix)
                return None
            pieces.append(path)
    return Template(tuple(pieces))
