"""Set-up of Marketo: templates that bring what mapping files read, and what is told."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import requests_mock as mocking

from app import cli
from app.connectors.guide import Block, Guide, Route, Table, Variables
from app.connectors.marketo import Marketo, template
from app.domain import CrmField, LeadEvent, WebhookRequest
from app.errors import (
    AnswerUnexpected,
    ConfigurationError,
    CredentialsRefused,
    RecordRefused,
)
from app.mapping.kinds import Hoped
from app.mapping.load import load_mappings, load_text
from app.mapping.model import MappingFile
from app.pipeline.setup import guide_of, label_of, lacking, routes_of, variables_of
from app.sixsense import PRODUCTS
from sandbox.marketo.fields import COMPANY_FIELDS, bundled
from sandbox.senders import Scope, render
from tests.mapping_parts import mapping_text
from tests.stack import ROOT

INFOS = {name: product.info for name, product in PRODUCTS.items()}
SECRET = "nobody-may-see-this-secret"
URL = "https://leads.example.com"
FOLDERS = ("mappings", "tests/integration/mappings")
#: A person with all that breaks templates, by REST names.
ZOE: dict[str, Any] = {
    "id": 318581, "email": "zoe+x@ex.example", "firstName": "Zoë", "lastName": "",
    "company": 'Jack & "JJ" \\ Sons', "website": "jj.example", "country": "USA",
    "title": "line 1\nline 2", "leadScore": 42, "unsubscribed": False,
    "createdAt": "2026-03-01T14:28:16Z", "sixsenseEmployees": 480,
}  # fmt: skip
MARKETO = {
    "URL": "https://123-abc-456.mktorest.com",
    "CLIENT_ID": "client-id",
    "CLIENT_SECRET": "client-secret",
    "WEBHOOK_SECRET": SECRET,
}


def all_mappings() -> list[MappingFile]:
    found = [load_mappings(ROOT / folder, INFOS) for folder in FOLDERS]
    return [each for part in found for each in part]


def of_source(source: str) -> list[MappingFile]:
    return [each for each in all_mappings() if each.source == source]


def route(*reads: str, **more: Any) -> Route:
    given = {"events": ("created",), **more}
    return Route(
        "marketo", "m", "lead", f"{URL}/webhooks/marketo", reads=reads, **given
    )


def guide(*routes: Route, **values: str) -> Guide:
    return Marketo.setup(routes, Variables("MARKETO_", values))


def parts(found: Guide, kind: type) -> list[Any]:
    return [p for section in found.sections for p in section.parts if type(p) is kind]


def rows(found: Guide, title: str) -> dict[str, str]:
    """A table's rows, by what it is titled with."""
    (table,) = [one for one in parts(found, Table) if title in one.title]
    return {row[0]: row[1] for row in table.rows}


def text(found: Guide) -> str:
    return json.dumps(asdict(found), ensure_ascii=False)


# Templates


@pytest.mark.parametrize("mapping", all_mappings(), ids=lambda each: each.name)
def test_a_template_brings_just_what_the_mapping_reads(mapping: MappingFile) -> None:
    (made,) = routes_of([mapping], URL)
    for event in made.events:
        plan = template.pairs(made, event)
        sent = render(template.text_of(plan), ZOE, "JSON", Scope(campaign={"id": 7}))
        found = arrived(sent)
        assert (found.record_id, found.event) == ("318581", event)
        expected = {*mapping.lead_fields, *made.compares, "id"}
        assert found.lead.keys() - {"event", "campaignId", "munchkinId"} == expected
        for name in mapping.lead_fields & ZOE.keys():
            assert found.lead[name] == ZOE[name], name
    assert made.events


def arrived(body: str) -> LeadEvent:
    """What the connector makes of a body."""
    asked = WebhookRequest("POST", "/", "", {}, body.encode())
    (event,) = Marketo("marketo", MARKETO).parse(asked)
    return event


def test_the_table_of_display_names_agrees_with_describe() -> None:
    known = bundled()
    named = {**template._PERSON, **template._COMPANY}
    assert {name: known[name].display_name for name in named} == named
    assert set(template._COMPANY) == COMPANY_FIELDS


