"""Options of the 6sense stand-in and what it remembers: windows and credits."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from sandbox import options
from sandbox.limits import SlidingWindow
from sandbox.options import Count, Delay, Flag, Seconds, Texts
from sandbox.people import PRODUCTS

#: operation → 6sense's product name, as used in entitlements
PRODUCT_NAMES = {
    "lead_scoring_firmographics_v2": "lead-scoring-and-firmographics",
    "lead_scoring_v2": "lead-scoring",
    "company_firmographics_v3": "company-firmographics",
    "company_firmographics_v2": "company-firmographics-v2",
    "people_enrichment_v1": "people-enrichment",
    "company_identification_v3": "company-identification",
    "people_search_v1": "people-search",
    "people_search_dictionary_v1": "people-search-dictionary",
}

#: Whoever may do the first may do the second, in this order.
_OPENS = {
    "people-enrichment": "people-search",
    "people-search": "people-search-dictionary",
}

_TOKEN_KEYS: dict[str, options.Check] = {
    "name": options.text,
    "apis": options.texts,
    "scores": options.yes_or_no,
    "segments": options.one_of("names", "ids", "off"),
    "credits": options.count,
    "identification_credits": options.count,
}
#: The two pools of credits.
ENRICHMENT, IDENTIFICATION = "enrichment", "company-identification"


def _tokens(value: object) -> str | None:
    """Check: {token: {name, apis, scores, segments, credits, ...}}."""
    if not isinstance(value, dict):
        return "an object of tokens"
    for entitlements in value.values():
        if not isinstance(entitlements, dict):
            return "an object of tokens, each with an object of entitlements"
        for key, content in entitlements.items():
            if key not in _TOKEN_KEYS:
                return f"tokens with the keys {', '.join(_TOKEN_KEYS)}"
            if wrong := _TOKEN_KEYS[key](content):
                return f"tokens whose {key} is {wrong}"
        known = {*PRODUCT_NAMES, *PRODUCT_NAMES.values()}
        if extra := set(entitlements.get("apis", [])) - known:
            return f"tokens whose apis are 6sense's names; {sorted(extra)} are not"
    return None


def _retry_after(value: object) -> str | None:
    """Check: false, true (seconds until a place is free), or seconds."""
    if isinstance(value, bool):
        return None
    return options.count(value) and "true, false or seconds"


@dataclass(frozen=True)
class SixsenseOptions:
    """Every switch of the 6sense stand-in; docs/sandbox.md has one line each."""

    accept_any_token: Flag = True
    tokens: Annotated[dict[str, dict[str, Any]], _tokens] = field(default_factory=dict)
    credits: Count = 1_000_000
    credit_window_days: Count = 30
    credit_window_of: Literal["pool", "api"] = "pool"
    identification_credits: Count = 1_000_000
    identification_charge: Literal["each", "per-ip"] = "each"
    charge_non_actionable: Flag = False
    when_spent: Literal["reuse", "refuse"] = "reuse"
    rate_calls: Count = 100
    rate_seconds: Seconds = 60
    retry_after: Annotated[Any, _retry_after] = False
    latency_ms: Delay = 0
    names: Literal["sample", "table"] = "sample"
    scores: Flag = True
    shuffle_scores: Flag = False
    products: Texts = field(default_factory=lambda: list(PRODUCTS))
    segments: Literal["names", "ids", "off"] = "names"
    malformed: Literal["404", "blank"] = "404"
    unmatched: Literal["blank", "404", "204"] = "blank"
    blank_texts: Literal["null", "empty"] = "null"
    blank_company: Literal["fields", "null"] = "fields"
    country_filters: Flag = False
    any_content_type: Flag = False
    invalid_ip: Literal["blank", "404"] = "blank"
    no_people: Literal["204", "empty"] = "204"
    over_limit: Literal["422", "cut"] = "422"
    titles: Literal["whole", "part"] = "whole"
    short_paths: Flag = False
    cors: Flag = True


@dataclass
class Pool:
    """What one token has used of one pool."""

    used: int = 0
    #: record → when it was first charged, epoch seconds
    charged: dict[str, float] = field(default_factory=dict)


@dataclass
class TokenState:
    """What one token has used."""

    label: str
    window: SlidingWindow = field(default_factory=SlidingWindow)
    pools: defaultdict[str, Pool] = field(default_factory=lambda: defaultdict(Pool))
    calls: int = 0
    refused_429: int = 0


class SixsenseState:
    """Options, and one TokenState for each token seen. Callers hold the lock."""

    def __init__(self) -> None:
        self.options = SixsenseOptions()
        self.tokens: dict[str, TokenState] = {}
        self.no_match: defaultdict[str, int] = defaultdict(int)

    def entitlement(self, token: str, key: str, default: Any) -> Any:
        """What a configured token may, else the default."""
        return self.options.tokens.get(token, {}).get(key, default)

    def credits_left(self, token: str, pool: str = ENRICHMENT) -> int:
        """Balance of one of the token's pools."""
        key = "credits" if pool == ENRICHMENT else "identification_credits"
        granted = self.entitlement(token, key, getattr(self.options, key))
        return max(0, granted - self.tokens[token].pools[pool].used)

    def may_spend(self, token: str, pool: str, record: str, now: float) -> bool:
        """False when the answer has to be 402."""
        if self.credits_left(token, pool) > 0:
            return True
        reuse = self.options.when_spent == "reuse"
        return reuse and self._is_paid(token, pool, record, now)

    def charge(self, token: str, pool: str, record: str, now: float) -> int:
        """Credits that this record costs now: 0 within its window, else 1.

        The window is fixed: it begins with the first charged answer.
        """
        if self._is_paid(token, pool, record, now):
            return 0
        state = self.tokens[token].pools[pool]
        state.charged[record] = now
        state.used += 1
        return 1

    def _is_paid(self, token: str, pool: str, record: str, now: float) -> bool:
        since = self.tokens[token].pools[pool].charged.get(record)
        days = self.options.credit_window_days
        if pool == IDENTIFICATION:
            days = 365 if self.options.identification_charge == "per-ip" else 0
        return since is not None and now < since + days * 86_400

    def as_json(self, now: float) -> dict[str, Any]:
        """Calls, credits and windows of each token; tokens are masked."""
        shown = {}
        for token, state in self.tokens.items():
            shown[state.label] = {
                "calls": state.calls,
                "refused_429": state.refused_429,
                "in_window": state.window.used(now, self.options.rate_seconds),
                "credits_used": state.pools[ENRICHMENT].used,
                "credits_left": self.credits_left(token),
                "records_charged": len(state.pools[ENRICHMENT].charged),
                "identification_credits_used": state.pools[IDENTIFICATION].used,
                "identification_credits_left": self.credits_left(token, IDENTIFICATION),
            }
        return {"tokens": shown, "no_match": dict(self.no_match)}


def read_apis(apis: list[str] | None) -> frozenset[str] | None:
    """Entitled operations, whichever of the two names was given; None: all."""
    if apis is None:
        return None
    named = {PRODUCT_NAMES.get(one, one) for one in apis}
    for opener, opened in _OPENS.items():
        named |= {opened} if opener in named else set()
    return frozenset(op for op, name in PRODUCT_NAMES.items() if name in named)
