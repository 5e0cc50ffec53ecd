"""One field entry at run time: when → source → as → translate → text → join → cut.

An entry is compiled when its file is loaded; here is only what happens for each
record. A step that has to leave the field alone raises Keep with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.domain import CrmField, LookupResult, Unreadable
from app.errors import ConversionFailed
from app.mapping.conditions import Condition
from app.mapping.empty import is_empty
from app.mapping.findings import shorten
from app.mapping.fit import check_length, length
from app.mapping.readers import Scope
from app.mapping.reasons import (
    BAD_VALUE,
    FAULTS,
    NO_TRANSLATION,
    NO_VALUE,
    NOT_APPLICABLE,
    FailRun,
    Keep,
    unknown,
)
from app.mapping.rules import ALWAYS, Rule
from app.mapping.tables import FAIL, KEEP, MISSING, SKIP, Translation
from app.mapping.templates import Template
from app.values import text_form


class Drawn(NamedTuple):
    """What a source gives: a value, where it came from, and if it is a constant."""

    value: Any
    origin: str
    is_final: bool = False
    is_blank: bool = False


Draw = Callable[[Scope], Drawn]


@dataclass(frozen=True, slots=True)
class Shorten:
    """`max` and `cut`; `limit` None is `auto`: the schema's length alone."""

    limit: int | None
    cut: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of the mapping, or one input of a lookup."""

    field: str
    draw: Draw
    when: Condition | None = None
    otherwise: Any = None
    convert: Callable[[Any], Any] | None = None
    translation: Translation | None = None
    template: Template | None = None
    join: str | None = None
    shorten: Shorten | None = None
    rule: Rule = ALWAYS
    clear: bool = False
    no_value: frozenset[str] = frozenset()
    fails: bool = False
    #: The lookups whose answers it reads, anywhere.
    lookups: frozenset[str] = frozenset()
    #: It reads nothing else, so that without an answer nothing is known.
    reads_answers_only: bool = False
    #: The type of its values, by the file alone, as CrmField names types.
    kind: str = "string"

    def value(self, scope: Scope, crm: CrmField | None = None) -> Drawn:
        """The value for one record, before it is fitted to the CRM's field.

        Raises:
            Keep: the field stays as it is.
            FailRun: the run waits for a person.
        """
        try:
            return self._value(scope, crm)
        except Keep as keep:
            if self.fails and keep.reason in FAULTS:
                raise FailRun(f"{self.field}: {keep.sentence}") from None
            raise

    def _value(self, scope: Scope, crm: CrmField | None) -> Drawn:
        if self.reads_answers_only and self._was_not_asked(scope):
            raise unknown(scope, self.lookups)
        if self.when is not None:
            held = self.when.test(scope)
            if held is None:
                raise unknown(scope, self.lookups)
            if not held:
                return self._not_applicable(self.when)
        drawn = self.draw(scope)
        if drawn.is_final:
            return drawn
        value = drawn.value
        if is_empty(value, self.no_value):
            return self._nothing(scope, drawn.origin)
        try:
            value = self._polish(value, scope, crm)
        except Keep as keep:
            keep.origin = drawn.origin
            raise
        if is_empty(value):
            return self._nothing(scope, drawn.origin)
        return Drawn(value, drawn.origin)

    def _was_not_asked(self, scope: Scope) -> bool:
        for name in self.lookups:
            answer = scope.answers.get(name)
            if answer is None or answer.result is not LookupResult.NOT_ASKED:
                return False
        return True

    def _not_applicable(self, when: Condition) -> Drawn:
        if self.otherwise is not None:
            return Drawn(self.otherwise, "otherwise", is_final=True)
        sentence = (
            f"The mapping writes this field only when {when.words}, "
            "which is not so for this lead."
        )
        raise Keep(NOT_APPLICABLE, sentence)

    def _nothing(self, scope: Scope, origin: str) -> Drawn:
        if self.otherwise is not None:
            return Drawn(self.otherwise, "otherwise", is_final=True)
        if self.clear and self.lookups and self._all_matched(scope):
            return Drawn(None, origin, is_final=True, is_blank=True)
        keep = Keep(NO_VALUE, "" if self.lookups else "There is no value.")
        keep.origin = origin
        raise keep

    def _all_matched(self, scope: Scope) -> bool:
        return all(
            name in scope.answers and scope.answers[name].result is LookupResult.MATCHED
            for name in self.lookups
        )

    def _polish(self, value: Any, scope: Scope, crm: CrmField | None) -> Any:
        value = self._readable(value)
        if self.convert is not None:
            value = self._convert(value)
        if self.translation is not None:
            value = self._translate(self.translation, value)
        if self.template is not None:
            value = self.template.fill(scope, value, self.no_value)
        if self.join is not None and value is not None:
            return self._join(self.join, value, crm)
        return self._cut(value, crm, []) if isinstance(value, str) else value

    def _readable(self, value: Any) -> Any:
        if not isinstance(value, list):
            _refuse_bad(value)
            return value
        if self.join is None:
            raise Keep(BAD_VALUE, "The value is a list, and the entry has no join.")
        items = [item for item in value if not is_empty(item, self.no_value)]
        for item in items:
            _refuse_bad(item)
        return items

    def _convert(self, value: Any) -> Any:
        convert = self.convert
        if convert is None:  # pragma: no cover - asked before
            return value
        try:
            if isinstance(value, list):
                return [convert(item) for item in value]
            return convert(value)
        except ConversionFailed as error:
            raise Keep(BAD_VALUE, str(error)) from None

    def _translate(self, table: Translation, value: Any) -> Any:
        if not isinstance(value, list):
            found = self._look_up(table, value)
            if found is MISSING:
                sentence = f"'{shorten(value)}' is not in {table.called}."
                raise Keep(NO_TRANSLATION, sentence, value)
            return found
        found = [self._look_up(table, item) for item in value]
        kept = [item for item in found if item is not MISSING]
        if not kept and not self.clear:
            shown = shorten(", ".join(text_form(item) for item in value))
            raise Keep(NO_TRANSLATION, f"'{shown}' is not in {table.called}.", value)
        return kept

    def _look_up(self, table: Translation, value: Any) -> Any:
        found = table.find(value)
        if found is not MISSING or table.missing == SKIP:
            return found
        if table.missing == KEEP:
            return value
        if table.missing == FAIL:
            where = f" in {table.name}" if table.name else ""
            shown = shorten(value)
            raise FailRun(f"{self.field}: no translation for '{shown}'{where}")
        return table.use

    def _join(self, separator: str, value: Any, crm: CrmField | None) -> str:
        items = value if isinstance(value, list) else [value]
        texts = list(dict.fromkeys(text_form(item) for item in items))
        texts = [text for text in texts if text]
        if crm is not None and crm.type == "multipicklist":
            for text in texts:
                if separator.strip() and separator.strip() in text:
                    shown = shorten(text)
                    sentence = f"'{shown}' contains the separator '{separator}'."
                    raise Keep(BAD_VALUE, sentence)
        return self._cut(separator.join(texts), crm, texts)

    def _cut(self, value: str, crm: CrmField | None, items: list[str]) -> str:
        if self.shorten is None:
            return value
        limit, in_bytes = _limit(self.shorten.limit, crm)
        if limit is None or length(value, in_bytes=in_bytes) <= limit:
            return value
        cut = self.shorten.cut
        if cut == "items":
            text = _cut_items(items, self.join or "", limit, in_bytes=in_bytes)
        elif cut in ("words", "characters"):
            text = _cut_text(value, limit, in_bytes=in_bytes, at_word=cut == "words")
        else:
            text = ""
        if not text:
            check_length(value, limit, in_bytes=in_bytes)
        return text


def _refuse_bad(value: Any) -> None:
    if isinstance(value, Unreadable):
        sentence = f"'{shorten(value.raw)}' from 6sense cannot be read."
        raise Keep(BAD_VALUE, sentence)
    if isinstance(value, (dict, list)):
        raise Keep(BAD_VALUE, "The value is a group of values, not one.")


def _limit(limit: int | None, crm: CrmField | None) -> tuple[int | None, bool]:
    if crm is None or crm.length is None:
        return limit, crm is not None and crm.length_in_bytes
    smaller = crm.length if limit is None else min(limit, crm.length)
    return smaller, crm.length_in_bytes


def _cut_items(items: list[str], join: str, limit: int, *, in_bytes: bool) -> str:
    """The first items that go in, whole."""
    text = ""
    for item in items:
        longer = f"{text}{join}{item}" if text else item
        if length(longer, in_bytes=in_bytes) > limit:
            break
        text = longer
    return text


def _cut_text(text: str, limit: int, *, in_bytes: bool, at_word: bool) -> str:
    if in_bytes:
        cut = text.encode("utf-8", "replace")[:limit].decode("utf-8", "ignore")
    else:
        cut = text[:limit]
    if not at_word:
        return cut.rstrip()
    if cut[-1:].isspace() or text[len(cut) : len(cut) + 1].isspace():
        return cut.rstrip()
    head = cut.rsplit(None, 1)
    return head[0].rstrip() if len(head) > 1 else ""