@pytest.mark.parametrize("encoding", template.ENCODINGS)
def test_values_are_written_as_the_sandbox_writes_them(encoding: Any) -> None:
    reads = [name for name in ZOE if name != "sixsenseEmployees"]
    plan = template.pairs(route(*reads), "created")
    made = template.text_of(plan, encoding)
    values = template.values_of(plan, {**ZOE, "campaignId": 7}, {}, "123-ABC-456")
    ours = template.rendered(made, values, encoding)
    assert ours == render(made, ZOE, encoding, Scope(campaign={"id": 7}))


def test_labels_of_the_pulled_schema_come_first() -> None:
    fields = {"email": CrmField("email", "email", "E-Mail"),
              "plan": CrmField("plan", "string", "Plan of Theirs")}  # fmt: skip
    plan = template.pairs(route("email", "plan", fields=fields), "created")
    assert plan["email"] == "{{lead.E-Mail}}"
    assert plan["plan"] == "{{lead.Plan of Theirs}}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "`leadbridge schema pull marketo` fetches them"),
        ({"x": CrmField("x", "string")}, "better let the mapping read the REST names"),
    ],
)
def test_a_name_that_nobody_knows_is_to_be_filled_in_and_harmless_if_not(
    fields: dict[str, CrmField], said: str
) -> None:
    found = guide(route("email", "planOfTheirs", fields=fields))
    (block,) = parts(found, Block)
    assert '"planOfTheirs": {{lead.DISPLAY NAME OF planOfTheirs}}' in block.text
    assert said in text(found)
    event = arrived(render(block.text, ZOE))
    assert event.lead["planOfTheirs"] == ""


def test_keys_about_the_webhook_keep_the_spelling_of_the_mapping() -> None:
    plan = template.pairs(
        route("leadId", "Campaign_Id", "event", 'a "b"'), "updated", "mark"
    )
    assert plan["leadId"] == "{{lead.Id}}"
    assert plan["Campaign_Id"] == "{{campaign.id}}"
    assert (plan["event"], plan["eventId"]) == ("updated", "mark")
    assert not {"id", "campaignId"} & plan.keys()
    made = template.rendered(template.text_of(plan), {"{{lead.Id}}": 7}, "JSON")
    assert json.loads(made)['a "b"'] == ""


def test_both_events_are_two_webhooks_and_only_updated_says_so() -> None:
    found = guide(route("email", events=("created", "updated")))
    created, updated = parts(found, Block)
    assert "event" not in arrived(render(created.text, ZOE)).lead
    assert arrived(render(updated.text, ZOE)).event == "updated"
    tables = [one.rows for one in parts(found, Table) if "New Webhook" in one.title]
    names = [dict(one)["Webhook Name"] for one in tables]
    assert names == ["Leadbridge m, created", "Leadbridge m, updated"]


def test_the_page_shows_the_template_of_the_shipped_mapping() -> None:
    page = (ROOT / "docs/connectors/marketo.md").read_text()
    (made,) = [one for one in routes_of(of_source("marketo"), URL)
               if one.mapping == "marketo"]  # fmt: skip
    block = template.text_of(template.pairs(made, "created"))
    assert f"```\n{block}\n```" in page


# What else is told


def test_the_address_has_the_mapping_where_a_source_has_several() -> None:
    alone = routes_of(of_source("marketo")[:1], URL)
    assert [one.url for one in alone] == [f"{URL}/webhooks/marketo"]
    both = {one.mapping: one.url for one in routes_of(of_source("marketo"), URL)}
    assert both["marketo"] == f"{URL}/webhooks/marketo/marketo"
    assert both["marketo-updates"] == f"{URL}/webhooks/marketo/marketo-updates"


def test_without_a_public_address_a_place_is_left_for_it() -> None:
    routes = routes_of(of_source("marketo")[:1], None)
    found = guide_of(Marketo, routes, Variables("MARKETO_"), None)
    assert "PUBLIC_URL is not set" in text(found)
    assert "https://<your Leadbridge>/webhooks/marketo" in text(found)
    known = guide_of(Marketo, routes, Variables("MARKETO_"), URL)
    assert "PUBLIC_URL" not in text(known)


def test_the_secret_is_named_and_never_shown() -> None:
    environ = {f"MARKETO_{key}": value for key, value in MARKETO.items()}
    found = guide_of(
        Marketo,
        routes_of(of_source("marketo"), URL),
        variables_of("MARKETO_", environ),
        URL,
    )
    assert SECRET not in text(found) + repr(variables_of("MARKETO_", environ))
    headers = [one for one in parts(found, Table) if "Custom Header" in one.title]
    assert dict(headers[0].rows) == {
        "X-Leadbridge-Secret": "the value of MARKETO_WEBHOOK_SECRET",
        "Content-Type": "application/json",
    }
    assert "is not set here" not in text(found)
    assert "MARKETO_WEBHOOK_SECRET is not set here" in text(guide(route("email")))


