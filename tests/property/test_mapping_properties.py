"""Any text ends in findings; any valid mapping maps any lead and any answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from app.domain import LookupAnswer, LookupResult
from app.errors import ConversionFailed
from app.mapping.apply import decide, is_bulk, question, record_key, skip_reason
from app.mapping.converters import CONVERTERS
from app.mapping.empty import is_empty
from app.mapping.load import check_folder
from app.mapping.reasons import REFUSED, SENTENCES
from app.mapping.reasons import __dict__ as reasons
from app.values import kind_of, normal_form, same
from tests.mapping_parts import (
    FULL,
    NOW,
    PRODUCT_INFOS,
    SCORES,
    Ours,
    canonical,
    facts_of,
    mapping_text,
    report_of,
)

REASONS = {v for k, v in reasons.items() if k.isupper() and isinstance(v, str)}
KINDS = ("number", "float6", "boolean", "date", "datetime", "multi", "text")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "41", "12,500", "$5B+", "1,000 - 4,999", "true", "2026-11-02",
         "2026-11-02T09:15:00Z", "1793577600000", "N/A", "A;B", "jo@tubes.example"]
    ),
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "b", "product"]), inner, max_size=3),
    ),
    max_leaves=6,
)


# ------------------------------------------------------------- text of any kind


@given(st.text(max_size=200))
def test_any_text_ends_in_findings(text):
    report = report_of(text)
    assert report.errors
    assert all(str(finding) for finding in report.errors)


WORDS = (
    "mapping", "source", "object", "match", "lookups", "fields", "each", "include",
    "translations", "tests", "skip_when", "defaults", "outcome", "from", "first_of",
    "value", "cases", "when", "write", "join", "max", "translate", "text", "with",
    "api", "send", "lead.x", "sixsense.company.name", "{", "}", "[", "]", ":", ",",
    "\n", "  ", "- ", "1", "off", "always", "'", '"', "&a", "*a", "#", "|", "..",
)  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_any_words_of_the_language_end_in_findings(words):
    assert report_of(" ".join(words)).errors


json_like = st.recursive(
    st.one_of(scalars, st.sampled_from(WORDS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(WORDS[:26]), inner, max_size=5),
    ),
    max_leaves=25,
)


def _yaml(value: Any) -> str:
    """JSON is YAML, and is written without anchors."""
    return json.dumps(value, ensure_ascii=False)


@given(st.sampled_from(WORDS[:12]), json_like)
@settings(max_examples=150, deadline=None)
def test_any_value_under_any_key_ends_in_findings_or_loads(key, value):
    good = mapping_text("score: {from: lead.s}")
    report = report_of(f"{good}{key}: {_yaml(value)}\n")
    assert report.mappings or report.errors


@given(json_like)
@settings(max_examples=150, deadline=None)
def test_any_entry_ends_in_findings_or_loads(value):
    tree = YAML(typ="safe", pure=True).load(mapping_text())
    tree["fields"] = {"f": value}
    report = report_of(_yaml(tree))
    assert report.mappings or report.errors


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_bytes_in_a_folder_end_in_findings(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("mappings")
    (folder / "a.yaml").write_bytes(data)
    assert check_folder(folder, PRODUCT_INFOS).errors


# ------------------------------------------------- valid mappings, any record


PATHS = (
    "lead.a", "lead.a.b", "lead.list[0]", "lead.list[product=x].a",
    "lead.list[highest=a].b", "current.f0", "run.time", "run.result",
    "sixsense.company.name", "sixsense.company.employee_count",
    "sixsense.company.annual_revenue", "sixsense.company.employeeRange",
    "sixsense.scores[product=Platform].company_intent_score",
    "sixsense.scores[highest=contact_grade].company_buying_stage",
    "sixsense.result", "sixsense.reused",
)  # fmt: skip
paths = st.sampled_from(PATHS)


def some(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """One to three of them."""
    return st.lists(inner, min_size=1, max_size=3)


constants = st.sampled_from(["x", 0, 7, 1.5])
conditions = st.recursive(
    st.one_of(
        st.builds(
            lambda path, how: {path: how},
            paths,
            st.sampled_from(
                [{"is": 1}, {"is": "x"}, {"is": True}, {"in": ["x", 2, False]},
                 {"not_in": ["x"]}, {"contains": "a"}, {"starts_with": "1"},
                 {"is_empty": True}, {"is_empty": False}, {"above": 3}, {"at_most": 7},
                 {"below": "2026-01-01"}, {"older_than": "3 days"},
                 {"domain_in": ["tubes.example"]}]
            ),
        )
    ),
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, some(inner)),
        st.builds(lambda parts: {"any": parts}, some(inner)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=4,
)  # fmt: skip
sources = st.one_of(
    st.builds(lambda p: {"from": p}, paths),
    st.builds(lambda p: {"first_of": p}, some(paths)),
    st.builds(lambda p: {"all_of": p, "join": "; "}, some(paths)),
    st.just({"from": "sixsense.segments.names", "join": "; "}),
    st.just({"from": "sixsense.scores.company_intent_score", "join": ";"}),
)
TABLE = {"x": "y", "Target": 1, "..5": 2, "6..": 3}
verbs = st.fixed_dictionaries(
    {},
    optional={
        "as": st.sampled_from([*CONVERTERS, {"currency": "EUR"}]),
        "translate": st.sampled_from(
            [{**TABLE, "else": way} for way in ("skip", "keep", "fail", {"use": 9})]
        ),
        "when": conditions,
        "no_value": st.sampled_from([["N/A"], ["x", 41]]),
        "on_error": st.sampled_from(["skip", "fail"]),
        "write": st.sampled_from(["always"]),
        "max": st.integers(1, 12),
    },
)
extras = st.sampled_from(
    [{}, {"otherwise": "x"}, {"otherwise": 0}, {"clear": True},
     {"text": "a {} {lead.a}"}, {"write": "keep-fresh"}, {"write": "if-empty"},
     {"write": "with-others"}]
)  # fmt: skip


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """An entry made of valid parts that go together."""
    entry = {**draw(sources), **draw(verbs), **draw(extras)}
    if "text" in entry and "join" in entry:
        del entry["text"]
    is_flag = "sixsense.reused" in str(entry) or entry.get("as") == "boolean"
    if entry.get("write") != "with-others" and (is_flag or "write" not in entry):
        entry["write"] = "always"
    if "max" in entry and draw(st.booleans()):
        cuts = ["characters", "words", *(["items"] if "join" in entry else [])]
        entry["cut"] = draw(st.sampled_from(cuts))
    return entry


@st.composite
def texts(draw: st.DrawFn) -> str:
    """The text of a whole mapping."""
    tree = YAML(typ="safe", pure=True).load(mapping_text())
    tree["fields"] = {f"f{n}": draw(entries()) for n in range(draw(st.integers(1, 3)))}
    if draw(st.booleans()):
        tree["fields"]["c"] = {
            "cases": [{"when": draw(conditions), "value": draw(constants)}],
            "write": "always",
        }
    return _yaml(tree)


raw_answers = st.fixed_dictionaries(
    {},
    optional={
        "company": st.dictionaries(
            st.sampled_from(
                ["name", "employeeCount", "annualRevenue", "employeeRange"]
            ),
            scalars,
        ),
        "scores": st.lists(
            st.dictionaries(
                st.sampled_from(
                    ["product", "company_intent_score", "contact_grade", "buying_stage"]
                ),
                st.one_of(scalars, st.sampled_from(["Platform", "A", "Target", 88])),
            ),
            max_size=3,
        ),
        "segments": st.fixed_dictionaries(
            {}, optional={"ids": st.lists(st.integers(), max_size=2),
                          "names": st.lists(st.text(max_size=5), max_size=3)}
        ),
    },
)  # fmt: skip


@st.composite
def answers(draw: st.DrawFn) -> LookupAnswer:
    """What a lookup came to; any answer of either API, or none."""
    result = draw(st.sampled_from(list(LookupResult)))
    api = draw(st.sampled_from([FULL, SCORES]))
    data = None
    if result is LookupResult.MATCHED:
        _, data = canonical(api, draw(raw_answers))
    return LookupAnswer(result, api, NOW, draw(st.booleans()), data)


records = st.dictionaries(
    st.sampled_from(["id", "email", "a", "list", "f0", "f1", "f2", "c"]), values
)


@given(texts(), records, answers(), records, st.dictionaries(
    st.sampled_from(["f0", "f1", "f2", "c"]), scalars
))  # fmt: skip
@settings(max_examples=250, deadline=None)
def test_a_valid_mapping_maps_anything_and_blanks_only_when_told(
    text, lead, answer, current, last
):
    report = report_of(text)
    # A rule that a checkbox or a number needs is a finding, not a crash.
    assert {each.code for each in report.errors} <= {"M401", "M402"}, report.errors
    if not report.mappings:
        return
    (mapping,) = report.mappings
    facts = facts_of(lead, sixsense=answer)
    key = record_key(mapping, facts)
    assert (skip_reason(mapping, facts) is None) == (key is not None)
    assert key != ""
    assert is_bulk(mapping, facts) is False
    asked = question(mapping, mapping.lookups[0], facts)
    assert asked is None or all(value.strip() for value in asked.values())
    decisions = decide(
        mapping,
        facts,
        current=current,
        last_written={name: Ours(value) for name, value in last.items()},
        now=NOW,
    )
    assert decisions.failed or [d.field for d in decisions.fields] == list(
        mapping.fields
    )
    may_clear = {entry.field for entry in mapping.entries if entry.clear}
    for decision in decisions.fields:
        if decision.is_write:
            assert not is_empty(decision.value) or decision.field in may_clear
            assert not isinstance(decision.value, list | dict)
        else:
            assert decision.reason in REASONS - {REFUSED}
            assert decision.sentence
            assert not decision.sentence.startswith("None")


@given(texts(), records, answers())
@settings(max_examples=150, deadline=None)
def test_what_was_written_is_unchanged_the_next_time(text, lead, answer):
    report = report_of(text)
    if not report.mappings:
        return
    (mapping,) = report.mappings
    facts = facts_of(lead, sixsense=answer)
    first = decide(mapping, facts, current={}, last_written={}, now=NOW)
    # What reads the record may say something else of the record as it is then.
    if first.failed or "current." in text:
        return
    ours = {name: Ours(value) for name, value in first.writes.items()}
    again = decide(mapping, facts, current=first.writes, last_written=ours, now=NOW)
    assert again.writes == {}


# ---------------------------------------------------------------- small parts


@pytest.mark.parametrize("name", sorted(CONVERTERS))
@given(value=scalars)
def test_a_converter_gives_a_value_or_a_sentence(name, value):
    if is_empty(value):
        return
    convert = CONVERTERS[name]
    try:
        read = convert(value)
    except ConversionFailed as refused:
        sentence = str(refused)
    else:
        assert convert(read) == read
        return
    assert sentence.startswith("'")
    assert sentence[-1] in ".?"


@given(values)
def test_a_value_is_the_same_as_itself_under_every_kind(value):
    for kind in KINDS:
        form = normal_form(kind, value)
        assert normal_form(kind, value) == form
        assert same(value, value, kind)
    assert kind_of(value) in KINDS


@given(scalars, scalars, st.sampled_from(KINDS))
def test_equal_means_equal_normal_forms(sent, read, kind):
    forms = normal_form(kind, sent) == normal_form(kind, read)
    assert same(sent, read, kind) == forms


@given(values)
def test_a_normal_form_is_its_own_normal_form(value):
    for kind in KINDS:
        form = normal_form(kind, value)
        if form is not None:
            assert normal_form(kind, form) == form


def test_every_sentence_is_one():
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
