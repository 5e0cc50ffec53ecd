"""Errors are the product: the words, the place and the fix of each."""

import pytest

from app.domain import CrmField
from app.mapping.findings import closing_line
from tests.mapping_parts import findings_of, load, mapping_text, report_of

STAGE = "scores[product=Platform].company_buying_stage"

#: Fields → code, a part of the message, the fix.
FIELDS = [
    ("f: {from: sixsense.company.name, translat: {a: b}}",
     "M103", "'translat' is not a key here", "Did you mean translate?"),
    ("f: {from: sixsense.company.name, write: keepfresh}",
     "M106", "'keepfresh' is not a write rule", "Did you mean keep-fresh?"),
    ("f: {from: sixsense.company.name, as: interger}",
     "M106", "'interger' is not a converter", "Did you mean integer?"),
    ("f: {from: sixsense.company.name, as: {currency: euro}}",
     "M106", "'euro' is not a currency", "Its code: EUR."),
    ("f: {from: sixsense.company.name, write: {if-higher: 30}}",
     "M106", "'30' is not a span of time", "30 days"),
    ("f: {from: sixsense.company.indutry}",
     "M201", "sixsense.company.indutry is not in lead-scoring-and-firmographics",
     "Did you mean sixsense.company.industry?"),
    ("f: {from: sixsense.industry}",
     "M201", "sixsense.industry is not in", "Did you mean sixsense.company.industry?"),
    ("f: {from: sixsense.company.is_6qa}",
     "M201", "sixsense.company.is_6qa is not in", "company-identification has it."),
    ("f: {from: sixsens.company.name}",
     "M201", "'sixsens' is not a lookup of this file",
     "Did you mean sixsense.company.name?"),
    ('f: {from: "sixsense.scores[0].company_intent_score", write: always}',
     "M201", "picks a score by position; 6sense does not promise an order",
     "Use [product=Name] or [highest=company_intent_score]"),
    ('f: {from: "sixsense.scores[highest=product].product"}',
     "M201", "[highest=product] needs a number or a documented scale",
     "company_intent_score"),
    ('f: {from: "sixsense.scores[prodct=X].product"}',
     "M201", "is not in", "Did you mean sixsense.scores[product=X].product?"),
    ('f: {from: "sixsense.segments.names[id=1]"}',
     "M201", "picks a member, but names has none", "names[0]"),
    ("f: {from: run.tim}", "M201", "run.tim is not known", "Did you mean run.time?"),
    ("f: {from: lead}", "M201", "lead is the whole record", "Name a field of it"),
    ("f: {from: sixsense}", "M201", "sixsense is the whole answer", "Name a part"),
    ("f: {from: lead..x}", "M201", "'lead..x' is not a path", "names with points"),
    ('f: {from: "sixsense.scores[].product"}',
     "M201", "picks nothing", "[product=Name]"),
    ("f: {from: sixsense.scores.company_intent_score}",
     "M203", "sixsense.scores.company_intent_score is a list",
     'Add `join: "; "`, or pick one with [product=…] or [highest=…].'),
    ("f: {from: sixsense.company}", "M203", "is a group of values", "Name a member"),
    ('f: {from: sixsense.scores, join: ";"}', "M203", "is a group of values", ""),
    ('f: {text: "{sixsense.segments.names}"}', "M203", "is a list", "Pick one item"),
    ("hot: {value: true}",
     "M401", "a checkbox is never empty, so keep-fresh would never write hot",
     "Say `write: always`."),
    ("hot: {from: lead.x, as: boolean, write: if-empty}",
     "M401", "so if-empty would never write hot", "Say `write: always`."),
    ("f: {from: lead.x, write: if-higher}",
     "M402", "if-higher needs a number or a date", "Add `as: integer`."),
    ("f: {from: sixsense.company.industry, write: if-higher}", "M402", "if-higher", ""),
    ("f: {from: lead.x, value: 1}",
     "M403", "two sources: from and value", "Exactly one of from, first_of"),
    ("f: {write: always}", "M403", "no source", "Say where the value comes from"),
    ('f: {text: "just words"}', "M403", "no source", "a path inside { }"),
    ("f: {value: 1, as: integer}",
     "M404", "value is final: `as` has nothing to do", "Take it out."),
    ("f: {from: lead.x, cut: words}", "M404", "`cut` needs `max`", "max: auto"),
    ("f: {from: lead.x, max: 5, cut: items}",
     "M404", "`cut: items` needs `join`", "join"),
    ('f: {from: lead.x, text: "a{}", join: ";"}',
     "M404", "`text` and `join` do not go together", "Keep one."),
    ("f: {from: lead.x, clear: true, otherwise: y}",
     "M404", "`clear` and `otherwise` both answer to an empty value", "Keep one."),
    ("f: {from: lead.x, clear: true, write: if-empty}", "M404", "if-empty", ""),
    ("f: {all_of: [lead.x, lead.y]}", "M404", "`all_of` needs `join`", ""),
    ('f: {text: "{lead.x"}', "M404", "a brace in the text has no partner", "{{"),
    ("f: {from: lead.x, when: {lead.country: DE}}",
     "M405", "lead.country: say how to compare", "{lead.country: {is: DE}}"),
    ("f: {from: lead.x, when: {lead.country: [DE, AT]}}",
     "M405", "lead.country: say how to compare", "{lead.country: {in: [DE, AT]}}"),
    ("f: {from: lead.x, when: {lead.country: {is: [DE, AT]}}}",
     "M405", "`is` wants one value", "Use `in` for a list."),
    ("f: {from: lead.x, when: {lead.country: {is: null}}}",
     "M405", "`is` cannot be empty", "Use {is_empty: true}."),
    ("f: {from: lead.x, when: [{lead.country: {is: DE}}]}",
     "M405", "a list is not a condition", "A list needs `all:` or `any:` before it."),
    ("f: {from: lead.x, when: {any: {lead.country: {is: DE}}}}",
     "M405", "`any` wants a list of conditions", ""),
    ("f: {from: lead.x, when: {lead.n: {above: many}}}",
     "M405", "`above` wants a number or a date", "2026-11-02"),
    ("f: {from: lead.x, when: {lead.n: {older_than: 90}}}",
     "M405", "`older_than` wants a span of time", "30 days"),
    ("f: {from: lead.x, when: {lead.n: {in: DE}}}",
     "M405", "`in` wants a list of values, or a .txt file", "{in: [DE]}"),
    ("f: {from: lead.x, when: {lead.n: {is_empty: 1}}}",
     "M405", "`is_empty` is true or false", ""),
    ("f: {from: lead.x, when: {lead.n: {equals: 1}}}",
     "M103", "'equals' is not a comparison", "is, in"),
    ("f: {from: lead.x, when: {sixsense.segments.names: {is: A}}}",
     "M405", "`is` wants one value", "Use `contains` or `in`"),
    ("f: {from: lead.x, when: {lead.n: {in: gone.txt}}}",
     "M106", "there is no file gone.txt", ""),
    ("f: {from: lead.x, when: {lead.n: {in: ../secret.txt}}}",
     "M106", "lies outside the mappings folder", ""),
    ("stage: {value: 1}\nf: {value: 2, write: {with: stge}}",
     "M406", "`with` names stge, which this file does not write",
     "Did you mean stage?"),
    ("a: {value: 1, write: with-others}\nf: {value: 2, write: {with: a}}",
     "M406", "which is written with another field itself", ""),
    ("f: {from: lead.x, translate: gone.csv}", "M407", "there is no file gone.csv", ""),
    ("f: {from: lead.x, translate: {..250: a, 250..: b}}",
     "M408", "ranges overlap at 250", "Both ends count: write ..39, 40..69, 70.."),
    ("f: {from: lead.x, translate: {9..1: a}}", "M408", "runs backwards", "1..9"),
    ("f: {from: lead.x, translate: {a: b, else: Other}}",
     "M106", "'Other' is not a way out for `else`", "{use: Other} gives a value"),
    ("f: {from: lead.x, translate: {a: [b]}}", "M107", "'a' has no one value", ""),
    ("f: {from: lead.x, no_value: [0]}",
     "M409", "0 is a value, not an empty one", "Take it off no_value."),
    ("f: {from: lead.x, max: 0}", "M107", "`max` wants a number", ""),
    ("f: {from: lead.x, max: auto}",
     "M306", "the length of f is not known", "leadbridge schema pull acme"),
    ("f: {from: null}", "M107", "'from' has no value", ""),
    ("f: x", "M107", "'f' wants a map", ""),
    ("f: off\ng: {value: 1}", "M503", "f is `off`, but no fragment brings it", ""),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "code", "message", "fix"), FIELDS)