def test_no_secret_is_asked_for_where_none_is_taken() -> None:
    assert "X-Leadbridge-Secret" not in text(guide(route(), WEBHOOK_AUTH="none"))
    off = guide(route("email"), WEBHOOK_AUTH="off")
    assert parts(off, Block) == []
    assert "MARKETO_WEBHOOK_AUTH is off" in text(off)


def test_values_in_the_answer_are_mapped_by_soap_names() -> None:
    fields = {
        "sixsenseIntent": CrmField("sixsenseIntent", "integer", soap_name="sxIntent"),
        "sixsenseEmployees": CrmField("sixsenseEmployees", "integer", "Employees"),
        "sixsenseResult": CrmField("sixsenseResult", "string", soap_name="sxResult"),
    }
    mapping = next(m for m in all_mappings() if m.name == "three-reply")
    (made,) = routes_of([mapping], URL)
    assert "fetches it" in rows(guide(made), "Response Mappings")["sixsenseIntent"]
    found = guide(replace(made, fields=fields))
    assert rows(found, "Response Mappings") == {
        "sixsenseIntent": "sxIntent",
        "sixsenseEmployees": "none: such a field cannot be filled by an answer",
        "sixsenseResult": "sxResult",
        "sixsenseCheckedAt": "? no such field when the schema was pulled",
    }
    (block,) = parts(found, Block)
    # What a rule compares with has to come along; `write: always` compares nothing.
    assert '"sixsenseEmployees": {{lead.Employees}}' in block.text
    assert "sixsenseIntent" not in block.text


def test_values_that_are_written_later_need_no_response_mapping() -> None:
    (made, *_) = routes_of(of_source("marketo"), URL)
    assert made.compares == ()
    assert rows(guide(made), "New Webhook")["Response Mappings"].startswith("none")


def test_the_role_has_what_these_mappings_need_and_no_more() -> None:
    plain = rows(guide(route(campaign=None)), "New Role")
    assert "Execute Campaign" not in plain
    assert "Read-Only Activity" in plain
    follow = next(m for m in all_mappings() if m.name == "three-follow")
    found = guide(*routes_of([follow], URL))
    assert "Execute Campaign" in rows(found, "New Role")
    assert "Campaign 1234 goes on after the write" in text(found)


def test_a_campaign_for_changes_triggers_on_nothing_that_is_written() -> None:
    made = route("id", "email", "sixsenseIntent", events=("updated",),
                 writes=("sixsenseIntent",))  # fmt: skip
    said = text(guide(made))
    assert "*Data Value Changes* of Email Address, never of a field" in said


# The command


@pytest.fixture
def mappings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in MARKETO.items():
        monkeypatch.setenv(f"MARKETO_{name}", value)
    monkeypatch.setenv("MAPPINGS_DIR", str(tmp_path))
    monkeypatch.setenv("PUBLIC_URL", URL)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    plain = mapping_text("sixsenseIntent: {from: lead.intent}")
    (tmp_path / "good.yaml").write_text(
        plain.replace("source: acme", "source: marketo")
    )
    return tmp_path


