"""What one 6sense product is to us: a request to check, an answer to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from marshmallow import ValidationError

from app.domain import LookupResult, ProductInfo
from app.errors import AnswerUnexpected, RequestRefused
from app.sixsense.reading import AnswerSchema, schema_of

#: System name in errors.
SYSTEM: Final = "6sense"

#: Method, and the keyword arguments of Remote.call that carry the inputs.
Request = tuple[str, Mapping[str, Any]]


def form(inputs: Mapping[str, str]) -> Request:
    """The encoding of the five form products; JSON is refused by them."""
    return "POST", {"data": inputs}


def is_email(text: str) -> bool:
    """One @ with text on both sides and nothing that breaks a line.

    6sense answers a malformed address with a 404, which would look like "no match"
    and still cost a place in the rate limit.
    """
    name, at, host = text.partition("@")
    is_one = bool(at and name and host) and "@" not in host
    return is_one and len(text) <= 320 and text.isprintable() and " " not in text


#: What an input must be, beyond being there; and how to say that it is not.
RULES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = MappingProxyType(
    {"email": (is_email, "is not an e-mail address")}
)


@dataclass(frozen=True)
class Product:
    """One product; a file of this folder makes one, `PRODUCTS` lists them."""

    info: ProductInfo
    #: A key of client.HOSTS.
    host: str
    #: With its version, as it is called.
    path: str
    #: Whether an answer with status 200 has anything to say; of the canonical form.
    has_data: Callable[[Mapping[str, Any]], bool]
    request: Callable[[Mapping[str, str]], Request] = form
    #: Statuses that mean "not known", as far as 6sense documents them.
    no_match: frozenset[int] = frozenset({204, 404})
    rules: Mapping[str, tuple[Callable[[str], bool], str]] = field(
        default_factory=lambda: RULES
    )

    @cached_property
    def schema(self) -> AnswerSchema:
        """The answer's shape, from the product's field table."""
        return schema_of(self.info.fields)

    def check(self, inputs: Mapping[str, str]) -> None:
        """Refuse what 6sense would refuse, before it costs a call.

        Raises:
            RequestRefused: an unknown input, none of a required group, or a
                malformed one; `code` says which of the three.
        """
        unknown = sorted(set(inputs) - set(self.info.inputs))
        if unknown:
            raise self._refused("input-unknown", f"has no input {unknown[0]}")
        filled = {name for name, value in inputs.items() if value.strip()}
        for group in self.info.required:
            if not filled.intersection(group):
                raise self._refused("input-missing", f"needs {' or '.join(group)}")
        for name in sorted(filled & self.rules.keys()):
            fits, said = self.rules[name]
            if not fits(inputs[name].strip()):
                raise self._refused("input-malformed", f"was not asked: {name} {said}")

    def canonical(self, raw: Any) -> dict[str, Any]:
        """6sense's answer under canonical names, with numbers and flags as such.

        Every field of the product is there; blank is None or []. What no table
        has is under `extra`, beside its neighbours, if there is any.

        Raises:
            AnswerUnexpected: a part has the wrong shape altogether.
        """
        if not isinstance(raw, dict):
            raise self._unexpected("the answer is not an object")
        try:
            found: dict[str, Any] = self.schema.load(raw)
        except ValidationError as error:
            parts = error.messages if isinstance(error.messages, dict) else {}
            said = "; ".join(f"{name} {' '.join(m)}" for name, m in parts.items())
            raise self._unexpected(said) from None
        return found

    def outcome(
        self, status: int, canonical: Mapping[str, Any] | None = None
    ) -> LookupResult:
        """Whether 6sense knew the lead; by the status first, then by what it said."""
        if status in self.no_match or canonical is None:
            return LookupResult.NO_MATCH
        is_match = self.has_data(canonical)
        return LookupResult.MATCHED if is_match else LookupResult.NO_MATCH

    def _refused(self, code: str, said: str) -> RequestRefused:
        name = self.info.name
        return RequestRefused(
            f"{name} {said}", system=SYSTEM, operation=name, code=code
        )

    def _unexpected(self, said: str) -> AnswerUnexpected:
        name = self.info.name
        return AnswerUnexpected(f"{name}: {said}", system=SYSTEM, operation=name)
