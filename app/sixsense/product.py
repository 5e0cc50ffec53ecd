"""What one 6sense product is to us: a request to check, an answer to read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from marshmallow import ValidationError

from app.domain import LookupResult, ProductInfo
from app.errors import AnswerUnexpected, RequestRefused
from app.sixsense.reading import AnswerSchema, schema_of
from app.sixsense.rules import RULES, TEXT, Rule

#: System name in errors.
SYSTEM: Final = "6sense"

#: Method, and the keyword arguments of Remote.call that carry the inputs.
Request = tuple[str, Mapping[str, Any]]


#: `https://www.acme.example:443/about` → `www.acme.example`.
_ADDRESS: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?//([^/?#]*)|([^/?#]+)", re.I)


def form(inputs: Mapping[str, Any]) -> Request:
    """The encoding of the five form products; JSON is refused by them.

    `ip` goes into the header that 6sense's own examples have for it.
    """
    sent = {name: value for name, value in inputs.items() if name != "ip"}
    headers = {"Cache-Control": "no-cache", **visitor(inputs)}
    return "POST", {"data": sent, "headers": headers}


def visitor(inputs: Mapping[str, Any]) -> Mapping[str, str]:
    """The header of a visitor's address, if there is one."""
    return {"X-Forwarded-For": inputs["ip"]} if "ip" in inputs else {}


def trimmed(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent of the inputs: blank ones are not, and of `domain` only the host."""
    found = {name: _trimmed(value) for name, value in inputs.items()}
    if isinstance(found.get("domain"), str):
        found["domain"] = _host(found["domain"])
    return {name: value for name, value in found.items() if value not in ("", [], None)}


def _trimmed(value: Any) -> Any:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list | tuple):
        members = [_trimmed(one) for one in value]
        return [one for one in members if one not in ("", None)]
    return value


def _host(address: str) -> str:
    """CRMs keep whole web addresses, and 6sense knows domains only."""
    found = _ADDRESS.match(address)
    host = (found[1] or found[2] or "") if found else ""
    name, _, port = host.rpartition(":")
    return name if port.isdigit() else host


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
    request: Callable[[Mapping[str, Any]], Request] = form
    #: Statuses that mean "not known", as far as 6sense documents them.
    no_match: frozenset[int] = frozenset({204, 404})
    #: What its inputs must be; the others have to be texts.
    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    #: Whether 6sense's partners have to say on whose behalf they ask.
    is_for_partners: bool = False
    #: The product whose token opens this one as well.
    opened_by: str | None = None

    @cached_property
    def schema(self) -> AnswerSchema:
        """The answer's shape, from the product's field table."""
        return schema_of(self.info.fields)

    def check(self, inputs: Mapping[str, Any]) -> None:
        """Refuse what 6sense would refuse, before it costs a call.

        `inputs` are trimmed. A list is never cut to what 6sense takes: what was
        asked for would be missing without a word.

        Raises:
            RequestRefused: an unknown input, none of a required group, or a
                malformed one; `code` says which of the three.
        """
        unknown = sorted(set(inputs) - set(self.info.inputs))
        if unknown:
            raise self._refused("input-unknown", f"has no input {unknown[0]}")
        for group in self.info.required:
            if not any(name in inputs for name in group):
                raise self._refused("input-missing", f"needs {' or '.join(group)}")
        for name, value in sorted(inputs.items()):
            fits, said = self.rules.get(name, TEXT)
            if not fits(value):
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