def test_the_block_to_copy_stands_as_it_is(
    mappings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["setup", "marketo"]) == 0
    said = capsys.readouterr().out
    (made,) = routes_of(load_mappings(mappings, INFOS), URL)
    block = template.text_of(template.pairs(made, "created"))
    assert f"Payload Template:\n\n{block}\n\n" in said
    assert SECRET not in said
    assert cli.main(["setup", "marketo", "good", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    blocks = [p for s in found["sections"] for p in s["parts"] if p["kind"] == "block"]
    assert [one["text"] for one in blocks] == [block]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["setup", "market"], "Did you mean marketo?"),
        (["setup", "marketo-eu"], "no mapping file in"),
        (["setup", "marketo", "god"], "marketo has no mapping 'god'; it has: good"),
        (["setup", "marketo", "--go"], "--go goes with --create-fields"),
        (["send", "marketo", "email=x@y.example"], "Say whom it is about: id=..."),
        (["send", "marketo", "id=1", "--event", "updated"], "wants other events"),
        (["send", "marketo", "id=1", "--encoding", "XML"], "JSON, Form, None, all"),
        (["send", "marketo", "good", "else"], "'else' is no KEY=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_told(
    mappings: Path, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    assert cli.main(argv) == 2
    assert said in capsys.readouterr().err


def test_a_missing_field_of_the_schema_leads_to_the_way_to_make_it(
    mappings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mappings / "schemas").mkdir()
    snapshot = {"schema": 1, "source": "marketo", "object": "lead", "fields": {}}
    path = mappings / "schemas" / "marketo.lead.json"
    path.write_text(json.dumps(snapshot))
    assert cli.main(["setup", "marketo"]) == 1
    assert "leadbridge setup marketo --create-fields" in capsys.readouterr().err


def test_a_test_event_is_shown_and_not_sent_without_go(
    mappings: Path,
    capsys: pytest.CaptureFixture[str],
    requests_mock: mocking.Mocker,
) -> None:
    lead = mappings / "zoe.json"
    lead.write_text(json.dumps({"email": "zoe@ex.example", "intent": 5}))
    argv = ["send", "marketo", "id=7", "--lead", str(lead), "--encoding", "all"]
    assert cli.main(argv) == 0
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err
    assert "<the value of MARKETO_WEBHOOK_SECRET>" in captured.out
    assert captured.out.count(f"POST {URL}/webhooks/marketo\n") == 3
    assert "3 real events" in captured.err
    assert "may cost a credit (lead-scoring-and-firmographics)" in captured.err
    assert requests_mock.call_count == 0


def test_a_test_event_needs_the_secret_and_keys_of_the_template(
    mappings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["send", "marketo", "id=7", "mail=x"]) == 1
    assert "has no key mail" in capsys.readouterr().err
    monkeypatch.setenv("MARKETO_WEBHOOK_SECRET", "")
    assert cli.main(["send", "marketo", "id=7"]) == 1
    assert "MARKETO_WEBHOOK_SECRET is not set" in capsys.readouterr().err


def test_numbers_and_flags_go_out_as_the_fields_have_them() -> None:
    fields = {"score": CrmField("score", "integer"), "hot": CrmField("hot", "boolean"),
              "plain": CrmField("plain", "string")}  # fmt: skip
    lead = {"id": "7", "score": "42", "hot": "TRUE", "plain": "42"}
    (json_way, form, none) = Marketo.rehearse(
        route("score", "hot", "plain", fields=fields), "created", lead,
        Variables("MARKETO_", {**MARKETO, "WEBHOOK_SECRET": f"{SECRET}, other"}), "m",
    )  # fmt: skip
    row = json.loads(json_way.body)
    assert (row["id"], row["score"], row["hot"], row["plain"]) == (7, 42, True, "42")
    assert row["munchkinId"] == "123-ABC-456"
    assert json_way.headers["X-Leadbridge-Secret"] == SECRET
    assert SECRET not in repr(json_way)
    ids = {json.loads(one.body)["eventId"] for one in (json_way, none)}
    assert ids == {"m-JSON", "m-None"}
    assert b"eventId=m-Form" in form.body


def test_no_test_event_goes_where_webhooks_are_off() -> None:
    with pytest.raises(ConfigurationError, match="MARKETO_WEBHOOK_AUTH is off"):
        Marketo.rehearse(
            route(), "created", {}, Variables("MARKETO_", {"WEBHOOK_AUTH": "off"}), "m"
        )


# Fields


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("sixsenseBuyingStage", "6sense Buying Stage"),
        ("sixsense_intent", "6sense Intent"),
        ("SixSenseURL", "6sense URL"),
        ("intent2Score", "Intent 2 Score"),
        ("x", "X"),
    ],
)
def test_a_label_is_made_of_the_words_of_a_name(name: str, label: str) -> None:
    assert label_of(name) == label


def lacks(entries: str, live: set[str], more: str = "") -> dict[str, tuple[str, str]]:
    """Field → its type in Marketo and the note, of what is not live."""
    written = mapping_text(entries, more)
    found = load_text(written, "m.yaml", INFOS, {"acme": {"lead": Hoped()}})
    return {
        one.field.name: (one.type, one.note) for one in lacking(Marketo, [found], live)
    }