def test_field(fields, code, message, fix):
    found = findings_of(fields)
    assert [finding.code for finding in found] == [code], "\n".join(map(str, found))
    assert message in found[0].message
    assert fix in found[0].fix
    assert found[0].line
    assert found[0].source_line


#: Top-level keys → code, a part of the message, the fix.
KEYS = [
    ("skip_when: {current.x: {is: 1}}\ncurrent: off",
     "M201", "current is off, so nothing of it can be read", "Take `current: off`"),
    ("skip_when: {sixsense.result: {is: matched}}",
     "M201", "sixsense is asked after this is decided", "Use `when` on the fields"),
    ("priority: {bulk: {current.x: {is: 1}}}",
     "M201", "current is read after the lookups", "Use lead."),
    ("on: [create]", "M106", "'create' is not an event", "Did you mean created?"),
    ("on: created", "M107", "`on` wants a list of events", "on: [created]"),
    ("reply: {values: {within: 8}}",
     "M107", "`values` wants a time", "reply: {values: {within: 8 s}}"),
    ("reply: {values: {within: 1 minute}}",
     "M107", "`within` is from 1 s to 25 s", "reply: {values: {within: 8 s}}"),
    ("reply: acepted", "M106", "'acepted' is not a reply", "Did you mean accepted?"),
    ("outcome: {reslt: x}", "M103", "'reslt' is not a key here", "result"),
    ("outcome: {then: {request_campaign: Nurture}}",
     "M107", "`request_campaign` wants the campaign's number", "1234"),
    ("reply: {values: {within: 8 s}}\noutcome: {then: {request_campaign: 1}}",
     "M404", "`then` and `reply: values` do not go together", "trigger on the result"),
    ("lookups: {s: {api: people/full, send: {email: "
     "{from: lead.e, translate: {a: b, else: fail}}}}}",
     "M404", "`else: fail` cannot fail a question", "skip, keep"),
    ("defaults: {timezone: Europe/Berln}",
     "M106", "'Europe/Berln' is not a time zone", "Europe/Berlin"),
    ("defaults: {write: allways}",
     "M106", "'allways' is not a write rule", "Did you mean always?"),
    ("translations: {t: {..5: a, 3..: b}}", "M408", "ranges overlap at 3", ""),
    ("translations: {t: x}", "M107", "t is not a table", ""),
    ("lookups: {s: {api: people/ful, send: {email: lead.email}}}",
     "M106", "'people/ful' is not an API of 6sense", ""),
    ("lookups: {s: {api: lead-scorin, send: {email: lead.email}}}",
     "M106", "'lead-scorin' is not an API of 6sense", "Did you mean lead-scoring?"),
    ("lookups: {s: {api: lead-scoring, send: {company: lead.company}}}",
     "M412", "lead-scoring needs email", "Add it under send."),
    ("lookups: {s: {api: lead-scoring, send: {email: lead.email, emial: lead.x}}}",
     "M106", "lead-scoring has no input 'emial'", "Did you mean email?"),
    ("lookups: {s: {api: lead-scoring}}", "M105", "'send' is missing", ""),
    ("lookups: {s: {api: lead-scoring, send: {email: lead.email}, reuse: {for: 1}}}",
     "M106", "'1' is not a span of time", "30 days"),
    ("lookups: {s: {api: lead-scoring, send: {email: lead.email}, budget: {}}}",
     "M107", "an empty budget says nothing", "when_spent"),
    ("lookups: {s: {api: people/full, send: {email: lead.email}, "
     "budget: {when_spent: lead-scorin}}}",
     "M106", "'lead-scorin' is not a way", "Did you mean lead-scoring?"),
    ("lookups: {s: {api: people/score, send: {email: lead.email}, "
     "budget: {when_spent: people/full}}}",
     "M106", "lead-scoring-and-firmographics costs a credit itself", "lead-scoring"),
    ("lookups: {a: {api: lead-scoring, send: {email: lead.email}, "
     "when: {b.result: {is: matched}}}, "
     "b: {api: lead-scoring, send: {email: lead.email}}}",
     "M201", "b is asked later than this",
     "A lookup may read only the lookups above it."),
    ("lookups: {lead: {api: lead-scoring, send: {email: lead.email}}}",
     "M106", "'lead' cannot be the name of a lookup", ""),
    ("lookups: {s: {api: lead-scoring, send: {email: lead.email, "
     "country: {from: lead.country, otherwise: US}}}}",
     "W220", "country is invented when the lead has none", "Send lead.country alone"),
    ("include: gone.yaml", "M505", "there is no file gone.yaml", ""),
    ("include: [[a]]", "M107", "`include` wants a file", ""),
    ("each: {a: b}", "M107", "`each` wants a list", ""),
    ("each: [{fields: {a: {value: 1}}}]",
     "M105", "each item of `each` has `with` and `fields`", ""),
    ('each: [{with: [{product: P, short: S}], fields: {"{shrt}x": {value: 1}}}]',
     "M410", "each: '{shrt}' is not one of product, short", "Did you mean short?"),
    ("each: [{with: [{p: A}, {p: B}], fields: {same: {value: 1}}}]",
     "M411", "each: same is made twice", "Use the row's name in the field name."),
    ("tests: [{name: a, lead: {id: 1}, expect: {writs: {}}}]",
     "M103", "'writs' is not a key here", "Did you mean writes?"),
    ("tests: [{name: a, lead: {id: 1}}]", "M105", "'expect' is missing", ""),
    ("tests: [{name: a, lead: {id: 1}, expect: {}, sixsense: nomatch}]",
     "M106", "'nomatch' is not an answer of 6sense", "Did you mean no-match?"),
    ("tests: [{name: a, lead: {id: 1}, expect: {}, sixsense: {company: {nmae: x}}}]",
     "M603", "sixsense.company.nmae is not in", "Did you mean name?"),
    ("tests: [{name: a, lead: {id: 1}, expect: {}, sixsense: a.json}]",
     "M602", "there is no file a.json", ""),
    ("tests: [{name: a, lead: {id: 1}, expect: {}, schema: {f: {type: txt}}}]",
     "M106", "'txt' is not a type", "Did you mean text?"),
    ("tests: x", "M107", "`tests` wants a list", ""),
]  # fmt: skip


