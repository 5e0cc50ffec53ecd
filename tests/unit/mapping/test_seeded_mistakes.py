"""Mistakes that people make, seeded one by one: the message names place and fix."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.connectors import CONNECTORS
from app.domain import CrmField
from app.mapping.load import check_folder
from app.mapping.trial_run import run_trial
from tests.mapping_parts import PRODUCT_INFOS, canonical

#: Files without a mistake: a mapping, a fragment, a list.
SEEDED = Path(__file__).parent / "seeded"
FILES = {
    path.relative_to(SEEDED).as_posix(): path.read_text()
    for path in SEEDED.rglob("*.*")
}
SCHEMA = {
    one.name: one
    for one in (
        CrmField("id", "integer", read_only=True),
        CrmField("updatedAt", "datetime", read_only=True),
        CrmField("industry6s", "string", length=255),
        CrmField("intent", "integer"),
        CrmField("stage", "picklist", values=("1 - Target", "5 - Purchase")),
        CrmField("stageAt", "datetime"),
        CrmField("employees", "integer"),
        CrmField("segments", "string", length=255),
        CrmField("hot", "boolean"),
        CrmField("note", "string", length=20),
    )
}
SECOND = """\
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
lookups: {s: {api: lead-scoring, send: {email: lead.email}}}
fields:
  intent: {from: "s.scores[product=Platform].company_intent_score", write: always}
