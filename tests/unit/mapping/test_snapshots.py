"""Snapshots of a CRM's schema: what they look like, what they change, what is none."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import CrmField
from app.errors import ConfigurationError
from app.mapping.apply import decide
from app.mapping.load import check_folder, load_mappings
from app.mapping.snapshots import (
    KNOWN_TYPES,
    Snapshot,
    UnreadableSnapshot,
    read_snapshot,
    save,
    text_of,
)
from tests.mapping_parts import (
    NOW,
    PRODUCT_INFOS,
    facts_of,
    kept,
    load,
    mapping_text,
    matched,
)

#: Other programs may be using the machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

FIELDS = (
    CrmField("sxStage", "picklist", "Stage", values=("1 - Target", "2 - Decision")),
    CrmField("sxScore", "integer", "Score"),
    CrmField("id", "integer", read_only=True),
    CrmField("Note", "text", "Note", length=30000, length_in_bytes=True),
    CrmField("sxName", "string", "Name", length=20, soap_name="Sx_Name"),
)


def snapshot(*fields, source="acme", obj="lead"):
    known = {one.name: one for one in fields or FIELDS}
    return Snapshot(source, obj, known, "2026-11-23T10:00:00Z")


@pytest.fixture
def folder(tmp_path):
    """A folder of mapping files with a snapshot."""
    save(tmp_path, snapshot().file, text_of(snapshot()))
    return tmp_path


def findings(folder, fields, more=""):
    (folder / "m.yaml").write_text(mapping_text(fields, more))
    return check_folder(folder, PRODUCT_INFOS).errors


def test_a_snapshot_has_a_line_for_each_field_in_the_order_of_names():
    assert text_of(snapshot()).splitlines() == [
        "{",
        '"schema": 1,',
        '"source": "acme",',
        '"object": "lead",',
        '"changed_at": "2026-11-23T10:00:00Z",',
        '"fields": {',
        '"id": {"type": "integer", "read_only": true},',
        '"Note": {"type": "text", "label": "Note", "length": 30000, '
        '"length_in_bytes": true},',
        '"sxName": {"type": "string", "label": "Name", "length": 20, '
        '"soap_name": "Sx_Name"},',
        '"sxScore": {"type": "integer", "label": "Score"},',
        '"sxStage": {"type": "picklist", "label": "Stage", '
        '"values": ["1 - Target", "2 - Decision"]}',
        "}}",
    ]


SOME_FIELD = st.builds(
    CrmField,
    name=st.text(min_size=1),
    type=st.sampled_from(sorted(KNOWN_TYPES)),
    label=st.text(),
    length=st.none() | st.integers(1, 10**6),
    length_in_bytes=st.booleans(),
    read_only=st.booleans(),
    values=st.none() | st.lists(st.text()).map(tuple),
    soap_name=st.none() | st.text(),
)


@UNHURRIED
@given(st.lists(SOME_FIELD, max_size=5))
def test_what_was_written_is_read_again(tmp_path_factory, fields):
    written = snapshot(*fields) if fields else snapshot()
    folder = tmp_path_factory.mktemp("schemas")
    save(folder, written.file, text_of(written))
    read = read_snapshot(folder / written.file)
    assert read == written
    assert len(text_of(read).splitlines()) == 7 + len(written.fields)


@UNHURRIED
@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_a_snapshot_or_a_finding(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("schemas") / "acme.lead.json"
    path.write_bytes(data)
    with pytest.raises(UnreadableSnapshot) as caught:
        read_snapshot(path)
    assert caught.value.finding.code == "M307"


GOOD = json.loads(text_of(snapshot()))


@UNHURRIED
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    ),
    st.sampled_from(["schema", "source", "object", "fields", "changed_at", "field"]),
)
def test_any_value_in_any_place_is_read_or_a_finding(tmp_path_factory, value, place):
    said = {**GOOD, "fields": dict(GOOD["fields"])}
    if place == "field":
        said["fields"]["sxName"] = value
    else:
        said[place] = value
    path = tmp_path_factory.mktemp("schemas") / "acme.lead.json"
    path.write_text(json.dumps(said))
    try:
        known = read_snapshot(path).fields
    except UnreadableSnapshot:
        known = {}
    assert all(name == field.name for name, field in known.items())


# What a folder's snapshots change


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            "sxScor: {value: 1, write: always}",
            "M301: acme has no field sxScor on lead ^ "
            "at fields → sxScor. Did you mean sxScore?",
        ),
        ("id: {value: 1, write: always}", "M302: id is read-only ^ Take it out."),
        (
            "sxName: {value: a constant that is too long}",
            "M303: sxName allows 20 characters; 'a constant that is too long' has 27",
        ),
        (
            "sxStage: {value: 1 Target}",
            "M304: '1 Target' is not in the list of sxStage ^ "
            "Did you mean 1 - Target?",
        ),
        (
            "sxScore: {value: a lot, write: always}",
            "M305: sxScore is integer: 'a lot' is not a whole number",
        ),
        (
            "sxScore: {from: lead.s, max: auto}",
            "M306: the length of sxScore is not known ^ "
            "Run `leadbridge schema pull acme`, or write a number.",
        ),
        (
            "sxName: {from: current.sxNam}",
            "M301: acme has no field sxNam on lead ^ Did you mean sxName?",
        ),
    ],
)  # fmt: skip
def test_mappings_are_checked_against_the_snapshot(folder, fields, words):
    (finding,) = findings(folder, fields)
    for part in words.split(" ^ "):
        assert part in str(finding)
    assert finding.line == 7


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("{result: sxNme}", "M301: acme has no field sxNme on lead"),
        ("{result: id}", "M302: id is read-only"),
        (
            "{result: sxScore}",
            "M305: sxScore is integer: 'matched' is not a whole number",
        ),
        ("{result: sxStage}", "M304: 'matched' is not in the list of sxStage"),
        ("{at: sxScore}", "M305: sxScore is integer: '2026-01-01T00:00:00Z'"),
    ],
)
def test_outcome_fields_are_checked_too(folder, outcome, words):
    found = findings(folder, "sxName: {from: lead.name}", f"outcome: {outcome}")
    assert words in str(found[0])


def test_without_a_snapshot_of_its_source_a_mapping_is_not_checked(folder):
    text = mapping_text("sxNope: {value: 1}").replace("source: acme", "source: acme-eu")
    (folder / "m.yaml").write_text(text)
    assert check_folder(folder, PRODUCT_INFOS).mappings[0].schema == {}


def test_the_object_is_found_in_any_capitals(folder):
    text = mapping_text("sxScore: {value: 1}").replace("object: lead", "object: Lead")
    (folder / "m.yaml").write_text(text)
    (mapping,) = load_mappings(folder, PRODUCT_INFOS)
    assert mapping.schema["sxScore"].type == "integer"


def test_types_and_lengths_decide_in_production_too(folder):
    fields = (
        "sxScore: {from: lead.s}\nsxName: {from: lead.name, max: auto, cut: words}\n"
        "sxStage: {from: lead.stage}"
    )
    (folder / "m.yaml").write_text(mapping_text(fields))
    (mapping,) = load_mappings(folder, PRODUCT_INFOS)
    lead = {"s": "12", "name": "The Incredible Tube Company", "stage": "3 - Else"}
    decisions = decide(
        mapping,
        facts_of(lead, sixsense=matched()),
        current={},
        last_written={},
        now=NOW,
    )
    assert decisions.writes == {"sxScore": 12, "sxName": "The Incredible Tube"}
    assert kept(decisions) == {"sxStage": "not-allowed"}


def test_schemas_that_are_handed_over_stand_in_the_place_of_snapshots(folder):
    (folder / "m.yaml").write_text(mapping_text("sxNope: {value: 1}"))
    live = {"acme": {"lead": {"sxNope": CrmField("sxNope", "integer")}}}
    assert not check_folder(folder, PRODUCT_INFOS, live).errors
    assert load("sxNope: {value: 1}").schema == {}


# What is no snapshot


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "this is not readable JSON"),
        ("[]", "this is no snapshot of a schema"),
        ('{"a": 1}', "this is no snapshot of a schema"),
        ('{"schema": 2}', "this snapshot was made by another release"),
        ('{"schema": 1}', "it does not say of which source and object it is"),
        ("[" * 100_000, "this cannot be read"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin-1"), "not text in UTF-8"),
    ],
)
def test_a_broken_or_foreign_file_is_a_finding(folder, text, words):
    path = folder / "schemas" / "acme.lead.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    (found,) = findings(folder, "sxScore: {value: 1}")
    assert (found.code, found.file) == ("M307", path.as_posix())
    assert words in found.message
    assert "Pull it again with `leadbridge schema pull`" in found.fix
    with pytest.raises(ConfigurationError):
        load_mappings(folder, PRODUCT_INFOS)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('"integer", "label"', '"intger", "label"', 10, "sxScore: 'intger' is not a"),
        ('"length": 20', '"length": "20"', 9, "sxName: its length cannot be '20'"),
        ('"length": 20', '"length": 0', 9, "sxName: its length cannot be '0'"),
        ('"length": 20', '"lenght": 20', 9, "an unknown member 'lenght'"),
        ('["1 - Target",', "[1,", 11, "sxStage: its values cannot be"),
        ('"sxScore"', '"sxName"', 9, "'sxName' stands twice"),
        ('"id": {', '<<<<<<< mine\n"id": {', 7, "not readable JSON"),
        ('"acme"', '"acme-eu"', None, "this is the snapshot of lead in acme-eu"),
    ],
)
def test_a_finding_names_the_line(folder, old, new, line, words):
    path = folder / "schemas" / "acme.lead.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    (found,) = findings(folder, "sxScore: {value: 1}")
    assert (found.code, found.line) == ("M307", line)
    assert words in found.message
    assert str(found)


def test_other_files_of_the_folder_are_left_alone(folder):
    for name in ("README.md", "mapping.schema.json", ".acme.lead.json.123"):
        (folder / "schemas" / name).write_text("no snapshot")
    assert findings(folder, "sxScore: {value: 1}") == ()