@pytest.mark.parametrize(("more", "code", "message", "fix"), KEYS)
def test_top_of_the_file(more, code, message, fix):
    found = findings_of("score: {value: 1, write: always}", more)
    assert [finding.code for finding in found] == [code], "\n".join(map(str, found))
    assert message in found[0].message
    assert fix in found[0].fix


def test_the_whole_form_of_a_finding():
    fields = 'score: {from: "sixsense.scores[0].company_intent_score", write: always}'
    (finding,) = findings_of(fields)
    assert str(finding) == (
        "m.yaml:7:17: error M201: sixsense.scores[0].company_intent_score picks a "
        "score by position; 6sense does not promise an order\n"
        "    7 |   score: {from: "
        '"sixsense.scores[0].company_intent_score", write: always}\n'
        "      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "  at fields → score → from. "
        "Use [product=Name] or [highest=company_intent_score]"
    )


def test_all_problems_come_at_once_by_line():
    report = report_of(
        "mapping: 2\nobject: lead\nmatch: {by: id}\nfields:\n"
        "  a: {from: lead.x, write: nver}\n  b: {from: sixsens.x}\n"
    )
    assert [(f.code, f.line) for f in report.errors] == [
        ("M105", 1), ("M106", 1), ("M105", 3), ("M106", 5), ("M201", 6),
    ]  # fmt: skip
    assert closing_line(report.errors) == (
        "5 findings in 1 file. Nothing was loaded; the running mapping is unchanged."
    )


