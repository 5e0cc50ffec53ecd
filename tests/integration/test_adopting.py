"""`adopt`: values another tool wrote become ours, and stay fresh from then on."""

import json

import pytest

from tests.stack import Stack, email_of, values_of

#: Fields of mappings/marketo.yaml that keep-fresh writes.
FRESH = [
    "sixsenseEmployees",
    "sixsenseAnnualRevenue",
    "sixsenseDomain",
    "sixsenseRegion",
]


def seeded(box: Stack, count=1, **values):
    """Leads whose values another tool has written."""
    return [str(one) for one in box.seed(count, **values)]


def adopted(box: Stack, *arguments, **options):
    """What --json says, and the fields with their counts."""
    said = box.command("adopt", "marketo", *arguments, "--json", **options)
    found = json.loads(said[said.index("{\n") :])
    return found, found["fields"]


def ours(box: Stack):
    """Record and field of everything that counts as ours."""
    rows = box.query("select record_id, field from last_written order by 1, 2")
    return [(row.record_id, row.field) for row in rows]


def test_the_plan_tells_what_would_become_ours_and_changes_nothing(box):
    ids = seeded(box, 3, sixsenseEmployees=40, sixsenseRegion="Europe")
    said = box.command("adopt", "marketo", *ids, "99")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "Reading 4 records: 1 call."
    assert lines[1] == "marketo: 3 lead records, 1 not there, 1 call made"
    assert lines[2] == "field would become ours ours already empty"
    assert "sixsenseEmployees 3 0 0" in lines
    assert "sixsenseDomain 0 0 3" in lines
    assert lines[-1] == (
        "6 values would become ours. Nothing was changed: --go does it."
    )
    assert ours(box) == []
    state = box.state()
    assert state["marketo"]["operations"].get("sync_leads", 0) == 0
    assert state["sixsense"]["calls"] == 0


def test_what_was_adopted_is_kept_fresh_and_what_was_not_is_kept(box):
    (lead_id, other) = seeded(box, 2, sixsenseEmployees=40, sixsenseRegion="Europe")
    said = box.command("adopt", "marketo", lead_id, "--go")
    assert "2 values became ours." in said
    assert ours(box) == [(lead_id, "sixsenseEmployees"), (lead_id, "sixsenseRegion")]
    for one in (lead_id, other):
        box.post_lead(int(one))
    box.await_final(2)
    leads = box.leads([int(lead_id), int(other)])
    expected = values_of(email_of(int(lead_id)))["sixsenseEmployees"]
    assert leads[int(lead_id)]["sixsenseEmployees"] == expected
    assert leads[int(other)]["sixsenseEmployees"] == 40


def test_doing_it_twice_changes_nothing(box):
    ids = seeded(box, 2, sixsenseEmployees=40)
    _, fields = adopted(box, *ids, "--go")
    assert fields["sixsenseEmployees"]["ours"] == 2
    before = box.query("select * from last_written order by record_id")
    found, fields = adopted(box, *ids, "--go")
    assert fields["sixsenseEmployees"] == {
        "ours": 0, "already": 2, "different": 0, "empty": 0,
    }  # fmt: skip
    assert found["done"]
    assert box.query("select * from last_written order by record_id") == before


def test_a_value_that_a_person_changed_after_that_is_theirs(box):
    (lead_id,) = seeded(box, 1, sixsenseEmployees=40)
    adopted(box, lead_id, "--go")
    box.type_in(int(lead_id), sixsenseEmployees=41)
    box.post_lead(int(lead_id))
    box.await_final(1)
    assert box.leads([int(lead_id)])[int(lead_id)]["sixsenseEmployees"] == 41


def test_only_the_fields_that_are_named(box):
    (lead_id,) = seeded(box, 1, sixsenseEmployees=40, sixsenseIndustry="Retail")
    _, fields = adopted(box, lead_id, "--field", "sixsenseIndustry", "--go")
    assert list(fields) == ["sixsenseIndustry"]
    assert ours(box) == [(lead_id, "sixsenseIndustry")]
    said = box.command(
        "adopt", "marketo", lead_id, "--field", "sixsenseIndustri", exit_code=2
    )
    said = " ".join(said.replace("│", " ").split())
    assert "marketo does not write 'sixsenseIndustri'." in said
    assert "Did you mean sixsenseIndustry?" in said


def test_by_default_it_is_the_fields_of_keep_fresh(box):
    (lead_id,) = seeded(box, 1)
    _, fields = adopted(box, lead_id)
    assert list(fields) == FRESH


