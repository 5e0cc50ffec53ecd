"""The JSON Schema for editors: it takes what loads, and finds what is misspelt."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from app.domain import CrmField
from app.mapping import rules, schema, trial_schema
from app.mapping.comparisons import COMPARISONS
from app.mapping.converters import CONVERTERS
from app.mapping.editor import FORMS, editor_schema, editor_text
from app.mapping.nodes import plain
from app.mapping.shape import OneOf, Shape, Strict
from app.mapping.snapshots import Snapshot
from app.mapping.tree import parse
from app.sixsense import PRODUCTS

ROOT = Path(__file__).parents[3]
INFOS = [product.info for product in PRODUCTS.values()]
EXAMPLES = Path(__file__).parent / "examples"
FILES = [
    *(ROOT / "mappings").rglob("*.yaml"),
    *EXAMPLES.rglob("*.yaml"),
    *(ROOT / "tests" / "integration" / "mappings").glob("*.yaml"),
]
PAGES = [*(ROOT / "docs").rglob("*.md")]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    if re.match(r"(#.*\n)*(mapping|fragment): 1", block)
]

FIELDS = (
    CrmField("sxStage", "picklist", "Stage", values=("1 - Target", "2 - Decision")),
    CrmField("sxCode", "picklist", values=("12", "16")),
    CrmField("sxSize", "picklist", values=("smb", "icp"), labels=("SMB", "Tier 1")),
    CrmField("sxScore", "integer", "Score"),
    CrmField("sxName", "string", length=5),
    CrmField("id", "integer", read_only=True),
)
PULLED = Snapshot("acme", "lead", {one.name: one for one in FIELDS})

HEAD = """\
mapping: 1
source: acme
object: lead
match: {by: id, from: lead.id}
lookups: {sixsense: {api: lead-scoring, send: {email: lead.email}}}
"""


def problems(text, *snapshots):
    """Where the schema complains, and how."""
    tree, found = parse(text, "m.yaml")
    assert not found
    made = editor_schema(INFOS, snapshots)
    validator = jsonschema.Draft7Validator(made)
    errors = validator.iter_errors(plain(tree))
    return {"/".join(map(str, error.absolute_path)): error.message for error in errors}


def test_the_schema_is_one():
    made = json.loads(editor_text(INFOS, [PULLED]))
    jsonschema.Draft7Validator.check_schema(made)
    assert made == json.loads(json.dumps(editor_schema(INFOS, [PULLED])))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_worked_mapping_fits(path):
    assert problems(path.read_text()) == {}


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_of_the_docs_fits(text):
    assert problems(text) == {}


FIT = [
    "fields: {sxScore: {from: sixsense.api}, sxNope: off}",
    "fields: {sxStage: {value: 1 - Target}, sxCode: {value: 12}, sxName: {value: a}}",
    "fields: {sxSize: {when: {lead.a: {is: 1}}, value: icp, otherwise: Tier 1}}",
    "each: [{with: [{n: Score}], fields: {'sx{n}': {value: 1}}}]",
    "include: shared/base.yaml",
    "fields: {sxScore: {value: 1, write: {if-higher: 30 days}, when: {not: {all: "
    "[{lead.a: {older_than: 3 days}}, {lead.b: {in: a.txt, is_empty: false}}]}}}}",
    "fields: {sxCode: {cases: [{when: {lead.a: {is: 1}}, value: '16'}]}}",
    "outcome: {result: sxName}\nfields: {sxScore: {value: 1, as: {currency: EUR}}}",
]


@pytest.mark.parametrize("text", FIT)
def test_what_is_right_is_left_alone(text):
    assert problems(HEAD + text, PULLED) == {}
    # Without the schema of its object every name is.
    assert problems(HEAD.replace("acme", "acme-eu") + text, PULLED) == {}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("fields: {sxScor: {value: 1}}", "fields/sxScor", "'off' was expected"),
        ("fields: {id: {value: 1}}", "fields/id", "'off' was expected"),
        ("fields: {sxStage: {value: 1 Target}}", "fields/sxStage/value", "is not one"),
        ("fields: {sxCode: {otherwise: 13, from: lead.a}}", "fields/sxCode/otherwise",
         "is not one of"),
        ("fields: {sxStage: {cases: [{when: {lead.a: {is: 1}}, value: x}]}}",
         "fields/sxStage/cases/0/value", "is not one of"),
        ("fields: {sxSize: {value: Tier 2}}", "fields/sxSize/value", "is not one of"),
        ("fields: {sxName: {value: longer}}", "fields/sxName/value", "is too long"),
        ("outcome: {result: sxNme}\nfields: {sxScore: {value: 1}}", "outcome/result",
         "'sxNme' is not one of"),
        ("fields: {sxScore: {value: 1, write: keepfresh}}", "fields/sxScore/write",
         "'keepfresh' is not valid under any"),
        ("fields: {sxScore: {form: lead.a}}", "fields/sxScore",
         "'form' was unexpected"),
        ("fields: {sxScore: of}", "fields/sxScore", "'off' was expected"),
        ("skip_when: {lead.a: {iss: 1}}\nfields: {sxScore: {value: 1}}",
         "skip_when/lead.a", "'iss' was unexpected"),
        ("fields: {sxScore: {value: 1}}\nfeilds: {}", "", "'feilds' was unexpected"),
        ("fields: {}", "fields", "non-empty|enough properties"),
        ("name: x", "", "is not valid under any of the given schemas"),
        ("reply: {values: {wthin: 8 s}}\nfields: {sxScore: {value: 1}}", "reply",
         "not valid under any"),
        ("fields: {sxScore: {value: 1}}\ntests: [{name: a, lead: {}, expect: {kept: "
         "{sxScore: no-valeu}}}]", "tests/0/expect/kept/sxScore", "is not one of"),
    ],
)  # fmt: skip
def test_what_is_misspelt_is_underlined(text, place, words):
    found = problems(HEAD + text, PULLED)
    assert place in found, found
    assert re.search(words, found[place])


def test_inputs_are_those_of_the_api():
    text = "fields: {sxScore: {value: 1}}"
    wrong = HEAD.replace("send: {email", "send: {emial")
    found = problems(wrong + text)
    assert "'emial' is not one of ['email'," in found["lookups/sixsense/send"]
    found = problems(HEAD.replace("lead-scoring", "lead-skoring") + text)
    assert list(found) == ["lookups/sixsense/api"]


def test_the_object_may_have_any_capitals():
    text = HEAD.replace("object: lead", "object: Lead") + "fields: {sxNo: {value: 1}}"
    assert "fields/sxNo" in problems(text, PULLED)


def test_a_fragment_has_its_own_keys():
    assert problems("fragment: 1\nfields: {any: {value: 1}}", PULLED) == {}
    found = problems("fragment: 1\nlookup: {}", PULLED)
    assert "'lookup' was unexpected" in found[""]


def test_editors_are_told_what_a_field_is():
    made = editor_schema(INFOS, [PULLED])
    (rule,) = made["definitions"]["mapping"]["allOf"]
    fields = rule["then"]["properties"]["fields"]
    assert (
        fields["properties"]["sxStage"]["description"] == "Stage: picklist, a list of 2"
    )
    assert "no field of this name" in fields["additionalProperties"]["errorMessage"]
    assert made["definitions"]["fragment"]["properties"]["fields"]["properties"]


@pytest.mark.parametrize("word", [*COMPARISONS, *CONVERTERS, *rules.WORDS])
def test_every_word_of_the_code_is_in_it(word):
    assert f'"{word}"' in editor_text(INFOS)


def shapes():
    for module in (schema, trial_schema):
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, Strict):
                yield from each().fields.items()


def test_no_key_is_left_to_chance():
    """A check that a table does not know has to be told of by its key."""
    made = json.dumps(editor_schema(INFOS))
    for name, field in shapes():
        if isinstance(field, Shape) and not isinstance(field.check, OneOf):
            key = field.data_key or name
            assert field.check in FORMS or f'"{key}"' in made, key
