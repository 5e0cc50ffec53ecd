"""Findings while they are collected: one place to complain, and the likely fix."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from app.domain import Finding
from app.mapping.nodes import Node, located


class Findings:
    """All complaints of one loading; the same one is kept once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, findings: Iterable[Finding]) -> None:
        """Keep findings that were made elsewhere."""
        self._found.update(dict.fromkeys(findings))

    def say(
        self,
        code: str,
        message: str,
        node: Node,
        fix: str = "",
        *,
        at: tuple[str, ...] = (),
    ) -> None:
        """Complain about a node; W2.. codes are warnings."""
        self.add([located(code, message, node, fix=fix, at=at)])

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What stops the loading, by file and line."""
        return tuple(f for f in self.all if not f.is_warning)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is told and stops nothing, by file and line."""
        return tuple(f for f in self.all if f.is_warning)

    @property
    def all(self) -> tuple[Finding, ...]:
        """Everything, by file and line."""
        return tuple(sorted(self._found, key=_place))


def _place(finding: Finding) -> tuple[str, int, int, str, str]:
    return (
        finding.file,
        finding.line or 0,
        finding.column or 0,
        finding.code,
        finding.message,
    )


def closest(word: str, choices: Collection[str]) -> str | None:
    """The choice that was probably meant, capitals apart."""
    folded: dict[str, str] = {}
    for choice in choices:
        folded.setdefault(choice.casefold(), choice)
    found = difflib.get_close_matches(word.casefold()[:80], folded, n=1, cutoff=0.65)
    return folded[found[0]] if found else None


def did_you_mean(word: str, choices: Collection[str], *, quote: str = "") -> str:
    """`Did you mean keep-fresh?`, or the choices if none is near; may be empty."""
    near = closest(word, choices)
    if near is not None:
        return f"Did you mean {quote}{near}{quote}?"
    if not 0 < len(choices) <= 12:
        return ""
    return f"Known here: {', '.join(choices)}."


def shorten(value: object, limit: int = 40) -> str:
    """A value as it is quoted in a message: one line, and not too much of it."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def closing_line(findings: Collection[Finding], *, loaded: bool = False) -> str:
    """`2 findings in 1 file. Nothing was loaded; the running mapping is unchanged.`"""
    count, files = len(findings), len({finding.file for finding in findings})
    head = f"{count} finding{'s' * (count != 1)} in {files} file{'s' * (files != 1)}."
    if loaded or all(finding.is_warning for finding in findings):
        return head
    return f"{head} Nothing was loaded; the running mapping is unchanged."
