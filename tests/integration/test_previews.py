"""`preview --run` and `--record`: real ledger, real calls, and nothing written."""

import json
import os
import pty
import shutil
import subprocess
import sys

import pytest

from tests.stack import ROOT, Stack, email_of, values_of


def shown(box: Stack, *arguments, **environ):
    """The JSON of a preview of mappings/marketo.yaml, and its fields by name."""
    said = box.command("preview", "marketo", *arguments, "--json", **environ)
    # What a credit may cost is told before it, on stderr.
    found = json.loads(said[said.index("{\n") :])
    return found, {one["field"]: one for one in found["fields"]}


def written(box: Stack, **values):
    """A lead that has gone through, and its run."""
    (lead_id,) = box.seed(1, **values)
    box.post_lead(lead_id)
    box.await_final(1)
    return lead_id, box.run_of(lead_id).id


@pytest.fixture
def edited(tmp_path):
    """Makes a copy of the worked mapping with some texts in place of others."""

    def make(*changes):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        shutil.copytree(ROOT / "mappings", folder)
        path = folder / "marketo.yaml"
        text = path.read_text().partition("\ntests:")[0]
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text)
        return {"MAPPINGS_DIR": str(folder)}

    return make


def test_a_run_is_shown_as_it_was_decided(box):
    lead_id, run_id = written(box, sixsenseEmployees=40)
    found, fields = shown(box, "--run", str(run_id))
    assert found["result"] == "matched"
    assert found["notes"] == []
    assert found["asked"] == {"sixsense": {"email": email_of(lead_id)}}
    expected = values_of(email_of(lead_id))
    # The record has the values by now; the run found it without them.
    assert fields["sixsenseIntent"]["is_write"]
    assert fields["sixsenseIntent"]["current"] is None
    assert fields["sixsenseIntent"]["value"] == expected["sixsenseIntent"]
    assert fields["sixsenseEmployees"]["reason"] == "edited-by-someone"
    assert fields["sixsenseEmployees"]["current"] == 40


def test_a_run_goes_through_the_mapping_file_of_today(box, edited):
    lead_id, run_id = written(box)
    old = "sixsenseDomain: {from: sixsense.company.domain}"
    new = 'sixsenseDomain: {text: "https://{sixsense.company.domain}"}'
    _, fields = shown(box, "--run", str(run_id), **edited((old, new)))
    domain = values_of(email_of(lead_id))["sixsenseDomain"]
    assert fields["sixsenseDomain"]["value"] == f"https://{domain}"


def test_what_was_ours_before_the_run_is_ours_in_its_preview(box):
    lead_id, _ = written(box)
    box.post({"id": lead_id, "email": "jo@tubes.example"})
    box.await_final(2)
    run = box.run_of(lead_id)
    found, fields = shown(box, "--run", str(run.id))
    was = values_of(email_of(lead_id))["sixsenseDomain"]
    assert fields["sixsenseDomain"]["current"] == was
    assert fields["sixsenseDomain"]["is_write"]
    assert fields["sixsenseDomain"]["value"] == "tubes.example"
    assert found["notes"] == []
    # Once that is purged, the record's values look like somebody else's.
    box.query("delete from updates where run_id < :id", id=run.id)
    found, fields = shown(box, "--run", str(run.id))
    assert fields["sixsenseDomain"]["reason"] == "edited-by-someone"
    assert "sixsenseDomain" in found["notes"][0]
    assert found["notes"][0].endswith("before is not kept any more")


def test_a_field_the_run_did_not_read_is_named(box, edited):
    _, run_id = written(box)
    more = "fields:\n  sixsenseNote: {from: sixsense.company.name}\n"
    found, _ = shown(box, "--run", str(run_id), **edited(("fields:\n", more)))
    assert found["notes"] == ["the run did not read sixsenseNote: taken as empty"]


def test_a_lookup_that_the_run_did_not_ask_is_named(box, edited):
    _, run_id = written(box)
    lookup = "lookups:\n  second: {api: lead-scoring, send: {email: lead.email}}\n"
    score = "second.scores[product=Platform].company_intent_score"
    field = f'fields:\n  sixsenseRegion: {{from: "{score}"}}\n'
    changes = [("lookups:\n", lookup), ("fields:\n", field)]
    changes.append(("  sixsenseRegion: {from: sixsense.company.region}\n", ""))
    found, fields = shown(box, "--run", str(run_id), **edited(*changes))
    assert found["notes"] == ["second: this run did not ask it, so nothing is known"]
    assert fields["sixsenseRegion"]["reason"] == "no-lookup"


def test_other_inputs_and_answers_that_are_gone_are_named(box, edited):
    _, run_id = written(box)
    changed = edited(
        ("      email: lead.email\n", "      email: {value: a@b.example}\n")
    )
    found, _ = shown(box, "--run", str(run_id), **changed)
    (note,) = found["notes"]
    assert note.startswith("sixsense: other inputs would be asked now; this is the")
    box.query("update enrichments set answer = null")
    found, fields = shown(box, "--run", str(run_id))
    assert found["notes"] == ["sixsense: 6sense's answer is not kept any more"]
    assert fields["sixsenseIntent"]["reason"] == "no-lookup"


def test_a_run_that_is_not_there_or_of_another_source_is_said(box, edited):
    preview = ("preview", "marketo", "--run")
    assert "There is no run 4711" in box.command(*preview, "4711", exit_code=1)
    _, run_id = written(box)
    environ = edited(("source: marketo", "source: marketo-two"))
    said = box.command(*preview, str(run_id), exit_code=1, **environ)
    assert f"run {run_id} is of marketo, and marketo of marketo-two" in said