@pytest.mark.parametrize(
    ("entry", "made"),
    [
        ("{from: sixsense.company.employee_count}", "integer"),
        ("{from: sixsense.company.name}", "string"),
        ("{from: lead.x, as: integer}", "integer"),
        ("{from: lead.x, as: number}", "float"),
        ("{from: lead.x, as: currency}", "currency"),
        ("{from: lead.x, as: range-low}", "integer"),
        ("{from: lead.x, as: boolean, write: always}", "boolean"),
        ("{from: lead.x, as: date}", "date"),
        ("{from: run.time, as: datetime}", "datetime"),
        ("{value: true, write: always}", "boolean"),
        ("{from: lead.x, translate: {a: 1, b: 2}}", "integer"),
        ("{from: lead.x, translate: {a: 1, else: keep}}", "string"),
        ("{from: lead.x, as: integer, write: if-higher}", "integer"),
        ("{from: lead.x, as: integer, otherwise: none}", "string"),
        ('{from: sixsense.segments.ids, join: ";"}', "string"),
        ("{from: lead.x, max: auto, cut: words}", "string"),
    ],
)
def test_a_field_is_made_of_the_type_that_is_written(entry: str, made: str) -> None:
    assert lacks(f"f: {entry}", set())["f"][0] == made


def test_only_what_is_lacking_and_can_be_made_is_made() -> None:
    entries = (
        "there: {from: lead.a}\nlong: {from: lead.a, max: 2000, cut: words}\n"
        "Spelt: {from: lead.a}\nsixsenseIntents: {from: lead.a}\n9lives: {from: lead.a}"
    )
    live = {"there", "spelt", "sixsenseIntent", "sixsenseResult"}
    more = "outcome: {result: sixsenseResult, at: checkedAt}"
    found = lacks(entries, live, more)
    assert list(found) == ["long", "Spelt", "sixsenseIntents", "9lives", "checkedAt"]
    assert found["long"][0] == ""
    assert "make a Text Area with the API name long" in found["long"][1]
    assert found["Spelt"] == (
        "",
        "the account spells it spelt: change the mapping file",
    )
    assert found["sixsenseIntents"][0] == "string"
    assert "there is sixsenseIntent:" in found["sixsenseIntents"][1]
    assert "a name begins with a letter" in found["9lives"][1]
    assert found["checkedAt"] == ("datetime", "")


TOKEN_PATH = "/identity/oauth/token"
FIELDS_PATH = "/rest/v1/leads/schema/fields.json"
FIELD = CrmField("sxStage", "string", "Stage")


def made_by(mock: mocking.Mocker, answer: dict[str, Any], count: int = 2) -> Any:
    token = {"access_token": "t", "expires_in": 3600}
    mock.post(MARKETO["URL"] + TOKEN_PATH, json=token)
    mock.post(MARKETO["URL"] + FIELDS_PATH, json=answer)
    return Marketo("marketo", MARKETO).create_fields("lead", [FIELD] * count)


def test_each_field_has_its_own_result(requests_mock: mocking.Mocker) -> None:
    reason = {"code": "1003", "message": "Field 'sxStage'\n already exists"}
    rows = [{"name": "sxStage", "status": "created"},
            {"status": "skipped", "reasons": [reason]}]  # fmt: skip
    answer = {"requestId": "a#1", "result": rows, "success": True}
    first, second = made_by(requests_mock, answer)
    assert (first.record_id, first.error) == ("sxStage", None)
    assert isinstance(second.error, RecordRefused)
    assert str(second.error) == "Field 'sxStage' already exists (1003)"
    sent = requests_mock.request_history[-1].json()
    row = {"displayName": "Stage", "name": "sxStage", "dataType": "string"}
    assert sent == {"input": [row, row]}


def test_a_missing_permission_is_named(requests_mock: mocking.Mocker) -> None:
    errors = [{"code": "603", "message": "Access denied"}]
    answer = {"requestId": "a#1", "success": False, "errors": errors}
    with pytest.raises(CredentialsRefused, match="Read-Write Schema Custom Field"):
        made_by(requests_mock, answer)


def test_results_that_cannot_be_told_apart_are_not_read(
    requests_mock: mocking.Mocker,
) -> None:
    rows = [{"name": "sxStage", "status": "created"}]
    answer = {"requestId": "a#1", "result": rows, "success": True}
    with pytest.raises(AnswerUnexpected, match="1 results for 2 fields"):
        made_by(requests_mock, answer)
