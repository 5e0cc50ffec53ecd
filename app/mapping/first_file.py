"""A first mapping file from the pulled fields, with tests that pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.domain import CrmField, LookupAnswer, LookupResult, ProductInfo
from app.errors import ConfigurationError
from app.mapping.apply import Facts, decide
from app.mapping.changes import about
from app.mapping.load import load_text
from app.mapping.outputs import (
    OUTCOMES,
    OUTPUTS,
    Output,
    inputs_of,
    is_for_6sense,
    matched,
    nearest,
)
from app.mapping.snapshots import EDITOR_FILE, FOLDER, Snapshot, schemas_of
from app.mapping.trial_run import run_trial
from app.mapping.trials import NOW
from app.values import stamp

#: API and raw answer → whether 6sense knew it, and the canonical answer.
Canonical = Callable[[str, Any], tuple[LookupResult, Mapping[str, Any]]]

API: Final = "lead-scoring-and-firmographics"

#: What 6sense says in the test of the file.
ANSWER: Final[Mapping[str, Any]] = {
    "company": {
        "name": "Acme",
        "domain": "acme.example",
        "industry": "Manufacturing",
        "region": "Northern America",
        "country": "United States",
        "state": "California",
        "city": "Fresno",
        "employeeCount": "1192",
        "employeeRange": "1,000 - 4,999",
        "annualRevenue": "104000000",
        "revenueRange": "$100M - $250M",
    },
    "scores": [
        {
            "product": "Platform",
            "company_intent_score": 81,
            "company_buying_stage": "Purchase",
            "company_profile_score": 64,
            "company_profile_fit": "Strong",
            "contact_intent_score": 55,
            "contact_grade": "A",
            "contact_profile_score": 48,
            "contact_profile_fit": "Moderate",
        }
    ],
    "segments": {"ids": [1, 2], "names": ["ICP EMEA", "Webinar Q3"]},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a first file is made of."""

    snapshot: Snapshot
    #: The field by which records are found, and the key of the event that has it.
    key: str
    products: Mapping[str, ProductInfo]
    #: Field → the file that writes it already.
    owned: Mapping[str, str]

    @property
    def free(self) -> list[CrmField]:
        """The fields for 6sense that no file writes."""
        known = self.snapshot.fields.values()
        return [f for f in known if is_for_6sense(f) and f.name not in self.owned]


def first_file(name: str, plan: Plan, canonical: Canonical) -> str:
    """The text of the file; its tests pass.

    Raises:
        ConfigurationError: there is no field to write to, or none to ask 6sense by.
    """
    snapshot = plan.snapshot
    inputs = inputs_of(snapshot.fields.values())
    if "email" not in inputs:
        raise ConfigurationError(
            f"{snapshot.object} of {snapshot.source} has no field for an e-mail "
            "address, and 6sense is asked by one."
        )
    outcome = matched(plan.free, OUTCOMES.values())
    free = [field for field in plan.free if field.name not in outcome]
    fields = matched(free)
    if not fields:
        raise ConfigurationError(_nothing(plan))
    head = "\n".join(
        [
            *_head(plan, inputs, outcome),
            *_fields(fields, snapshot),
            *_rest(fields, free, plan),
        ]
    )
    made = f"{head}\n{_tests(name, head, plan, inputs, canonical)}"
    _prove(name, made, plan, canonical)
    return made


def _nothing(plan: Plan) -> str:
    obj, source = plan.snapshot.object, plan.snapshot.source
    if plan.owned and any(map(is_for_6sense, plan.snapshot.fields.values())):
        files = " and ".join(sorted(set(plan.owned.values())))
        return f"Every field of {obj} for 6sense is written by {files} already."
    return (
        f"{obj} of {source} has no field that looks made for 6sense, like "
        f"sixsenseIntent. Make some, then `leadbridge schema pull {source}`."
    )


