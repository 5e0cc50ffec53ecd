"""A first mapping file from pulled fields: which field gets what, and that it loads."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain import CrmField
from app.errors import ConfigurationError
from app.mapping.first_file import Plan, first_file
from app.mapping.load import load_text
from app.mapping.outputs import OUTPUTS, inputs_of, is_for_6sense, matched, nearest
from app.mapping.snapshots import KNOWN_TYPES, Snapshot, schemas_of
from tests.mapping_parts import PRODUCT_INFOS, canonical

EMAIL = CrmField("Email", "email", "E-mail")


#: Other programs may be using the machine.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def plan_of(*fields, owned=None):
    known = {one.name: one for one in (EMAIL, *fields)}
    return Plan(Snapshot("acme", "Lead", known), "Id", PRODUCT_INFOS, owned or {})


def made(*fields, owned=None):
    plan = plan_of(*fields, owned=owned)
    text = first_file("acme.yaml", plan, canonical)
    schemas = schemas_of([plan.snapshot])
    return text, load_text(text, "acme.yaml", PRODUCT_INFOS, schemas)


@pytest.mark.parametrize(
    ("name", "label", "kind", "path"),
    [
        ("sixsenseIntent", "", "integer", ".company_intent_score"),
        ("Six_Sense_Intent_Score__c", "", "number", ".company_intent_score"),
        ("cf_81", "6sense Buying Stage", "string", ".company_buying_stage"),
        ("stage_6s", "", "picklist", ".company_buying_stage"),
        ("sixsense_employee_count", "", "integer", "employee_count"),
        ("x6senseRevenue", "6sense Revenue", "currency", "annual_revenue"),
        ("c7", "6Sense Contact Grade", "string", ".contact_grade"),
        ("sixsenseSegment", "", "text", "segments.names"),
        ("sixsense_last_updated", "", "datetime", "run.time"),
        ("sixsenseCompanyName", "", "string", "company.name"),
    ],
)
def test_a_field_is_known_by_its_name_or_its_label(name, label, kind, path):
    field = CrmField(name, kind, label)
    assert is_for_6sense(field)
    assert path in matched([field])[name].entry


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sixsenseIntent", "date"), ("sixsenseStage", "integer"), ("sixsenseX", "string")],
)
def test_a_field_of_another_type_or_name_is_left_alone(name, kind):
    assert matched([CrmField(name, kind)]) == {}


def test_each_output_has_one_field_and_the_type_decides_between_two():
    fields = [
        CrmField("sixsenseRevenue", "currency"),
        CrmField("sixsenseAnnualRevenue", "integer"),
    ]
    assert list(matched(fields)) == ["sixsenseAnnualRevenue"]
    assert "annual_revenue" in nearest(fields[0]).entry


def test_the_file_has_what_fits_and_suggests_the_rest():
    text, mapping = made(
        CrmField("sixsenseStage", "string", "6sense Stage", length=255),
        CrmField("sixsenseSegments", "string", length=200),
        CrmField("sixsenseStageTwo", "string"),
        CrmField("sixsenseResult", "string"),
        CrmField("sixsenseFixed", "string", read_only=True),
        CrmField("Industry", "string"),
    )
    assert mapping.fields == ("sixsenseStage", "sixsenseSegments")
    assert mapping.outcome.result == "sixsenseResult"
    assert [trial.name for trial in mapping.trials] == [
        "a known company fills the record",
        "6sense does not know them, so nothing changes",
    ]
    assert "\n  # 6sense Stage: string, 255 characters\n  sixsenseStage: {" in text
    assert '\n  # sixsenseStageTwo: {from: "sixsense.scores' in text
    assert "max: auto, cut: items}" in text
    assert "sixsenseFixed" not in text
    assert "Industry" not in mapping.fields
    assert text.startswith("# yaml-language-server: $schema=schemas/mapping")


def test_inputs_are_those_the_crm_has_and_no_country_is_invented():
    fields = [EMAIL, CrmField("Company", "string"), CrmField("FirstName", "string")]
    expected = {"email": "Email", "company": "Company", "firstname": "FirstName"}
    assert inputs_of(fields) == expected


def test_fields_of_other_files_are_left_to_them():
    stage, grade = (
        CrmField("sixsenseStage", "string"),
        CrmField("sixsenseGrade", "text"),
    )
    text, mapping = made(stage, grade, owned={"sixsenseStage": "old.yaml"})
    assert mapping.fields == ("sixsenseGrade",)
    assert "\n  # sixsenseStage: old.yaml writes it already\n" in text
    with pytest.raises(ConfigurationError, match=r"written by old\.yaml already"):
        made(stage, owned={"sixsenseStage": "old.yaml"})


def test_without_a_field_to_write_or_to_ask_by_nothing_is_made():
    with pytest.raises(ConfigurationError, match="no field that looks made for 6sense"):
        made(CrmField("Industry", "string"))
    bare = Plan(Snapshot("acme", "Lead", {}), "Id", PRODUCT_INFOS, {})
    with pytest.raises(ConfigurationError, match="no field for an e-mail"):
        first_file("acme.yaml", bare, canonical)


WORDS = st.sampled_from([name for output in OUTPUTS for name in output.names])
NAMES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["sixsense", "6sense_", "six-sense "]),
    WORDS,
    st.sampled_from(["", "__c", ": {", "\n", "'\"#"]),
)
SOME_FIELD = st.builds(
    CrmField,
    name=NAMES,
    type=st.sampled_from(sorted(KNOWN_TYPES)),
    label=st.text(max_size=20),
    length=st.none() | st.integers(1, 30),
    values=st.none() | st.just(("Purchase", "A")),
    read_only=st.booleans(),
)


@UNHURRIED
@given(st.lists(SOME_FIELD, max_size=12))
def test_whatever_the_fields_the_file_loads_and_its_tests_pass(fields):
    try:
        _, mapping = made(*fields)
    except ConfigurationError as error:
        assert "made for 6sense" in str(error)  # noqa: PT017  either is right
    else:
        assert len(mapping.trials) == 2