"""
SCORE = "company_intent_score"


@dataclass(frozen=True)
class Mistake:
    """A text in place of another, and what is said of it: first line, and last."""

    title: str
    old: str
    new: str
    says: str
    fix: str
    file: str = "marketo.yaml"
    more: dict[str, str] = field(default_factory=dict)


MISTAKES = [
    Mistake(
        "a typo in a path", "company.employee_count}", "company.employe_count}",
        "marketo.yaml:13:21: error M201: sixsense.company.employe_count is not in "
        "lead-scoring-and-firmographics",
        "at fields → employees → from. Did you mean sixsense.company.employee_count?",
    ),
    Mistake(
        "a typo in a field of the CRM", "  employees: {", "  employes: {",
        "marketo.yaml:13:3: error M301: marketo has no field employes on lead",
        "at fields → employes. Did you mean employees?",
    ),
    Mistake(
        "a typo in a verb", "translate: stage, ", "translat: stage, ",
        "marketo.yaml:11:75: error M103: 'translat' is not a key here",
        "at fields → stage → translat. Did you mean translate?",
    ),
    Mistake(
        "a typo in a rule", "employee_count}", "employee_count, write: keepfresh}",
        "marketo.yaml:13:61: error M106: 'keepfresh' is not a write rule",
        "at fields → employees → write. Did you mean keep-fresh?",
    ),
    Mistake(
        "a typo in a converter", "as: datetime", "as: dateime",
        "marketo.yaml:12:33: error M106: 'dateime' is not a converter",
        "at fields → stageAt → as. Did you mean datetime?",
    ),
    Mistake(
        "a typo in an API", "scoring-and-firmographics", "scoring-firmographics",
        "marketo.yaml:8:19: error M106: 'lead-scoring-firmographics' is not an API of "
        "6sense",
        "at lookups → sixsense → api. Did you mean lead-scoring-and-firmographics?",
    ),
    Mistake(
        "a typo in a lookup", "sixsense.segments.names", "sixsens.segments.names",
        "marketo.yaml:14:20: error M201: 'sixsens' is not a lookup of this file",
        "at fields → segments → from. Did you mean sixsense.segments.names?",
    ),
    Mistake(
        "a typo in a table's name", "translate: stage,", "translate: stages,",
        "marketo.yaml:11:86: error M407: there is no translation 'stages'",
        "at fields → stage → translate. Did you mean stage?",
    ),
    Mistake(
        "a typo in the source", "source: marketo", "source: marketto",
        "marketo.yaml:2:9: error M106: 'marketto' is not a source this release has a "
        "connector for",
        "at source. Did you mean marketo?",
    ),
    Mistake(
        "a typo in a list's file", "/free-mailboxes.txt", "/free-mailbox.txt",
        "marketo.yaml:6:37: error M106: there is no file "
        "FOLDER/shared/free-mailbox.txt",
        "at skip_when → lead.email → domain_in. Look at the file's name.",
    ),
    Mistake(
        "a typo in a field of the lead", "lead.country}}", "lead.contry}}",
        "marketo.yaml:8:86: warning W210: no test has lead.contry",
        "at lookups → sixsense → send → country. Did you mean lead.country?",
    ),
    Mistake(
        "a score by position", f"[product=Platform].{SCORE}", f"[0].{SCORE}",
        f"marketo.yaml:10:18: error M201: sixsense.scores[0].{SCORE} picks a score by "
        "position; 6sense does not promise an order",
        f"at fields → intent → from. Use [product=Name] or [highest={SCORE}]",
    ),
    Mistake(
        "a path without quotes",
        f'"sixsense.scores[product=Platform].{SCORE}"',
        f"sixsense.scores[product=Platform].{SCORE}",
        "marketo.yaml:10:33: error M101: this is not readable YAML: expected ',' or "
        "'}', but got '['",
        "Put the path in quotes: inside { } a [ ends the text.",
    ),
    Mistake(
        "a tab", "  employees:", "\temployees:",
        "marketo.yaml:13:1: error M101: this is not readable YAML: found character "
        r"'\t' that cannot start any token",
        "Tabs are not indentation: use blanks.",
    ),
    Mistake(
        "a word in a number field", "{from: sixsense.company.employee_count}",
        "{value: many}",
        "marketo.yaml:13:22: error M305: employees is integer: 'many' is not a whole "
        "number",
        "at fields → employees → value. Write a value of that type, or take another "
        "field.",
    ),
    Mistake(
        "a list in a text field", ', join: "; ", max: 255, cut: items', "",
        "marketo.yaml:14:20: error M203: sixsense.segments.names is a list",
        'at fields → segments → from. Add `join: "; "`, or pick one with '
        '[product=…] or '
        "[highest=…].",
    ),
    Mistake(
        "a checkbox that is kept fresh", "{is: DE}}, write: always}", "{is: DE}}}",
        "marketo.yaml:15:8: error M401: a checkbox is never empty, so keep-fresh would "
        "never write hot",
        "at fields → hot. Say `write: always`.",
    ),
    Mistake(
        "a list where one value is wanted", "{is: DE}", "{is: [DE, AT]}",
        "marketo.yaml:15:66: error M405: `is` wants one value",
        "at fields → hot → when → lead.country → is. Use `in` for a list.",
    ),
    Mistake(
        "a condition without a comparison", "{lead.country: {is: DE}}",
        "{lead.country: DE}",
        "marketo.yaml:15:61: error M405: lead.country: say how to compare",
        "at fields → hot → when → lead.country. {lead.country: {is: DE}}",
    ),
    Mistake(
        "a stamp that follows nothing", "{with: stage}", "{with: stge}",
        "marketo.yaml:12:50: error M406: `with` names stge, which this file does not "
        "write",
        "at fields → stageAt → write. Did you mean stage?",
    ),
    Mistake(
        "a field that nobody may write", "  stageAt: {", "  updatedAt: {",
        "marketo.yaml:12:3: error M302: updatedAt is read-only",
        "at fields → updatedAt. Take it out.",
    ),
    Mistake(
        "a value that the picklist lacks", "Target: 1 - Target", "Target: 1 Target",
        "marketo.yaml:17:19: error M304: '1 Target' is not in the list of stage",
        "at translations → stage → Target. Did you mean 1 - Target?",
    ),
    Mistake(
        "a text that is too long", "  hot:",
        "  note: {value: a constant that is much too long}\n  hot:",
        "marketo.yaml:15:17: error M303: note allows 20 characters; 'a constant "
        "that is "
        "much too long' has 32",
        "at fields → note → value. Shorten it.",
    ),
    Mistake(
        "a field that stands twice", "  employees:", "  intent:",
        "marketo.yaml:13:3: error M102: 'intent' stands twice",
        "at fields. Keep one of the two.",
    ),
    Mistake(
        "no record to write", "match: {by: id, from: lead.id}\n", "",
        "marketo.yaml:1:1: error M105: 'match' is missing",
        "match: {by: id, from: lead.id}",
    ),
    Mistake(
        "a required input that is not sent", "email: lead.email, ", "",
        "marketo.yaml:8:57: error M412: lead-scoring-and-firmographics needs email",
        "at lookups → sixsense → send. Add it under send.",
    ),
    Mistake(
        "an invented country", "country: lead.country}",
        "country: {from: lead.country, otherwise: USA}}",
        "marketo.yaml:8:118: warning W220: country is invented when the lead has none",
        "at lookups → sixsense → send → country → otherwise. Send lead.country "
        "alone: a "
        "wrong country gives wrong matches.",
    ),
    Mistake(
        "a fragment that is none", "fragment: 1\n", "",
        "marketo.yaml:5:10: error M505: shared/base.yaml is not a fragment",
        "at include. Its first line has to be `fragment: 1`.",
        file="shared/base.yaml",
    ),
    Mistake(
        "two owners of a field", "mapping: 1", "mapping: 1",
        "second.yaml:7:3: error M501: marketo.yaml writes intent of lead as well",
        "at fields → intent. One field, one owner: join the two with `when` or "
        "`cases`.",
        more={"second.yaml": SECOND},
    ),
    Mistake(
        "a failing test", "intent: 81, stage", "intent: 82, stage",
        "marketo.yaml:26:7: error M601: test 'a whole lead': intent: expected 82, got "
        "81",
        "at tests → expect.",
    ),
    Mistake(
        "a product that was renamed", "[{product: Platform,",
        "[{product: Platform One,",
        "marketo.yaml:26:7: error M601: test 'a whole lead': intent: expected 81, "
        "kept: "
        "no-value (6sense has nothing for this field.); stage: expected '5 - "
        "Purchase', "
        "kept: no-value (6sense has nothing for this field.); stageAt: expected "
        "'2026-01-01T12:00:00Z', kept: not-alone (Written only together with stage, "
        "which did not change.)",
        "at tests → expect. The answer has no product Platform; it has Platform One.",
    ),
    Mistake(
        "a typo in a test's answer", "employeeCount", "employeCount",
        "marketo.yaml:22:35: error M603: sixsense.company.employeCount is not in "
        "lead-scoring-and-firmographics",
        "at tests → sixsense → company → employeCount. Did you mean employee_count?",
    ),
]  # fmt: skip


def findings_of(folder, file="marketo.yaml", old="", new="", more=None):
    """What `check` and `test` say of the files with one text in place of another."""
    files = {**FILES, **(more or {})}
    assert old in files[file]
    files[file] = files[file].replace(old, new, 1)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    schemas = {"marketo": {"lead": SCHEMA}}
    report = check_folder(folder, PRODUCT_INFOS, schemas, CONNECTORS)
    found = [*report.errors, *report.warnings]
    for mapping in report.mappings:
        for trial in mapping.trials:
            found += run_trial(mapping, trial, canonical)
    return [str(one).replace(folder.as_posix(), "FOLDER") for one in found]


def test_without_a_mistake_nothing_is_said(tmp_path):
    assert findings_of(tmp_path) == []


@pytest.mark.parametrize("one", MISTAKES, ids=lambda one: one.title)
def test_a_mistake_is_named_with_its_place_and_its_fix(one, tmp_path):
    (said,) = findings_of(tmp_path, one.file, one.old, one.new, one.more)
    first, *middle, last = said.splitlines()
    assert first == f"FOLDER/{one.says}"
    assert last.strip() == one.fix
    # The line as it stands in the file, and a caret under the place.
    row, caret = middle
    assert row.split(" | ", 1)[1] in findings_text(tmp_path, first)
    assert set(caret.split(" | ", 1)[1].strip()) == {"^"}


def findings_text(folder, first):
    """The lines of the file that a finding is about."""
    name = first.removeprefix("FOLDER/").partition(":")[0]
    return (folder / name).read_text().splitlines()