def test_a_record_is_read_now_and_6sense_asked_for_a_credit_that_was_agreed_to(box):
    (lead_id,) = box.seed(1, sixsenseEmployees=40)
    said = box.command("preview", "marketo", "--record", str(lead_id), exit_code=2)
    assert "asking lead-scoring-and-firmographics may cost 1 credit" in said
    assert "Say --yes if that is all right." in said
    assert box.state()["sixsense"]["calls"] == 0
    said = box.command("preview", "marketo", "--record", str(lead_id), "--yes")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    intent = values_of(email_of(lead_id))["sixsenseIntent"]
    score = "sixsense.scores[product=Platform].company_intent_score"
    assert f"sixsenseIntent {score} {intent} – write" in lines
    assert any(
        "sixsenseEmployees" in one and "40 keep edited-by" in one for one in lines
    )
    state = box.state()
    assert state["sixsense"]["calls"] == 1
    assert state["marketo"]["operations"].get("sync_leads", 0) == 0
    assert box.leads([lead_id])[lead_id].get("sixsenseIntent") is None
    assert box.counts() == {}


def test_an_answer_that_is_fresh_in_the_ledger_is_not_asked_again(box):
    lead_id, _ = written(box)
    calls = box.state()["sixsense"]["calls"]
    # The webhook had no company; the record has none either.
    found, fields = shown(box, "--record", str(lead_id))
    assert box.state()["sixsense"]["calls"] == calls
    assert "6sense's answer of" in found["notes"][0]
    assert found["notes"][0].endswith("UTC is used again")
    assert fields["sixsenseIntent"]["reason"] == "unchanged"
    # Ours, so that a newer value would be written.
    assert fields["sixsenseEmployees"]["reason"] == "unchanged"


def test_a_record_needs_no_database(box, tmp_path):
    (lead_id,) = box.seed(1, sixsenseEmployees=40)
    environ = {"DATABASE_URL": "", "DATA_DIR": str(tmp_path / "nothing")}
    found, fields = shown(box, "--record", str(lead_id), "--yes", **environ)
    assert found["notes"] == [
        "without the database it is not known what we wrote before: keep-fresh keeps "
        "every field that has a value"
    ]
    assert fields["sixsenseIntent"]["is_write"]
    assert not (tmp_path / "nothing").exists()


def test_a_database_that_is_away_does_not_stop_a_live_preview(box):
    (lead_id,) = box.seed(1)
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    arguments = ("preview", "marketo", "--record", str(lead_id), "--yes")
    said = box.command(*arguments, DATABASE_URL=url)
    assert "Going on without the database" in said
    assert "result: matched" in said


def test_a_record_that_is_not_there_is_said(box):
    said = box.command("preview", "marketo", "--record", "99", "--yes", exit_code=1)
    assert "marketo has no lead with id 99" in said


def test_spent_credits_are_shown_as_the_mapping_takes_them(box):
    (lead_id,) = box.seed(1)
    box.fault("sixsense", "status", status=402)
    found, fields = shown(box, "--record", str(lead_id), "--yes")
    assert "sixsense: credits are spent; the run would wait" in found["notes"]
    assert fields["sixsenseIntent"]["reason"] == "no-lookup"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Say one of --lead, --run and --record."),
        (["--run", "1", "--record", "2"], "Say one of --lead, --run and --record."),
        (["--run", "1", "--answer", "x"], "--answer and --current go with --lead."),
        (["--run", "1", "--yes"], "--yes goes with --record."),
    ],
)
def test_ways_that_do_not_go_together(box, arguments, words):
    assert words in box.command("preview", "marketo", *arguments, exit_code=2)


def test_a_live_preview_names_all_settings_that_it_lacks(box):
    said = box.command(
        "preview", "marketo", "--record", "1", exit_code=1, MARKETO_CLIENT_ID=""
    )
    assert "Source marketo has settings to mend." in said
    assert "MARKETO_CLIENT_ID" in said
    said = box.command(
        "preview", "marketo", "--record", "1", exit_code=1, SIXSENSE_TOKEN=""
    )
    assert "SIXSENSE_TOKEN is not set" in said


def test_on_a_terminal_one_is_asked_before_a_credit_is_spent(box):
    (lead_id,) = box.seed(1)
    for answer, calls in (("n", 0), ("y", 1)):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "app",
                "preview",
                "marketo",
                "--record",
                str(lead_id),
            ],
            env={**box.environ, "COLUMNS": "200"},
            cwd=ROOT,
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        os.close(ours)
        os.close(theirs)
        assert "Ask? [y/N]" in done.stderr
        assert box.state()["sixsense"]["calls"] == calls
        kept = "note: sixsense: not asked, so nothing is known of it." in done.stdout
        assert kept is (calls == 0)


def test_a_name_of_the_webhooks_own_is_told(box, edited):
    (lead_id,) = box.seed(1)
    changed = edited(("email: lead.email", "email: lead.workAddress"))
    arguments = ("preview", "marketo", "--record", str(lead_id), "--yes")
    said = box.command(*arguments, exit_code=1, **changed)
    said = " ".join(said.split())
    assert "marketo refused leads.read: a field is not found (1006)." in said
    assert "workAddress: names that only the webhook has cannot be read." in said
    assert "Take --run, or --lead with a file." in said