def _head(
    plan: Plan, inputs: Mapping[str, str], outcome: Mapping[str, Output]
) -> list[str]:
    snapshot, words = plan.snapshot, {id(v): k for k, v in OUTCOMES.items()}
    written = [f"{words[id(one)]}: {_key(name)}" for name, one in outcome.items()]
    lines = [
        f"# yaml-language-server: $schema={FOLDER}/{EDITOR_FILE}",
        f"# A first mapping for {snapshot.source}, from its fields. Look through it: "
        "every match of",
        "# a field is a guess by its name. Then `leadbridge check` and `leadbridge "
        "test`.",
        "mapping: 1",
        f"source: {snapshot.source}",
        f"object: {snapshot.object}",
        f"match: {{by: {plan.key}, from: lead.{plan.key}}}",
    ]
    if written:
        lines += [
            "# For every run, so that campaigns and reports see failures as well.",
            f"outcome: {{{', '.join(written)}}}",
        ]
    asked = [
        f"      {name}: lead.{field}"
        for name, field in inputs.items()
        if name in plan.products[API].inputs
    ]
    return [
        *lines,
        "lookups:",
        "  sixsense:",
        f"    api: {API}",
        "    # What the event brings: lead.… are the names it has there.",
        "    send:",
        *asked,
    ]


def _fields(fields: Mapping[str, Output], snapshot: Snapshot) -> list[str]:
    lines = ["fields:"]
    for output in OUTPUTS:
        for name, own in fields.items():
            if own is output:
                lines.append(f"  # {_told(snapshot.fields[name])}")
                entry = _entry(output, snapshot.fields[name])
                lines.append(f"  {_key(name)}: {{{entry}}}")
    return lines


def _rest(fields: Collection[str], free: Collection[CrmField], plan: Plan) -> list[str]:
    """What was not used, as comments that are suggestions."""
    left = [field for field in free if field.name not in fields]
    lines: list[str] = []
    if left:
        lines.append("  # Made for 6sense too, it seems. Suggestions, to be looked at:")
    for field in left:
        output = nearest(field)
        entry = _entry(output, field) if output is not None else "from: sixsense.…"
        lines.append(f"  # {_key(field.name)}: {{{entry}}}  # {_told(field)}")
    for name, file in plan.owned.items():
        if name in plan.snapshot.fields and is_for_6sense(plan.snapshot.fields[name]):
            lines.append(f"  # {_key(name)}: {_one_line(file)} writes it already")
    return lines


def _entry(output: Output, field: CrmField) -> str:
    if "join:" in output.entry and field.length is not None:
        return f"{output.entry}, max: auto, cut: items"
    return output.entry


def _tests(
    name: str, head: str, plan: Plan, inputs: Mapping[str, str], canonical: Canonical
) -> str:
    """Two tests; what the first expects is what the mapping makes of the answer."""
    mapping = load_text(f"{head}\n", name, plan.products, schemas_of([plan.snapshot]))
    lead = {plan.key: 1, inputs["email"]: "jo@acme.example"}
    result, data = canonical(API, ANSWER)
    answers = {"sixsense": LookupAnswer(result, API, NOW, data=data)}
    decisions = decide(
        mapping,
        Facts(lead, NOW, source=mapping.source, answers=answers),
        current={},
        last_written={},
        now=NOW,
    )
    writes = [f"        {_key(k)}: {_json(v)}" for k, v in decisions.writes.items()]
    answer = [f"      {part}: {_json(value)}" for part, value in ANSWER.items()]
    return "\n".join(
        [
            "tests:",
            "  - name: a known company fills the record",
            f"    now: {stamp(NOW)}",
            f"    lead: {_json(lead)}",
            "    sixsense:",
            *answer,
            "    expect:",
            "      writes:" if writes else "      writes: {}",
            *writes,
            "  - name: 6sense does not know them, so nothing changes",
            f"    lead: {_json(lead)}",
            "    sixsense: no-match",
            "    expect: {outcome: no-match, writes: {}}",
            "",
        ]
    )


def _prove(name: str, text: str, plan: Plan, canonical: Canonical) -> None:
    """What we hand out has to be right: anything else is a bug of ours."""
    mapping = load_text(text, name, plan.products, schemas_of([plan.snapshot]))
    for trial in mapping.trials:
        wrong = run_trial(mapping, trial, canonical)
        if wrong:
            raise AssertionError("\n".join(map(str, wrong)))


def _told(field: CrmField) -> str:
    label = _one_line(field.label)
    return f"{label}: {about(field)}" if label else about(field)


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else _json(name)


def _json(value: Any) -> str:
    """JSON is YAML, and needs no thought about quotes."""
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)