def test_only_what_equals_the_stored_answer_becomes_ours(box):
    (first, second, third) = seeded(box, 3)
    right = values_of(email_of(int(first)))
    box.type_in(int(first), sixsenseEmployees=right["sixsenseEmployees"])
    box.type_in(int(first), sixsenseRegion="Typed by a person")
    # Runs beside the direct webhook: 6sense was asked, and the values stayed theirs.
    for one in (first, second):
        box.post_lead(int(one))
    box.await_final(2)
    box.query("truncate last_written")
    found, fields = adopted(box, first, second, third, "--equal", "--go")
    assert found["unanswered"] == 1
    assert fields["sixsenseEmployees"]["ours"] == 2
    assert fields["sixsenseRegion"] == {
        "ours": 1, "already": 0, "different": 1, "empty": 1,
    }  # fmt: skip
    assert (first, "sixsenseEmployees") in ours(box)
    assert (first, "sixsenseRegion") not in ours(box)
    said = box.command("adopt", "marketo", "--known", "--equal")
    assert "without a stored answer of 6sense: 0" in said
    assert "not as 6sense says" in said


def test_a_purged_answer_is_no_stored_answer(box):
    (lead_id,) = seeded(box)
    box.post_lead(int(lead_id))
    box.await_final(1)
    box.query("update enrichments set answer = null")
    box.query("truncate last_written")
    found, fields = adopted(box, "--known", "--equal", "--go")
    assert found["unanswered"] == 1
    assert fields["sixsenseEmployees"]["different"] == 1
    assert ours(box) == []


@pytest.mark.parametrize(
    "text",
    [
        "{0}\n\n{1}\n{0}\n",
        "Id,Email\n{0},x@y.example\n{1},z@y.example\n",
        "id\n{0}\n{1}\n",
    ],
)
def test_ids_come_from_a_list_or_a_csv(box, tmp_path, text):
    ids = seeded(box, 2, sixsenseEmployees=40)
    path = tmp_path / "ids"
    path.write_text(text.format(*ids))
    found, fields = adopted(box, "--ids", str(path))
    assert found["records"] == 2
    assert fields["sixsenseEmployees"]["ours"] == 2


def test_many_are_read_in_full_batches(box, tmp_path):
    ids = seeded(box, 650, sixsenseEmployees=40)
    path = tmp_path / "ids"
    path.write_text("\n".join(ids))
    found, fields = adopted(box, "--ids", str(path), "--go")
    assert found["calls"] == 3
    assert fields["sixsenseEmployees"]["ours"] == 650
    assert len(ours(box)) == 650


def test_one_begins_again_after_a_break(box, tmp_path):
    ids = seeded(box, 600, sixsenseEmployees=40)
    path = tmp_path / "ids"
    path.write_text("\n".join(ids))
    box.fault("marketo", "code", code="603", operation="get_leads", after=1)
    said = box.command("adopt", "marketo", "--ids", str(path), "--go", exit_code=1)
    assert "603" in said
    assert len(ours(box)) == 300
    _, fields = adopted(box, "--ids", str(path), "--go")
    assert fields["sixsenseEmployees"]["already"] == 300
    assert fields["sixsenseEmployees"]["ours"] == 300


def test_it_does_not_begin_what_todays_share_of_calls_does_not_allow(box, tmp_path):
    path = tmp_path / "ids"
    path.write_text("\n".join(map(str, range(1, 700))))
    said = box.command(
        "adopt", "marketo", "--ids", str(path), exit_code=1, MARKETO_QUOTA="0"
    )
    assert "699 records take 3 calls, and 0 of our 0 are left today" in said
    assert box.state()["marketo"]["calls"] == 0


def test_values_of_a_person_who_has_an_address_are_erased_with_them(box):
    (lead_id,) = seeded(box, 1, sixsenseEmployees=40)
    box.post_lead(int(lead_id))
    box.await_final(1)
    (known,) = box.query("select distinct person_key from runs")
    box.query("truncate last_written")
    adopted(box, lead_id, "--go")
    keys = {row.person_key for row in box.query("select person_key from last_written")}
    assert keys == {known.person_key}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say which records: ids, --ids FILE or --known."),
        (["--ids", "COLUMNS"], "has several columns, and none is named id"),
    ],
)
def test_what_it_cannot_work_with_is_a_question_of_usage(
    box, tmp_path, arguments, words
):
    path = tmp_path / "columns.csv"
    path.write_text("Email,Name\na@b.example,A\n")
    given = [str(path) if one == "COLUMNS" else one for one in arguments]
    said = box.command("adopt", "marketo", *given, exit_code=2)
    assert words in " ".join(said.replace("│", " ").split())