def test_a_wrong_key_does_not_hide_what_is_wrong_beside_it():
    found = findings_of("f: {from: sixsense.company.indutry, write: nver}")
    assert [finding.code for finding in found] == ["M201", "M106"]


def test_a_table_that_is_not_there_names_the_one_that_is():
    (finding,) = findings_of(
        "f: {from: lead.x, translate: sizes}", "translations: {size: {a: b}}"
    )
    assert finding.message == "there is no translation 'sizes'"
    assert finding.fix == "Did you mean size?"


def test_a_source_without_a_connector_names_the_nearest():
    from app.mapping.load import check_text
    from tests.mapping_parts import PRODUCT_INFOS

    text = mapping_text().replace("source: acme", "source: amce-eu")
    (finding,) = check_text(text, "m.yaml", PRODUCT_INFOS, None, {"acme": ACME}).errors
    assert finding.message.startswith("'amce-eu' is not a source")
    assert finding.fix == "Did you mean acme?"
    good = mapping_text().replace("source: acme", "source: acme-eu")
    assert not check_text(good, "m.yaml", PRODUCT_INFOS, None, {"acme": ACME}).errors


class ACME:
    """A kind of source with nothing but leads."""

    objects = ("lead",)
    reads_replies = False
    has_campaigns = False


class RICH(ACME):
    """One that has all that a mapping file can ask for."""

    objects = ("Lead", "deal")
    reads_replies = True
    has_campaigns = True


