"""Fragments laid under a file, rows written out, and tables beside the mapping."""

import pytest

from app.mapping.apply import skip_reason
from tests.mapping_parts import facts_of, load, mapping_text, report_of

BASE = """fragment: 1
skip_when: {lead.gone: {is: true}}
defaults: {write: always, no_value: [Unknown]}
fields:
  industry: {from: sixsense.company.industry, translate: industry}
  region: {from: sixsense.company.region}
translations: {industry: {Banking: Money}}
"""
FILES = {"shared/base.yaml": BASE}
INCLUDE = "include: shared/base.yaml"


def problems(fields, more, files):
    """Findings as place and message."""
    found = report_of(mapping_text(fields, more), files).errors
    return [
        (finding.code, finding.file, finding.message, finding.fix) for finding in found
    ]


def test_entries_of_the_file_replace_those_of_the_fragment_whole():
    mapping = load("region: off\nindustry: {value: X}", INCLUDE, FILES)
    assert mapping.fields == ("industry",)
    assert mapping.entries[0].rule.name == "always"


def test_skip_when_adds_up():
    more = f"{INCLUDE}\nskip_when: {{lead.email: {{is: x}}}}"
    mapping = load("a: {value: 1}", more, FILES)
    assert skip_reason(mapping, facts_of({"gone": True})) == "lead.gone is true"
    assert skip_reason(mapping, facts_of({"email": "x"})) == "lead.email is x"
    assert skip_reason(mapping, facts_of()) is None
    alone = load("a: {value: 1}", INCLUDE, FILES)
    assert skip_reason(alone, facts_of({"gone": True})) == "lead.gone is true"


def test_the_version_is_that_of_all_files_it_reads():
    files = {**FILES, "words.txt": "a\n"}
    fields = "a: {value: 1, when: {lead.x: {in: words.txt}}}"
    before = load(fields, INCLUDE, files).version
    assert len(before) == 64
    assert load(fields, INCLUDE, files).version == before
    assert load(fields, INCLUDE, {**files, "words.txt": "b\n"}).version != before
    changed = {**files, "shared/base.yaml": BASE.replace("Money", "Cash")}
    assert load(fields, INCLUDE, changed).version != before


def test_a_finding_about_a_fragment_names_the_fragment():
    files = {"shared/base.yaml": BASE.replace("company.region", "company.regin")}
    ((code, file, _, fix),) = problems("a: {value: 1}", INCLUDE, files)
    assert (code, file) == ("M201", "shared/base.yaml")
    assert fix == "Did you mean sixsense.company.region?"


@pytest.mark.parametrize(
    ("fields", "more", "files", "code", "message", "fix"),
    [
        ("nope: off\na: {value: 1}", INCLUDE, FILES,
         "M503", "nope is `off`, but no fragment brings it", ""),
        ("a: {value: 1}", "include: [shared/base.yaml, b.yaml]",
         {**FILES, "b.yaml": "fragment: 1\nfields: {industry: {value: 1}}"},
         "M504", "industry comes from two fragments: shared/base.yaml and b.yaml",
         "Say it in this file."),
        ("a: {value: 1}", "include: x.yaml", {"x.yaml": "fields: {}\nfragment: 1"},
         "M505", "x.yaml is not a fragment", "Its first line has to be `fragment: 1`."),
        ("a: {value: 1}", "include: x.yaml",
         {"x.yaml": "fragment: 1\ninclude: y.yaml"},
         "M505", "a fragment includes nothing", ""),
        ("a: {value: 1}", "include: x.yaml", {"x.yaml": "fragment: 1\nfield: {}"},
         "M103", "'field' is not a key of a fragment", "Did you mean fields?"),
        ("a: {value: 1}", "include: x.yaml", {"x.yaml": "fragment: 2"},
         "M106", "this is another format", "fragment: 1"),
        ("a: {value: 1}", "include: x.yaml", {"x.yaml": "fragment: 1\n\tx: 1"},
         "M101", "this is not readable YAML", "Tabs"),
        ("a: {value: 1}", "include: /etc/passwd", {},
         "M505", "/etc/passwd lies outside the mappings folder", ""),
    ],
)  # fmt: skip
def test_what_does_not_fit(fields, more, files, code, message, fix):
    found = problems(fields, more, files)
    assert [each[0] for each in found] == [code], found
    assert message in found[0][2]
    assert fix in found[0][3]


def test_an_entry_from_two_fragments_may_be_said_here():
    files = {**FILES, "b.yaml": "fragment: 1\nfields: {industry: {value: 1}}"}
    more = "include: [shared/base.yaml, b.yaml]"
    assert "industry" in load("industry: {value: 2}", more, files).fields


EACH = """
each:
  - with: [{product: Platform, short: Plat}, {product: Data Cloud, short: Data}]
    fields:
      "{short}Intent": {from: "sixsense.scores[product={product}].company_intent_score"}
      "{short}Text": {from: lead.x, text: "{short} {} {lead.y} {{z}}"}
"""


def test_rows_are_written_out_in_names_and_texts():
    mapping = load("a: {value: 1}", EACH)
    assert mapping.fields == ("a", "PlatIntent", "PlatText", "DataIntent", "DataText")
    scope = facts_of({"x": "X", "y": "Y"}).scope()
    by_name = {entry.field: entry for entry in mapping.entries}
    assert by_name["DataText"].value(scope).value == "Data X Y {z}"


def test_each_of_fragment_and_file_add_up():
    each = "each: [{with: [{n: a}], fields: {'%s{n}': {value: 1}}}]"
    files = {"f.yaml": f"fragment: 1\n{each % 'f'}"}
    more = f"include: f.yaml\n{each % 'g'}"
    assert load("a: {value: 1}", more, files).fields == ("a", "ga", "fa")


def test_a_finding_in_a_row_tells_the_written_out_name():
    more = 'each: [{with: [{n: a}], fields: {"f{n}": {from: lead.x, as: intger}}}]'
    (finding,) = report_of(mapping_text("a: {value: 1}", more)).errors
    assert finding.at == ("fields", "fa", "as")
    assert finding.line == 6


CSV = 'Computer Software,Technology\n\nBanking,"Money, mostly"\n01067,007\nTen,10\n'


def translated(value, files, table="tables/industry.csv"):
    """What a table makes of a value."""
    mapping = load(f"f: {{from: lead.x, translate: {table}}}", "", files)
    return mapping.entries[0].value(facts_of({"x": value}).scope()).value


def test_a_csv_beside_the_mapping_is_a_table():
    files = {"tables/industry.csv": CSV}
    assert translated("computer software", files) == "Technology"
    assert translated("Banking", files) == "Money, mostly"
    assert translated("01067", files) == "007"
    assert translated("ten", files) == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,c\n", "t.csv, line 1: is not two columns"),
        ("a,b\na,c\n", "t.csv, line 2: stands twice"),
        ("a,\n", "t.csv, line 1: is not two columns"),
    ],
)
def test_a_csv_of_another_shape_is_told(text, words):
    found = problems("f: {from: lead.x, translate: t.csv}", "", {"t.csv": text})
    assert [(each[0], each[2]) for each in found] == [("M407", words)]


def test_keys_match_exactly_before_they_match_without_capitals():
    fields = "f: {from: lead.x, translate: {US: 1, us: 2, true: 3, '5': 4}}"
    mapping = load(fields)
    got = [
        mapping.entries[0].value(facts_of({"x": value}).scope()).value
        for value in ("US", "us", " Us ", True, 5, 5.0)
    ]
    assert got == [1, 2, 1, 3, 4, 4]
