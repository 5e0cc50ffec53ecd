"""What tests of mapping files share: a catalogue, and shortcuts to load and to map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.domain import (
    CrmField,
    Decisions,
    Finding,
    LookupAnswer,
    LookupResult,
    ProductInfo,
)
from app.mapping.apply import Facts, decide
from app.mapping.load import LoadReport, check_text
from app.mapping.model import MappingFile
from app.sixsense import PRODUCTS, fields
from app.sixsense.product import Product
from app.values import same

FULL, SCORES = "lead-scoring-and-firmographics", "lead-scoring"
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)

#: A product with an answer of another shape: what the lead products do not have.
VISITOR = Product(
    ProductInfo(
        "company-identification",
        "company/details",
        ("ip",),
        (("ip",),),
        "company-identification",
        (
            fields.enum("confidence", fields.CONFIDENCES),
            fields.group("company", fields.COMPANY),
            fields.rows("scores", fields.SCORE),
            fields.SEGMENTS,
        ),
    ),
    host="epsilon",
    path="/v3/company/details",
    has_data=lambda answer: bool(answer["company"]["name"]),
)
CATALOGUE = {FULL: PRODUCTS[FULL], SCORES: PRODUCTS[SCORES], VISITOR.info.name: VISITOR}
PRODUCT_INFOS = {name: product.info for name, product in CATALOGUE.items()}


@dataclass(frozen=True)
class Ours:
    """What we last wrote, and when."""

    value: Any
    at: datetime = NOW

    def equals(self, value: Any) -> bool:
        return same(self.value, value)


def canonical(api: str, raw: Any) -> tuple[LookupResult, Mapping[str, Any]]:
    """An answer as the service would read it."""
    data = CATALOGUE[api].canonical(raw)
    return CATALOGUE[api].outcome(200, data), data


def mapping_text(fields: str = "score: {value: 1}", more: str = "") -> str:
    """A whole mapping around some fields; `more` are top-level keys."""
    indented = "\n".join(f"  {line}" for line in fields.strip().splitlines())
    more = f"{more.strip()}\n" if more.strip() else ""
    lookups = (
        ""
        if more.startswith("lookups:") or "\nlookups:" in more
        else f"lookups: {{sixsense: {{api: {FULL}, send: {{email: lead.email}}}}}}\n"
    )
    return (
        "mapping: 1\nsource: acme\nobject: lead\nmatch: {by: id, from: lead.id}\n"
        f"{lookups}{more}fields:\n{indented}\n"
    )


def report_of(
    text: str,
    files: Mapping[str, str] | None = None,
    schema: Mapping[str, CrmField] | None = None,
) -> LoadReport:
    """What loading a text came to; `schema` is that of its object, pulled."""
    schemas = {"acme": {"lead": schema}} if schema is not None else None
    return check_text(text, "m.yaml", PRODUCT_INFOS, schemas, None, files)


def load(
    fields: str,
    more: str = "",
    files: Mapping[str, str] | None = None,
    schema: Mapping[str, CrmField] | None = None,
) -> MappingFile:
    """A mapping with these fields; it has to be right."""
    report = report_of(mapping_text(fields, more), files, schema)
    assert not report.errors, "\n".join(map(str, report.errors))
    return report.mappings[0]


def findings_of(fields: str, more: str = "", **options: Any) -> tuple[Finding, ...]:
    """What is wrong with a mapping with these fields."""
    report = report_of(mapping_text(fields, more), **options)
    assert not report.mappings or not report.errors
    return (*report.errors, *report.warnings)


def matched(raw: Mapping[str, Any] | None = None, api: str = FULL) -> LookupAnswer:
    """An answer of 6sense that knew the lead."""
    _, data = canonical(api, dict(raw or {}))
    return LookupAnswer(LookupResult.MATCHED, api, NOW, data=data)


def without_answer(result: LookupResult, api: str = FULL) -> LookupAnswer:
    """A lookup that came to nothing."""
    return LookupAnswer(result, api, NOW)


def facts_of(lead: Mapping[str, Any] | None = None, **answers: LookupAnswer) -> Facts:
    """One event, and what the lookups came to."""
    lead = {"id": 1, "email": "jo@tubes.example", **(lead or {})}
    return Facts(lead, NOW, source="acme", answers=answers)


def decided(
    fields: str,
    answer: Mapping[str, Any] | LookupAnswer | None = None,
    *,
    lead: Mapping[str, Any] | None = None,
    current: Mapping[str, Any] | None = None,
    written: Mapping[str, Any] | None = None,
    schema: Mapping[str, CrmField] | None = None,
    more: str = "",
) -> Decisions:
    """What a mapping with these fields decides for one record."""
    known = answer if isinstance(answer, LookupAnswer) else matched(answer)
    last = {
        name: value if isinstance(value, Ours) else Ours(value)
        for name, value in (written or {}).items()
    }
    return decide(
        load(fields, more),
        facts_of(lead, sixsense=known),
        current=current or {},
        last_written=last,
        now=NOW,
        fields=schema,
    )


def kept(decisions: Decisions) -> dict[str, str | None]:
    """Reasons, by field."""
    return {d.field: d.reason for d in decisions.fields if not d.is_write}


def sentence(decisions: Decisions, field: str) -> str:
    """Why a field is kept, in words."""
    return next(d.sentence for d in decisions.fields if d.field == field)