@pytest.mark.parametrize(
    ("code", "message", "head"),
    [
        ("M106", "acme has no object 'deal' that can be written from here",
         "object: deal"),
        ("M404", "acme reads nothing from the answer to a webhook",
         "object: lead\nreply: {values: {within: 8 s}}"),
        ("M404", "acme has no campaigns that can be requested",
         "object: lead\noutcome: {result: r, then: {request_campaign: 7}}"),
    ],
)  # fmt: skip
def test_what_the_system_does_not_have_is_told_at_its_place(
    code: str, message: str, head: str
) -> None:
    from app.mapping.load import check_text
    from tests.mapping_parts import PRODUCT_INFOS

    text = mapping_text().replace("source: acme", "source: acme-eu")
    text = text.replace("object: lead", head)
    (finding,) = check_text(text, "m.yaml", PRODUCT_INFOS, None, {"acme": ACME}).errors
    assert (finding.code, finding.message) == (code, message)
    assert finding.line
    assert finding.fix
    known = {"acme": ACME, "acme-eu": RICH}
    rich = check_text(text, "m.yaml", PRODUCT_INFOS, None, known)
    assert not rich.errors


SCHEMA = {
    "sxIntentScore": CrmField("sxIntentScore", "integer"),
    "updatedAt": CrmField("updatedAt", "datetime", read_only=True),
    "sxNote": CrmField("sxNote", "string", length=20),
    "sxStage": CrmField("sxStage", "picklist", values=("1 - Target", "5 - Purchase")),
    "sxHot": CrmField("sxHot", "boolean"),
    "sxSegments": CrmField("sxSegments", "string"),
}


@pytest.mark.parametrize(
    ("fields", "code", "message", "fix"),
    [
        ("sxIntentScor: {value: 1}",
         "M301", "acme has no field sxIntentScor on lead", "mean sxIntentScore?"),
        ("updatedAt: {from: run.time}", "M302", "updatedAt is read-only", ""),
        ("sxNote: {value: a constant of more than twenty}",
         "M303",
         "sxNote allows 20 characters; 'a constant of more than twenty' has 30", ""),
        ("sxStage: {value: 1 Target}",
         "M304", "'1 Target' is not in the list of sxStage", "mean 1 - Target?"),
        ("sxStage: {from: lead.x, translate: {a: 5 - Purchas}}",
         "M304", "'5 - Purchas' is not in the list of sxStage", "5 - Purchase?"),
        ("sxIntentScore: {value: many}", "M305", "sxIntentScore is integer", ""),
        ("sxHot: {from: lead.x}", "M401", "a checkbox is never empty", ""),
        ("sxNote: {from: sixsense.company.employee_count, write: if-higher}",
         "M402", "if-higher needs a number or a date", ""),
        ('sxSegments: {from: sixsense.segments.names, join: ";", max: auto}',
         "M306", "the length of sxSegments is not known", "schema pull acme"),
    ],
)  # fmt: skip
def test_against_a_pulled_schema(fields, code, message, fix):
    found = findings_of(fields, schema=SCHEMA)
    assert [finding.code for finding in found] == [code], "\n".join(map(str, found))
    assert message in found[0].message
    assert fix in found[0].fix


def test_current_off_leaves_always_alone():
    (finding,) = findings_of("f: {from: lead.x}", "current: off")
    assert finding.code == "M413"
    assert "current is off, so keep-fresh cannot see what f has" in finding.message
    assert not load("f: {from: lead.x, write: always}", "current: off").reads_current
    (finding,) = findings_of("f: {from: current.x, write: always}", "current: off")
    assert finding.message == "current is off, so nothing of it can be read"


def test_a_field_of_the_lead_that_no_test_has_is_a_warning():
    more = (
        "tests: [{name: a, lead: {id: 1, email: x, country: y}, sixsense: no-match, "
        "expect: {}}]"
    )
    (finding,) = findings_of("f: {from: lead.contry}", more)
    assert str(finding).startswith("m.yaml:8:13: warning W210: no test has lead.contry")
    assert finding.fix == "Did you mean lead.country?"
