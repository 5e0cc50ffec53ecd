"""Reading: filters, pages, Describe, usage, campaigns, activities."""

from __future__ import annotations

from typing import Any

import pytest

CREATED_UPDATED = {"createdAt", "updatedAt"}


def _code(answer: dict[str, Any]) -> str:
    assert answer["success"] is False
    return answer["errors"][0]["code"]


def test_default_fields_and_explicit_nulls(marketo: Any) -> None:
    answer = marketo.get("leads.json", filterType="id", filterValues="318584,9")
    (lead,) = answer["result"]
    names = ["id", "email", "updatedAt", "createdAt", "firstName", "lastName"]
    assert list(lead) == names
    assert lead["createdAt"].endswith("Z")
    assert list(answer) == ["requestId", "result", "success"]
    answer = marketo.get(
        "leads.json", filterType="email", filterValues="KIM@nomatch-ltd.example",
        fields="email,sixsenseIntent,unsubscribed",
    )  # fmt: skip
    assert answer["result"] == [
        {"id": 318584, "email": "kim@nomatch-ltd.example", "sixsenseIntent": None,
         "unsubscribed": False}
    ]  # fmt: skip


def test_no_match_is_an_empty_result(marketo: Any) -> None:
    answer = marketo.get(
        "leads.json", filterType="email", filterValues="no@acme.example"
    )
    assert (answer["success"], answer["result"]) == (True, [])


@pytest.mark.parametrize("in_body", [True, False])
def test_a_post_with_method_get_reads(marketo: Any, in_body: bool) -> None:
    form = {"filterType": "id", "filterValues": "318581", "fields": "id"}
    method = {"_method": "GET"}
    answer = marketo.call(
        "POST", "/rest/v1/leads.json",
        params={} if in_body else method, data={**form, **(method if in_body else {})},
    )  # fmt: skip
    assert answer.json()["result"] == [{"id": 318581}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "1003"),
        ({"filterType": "id"}, "1003"),
        ({"filterType": "nope", "filterValues": "1"}, "1006"),
        ({"filterType": "city", "filterValues": "Oslo"}, "1011"),
        ({"filterType": "id", "filterValues": "1", "fields": "id,nope"}, "1006"),
        ({"filterType": "id", "filterValues": ",".join(["1"] * 301)}, "1003"),
        ({"filterType": "id", "filterValues": "1", "batchSize": "301"}, "1003"),
        ({"filterType": "id", "filterValues": "1", "nextPageToken": "x"}, "1003"),
    ],
)  # fmt: skip
def test_bad_filters_are_refused(marketo: Any, query: Any, code: str) -> None:
    assert _code(marketo.get("leads.json", **query)) == code


def test_pages_carry_a_token_only_when_another_follows(
    control: Any, marketo: Any
) -> None:
    like = {"email": "p{n}@page.example", "sixsenseIndustry": "Paging"}
    control.send("POST", "/leads", {"count": 5, "like": like})
    query = {
        "filterType": "sixsenseIndustry", "filterValues": "paging", "fields": "email",
        "batchSize": 2,
    }  # fmt: skip
    sizes, token, found = [], None, []
    while True:
        more = {"nextPageToken": token} if token else {}
        answer = marketo.get("leads.json", **query, **more)
        sizes.append(len(answer["result"]))
        found += [lead["email"] for lead in answer["result"]]
        if "nextPageToken" not in answer:
            assert "moreResult" not in answer
            break
        assert answer["moreResult"] is True
        token = answer["nextPageToken"]
    assert sizes == [2, 2, 1]
    assert sorted(found) == [f"p{n}@page.example" for n in range(1, 6)]


def test_more_than_a_thousand_matches_are_refused(control: Any, marketo: Any) -> None:
    like = {"email": "p{n}@many.example", "sixsenseIndustry": "Many"}
    control.send("POST", "/leads", {"count": 1001, "like": like})
    answer = marketo.get(
        "leads.json", filterType="sixsenseIndustry", filterValues="Many"
    )
    assert answer["errors"][0]["message"] == "Too many results match the filter"


def test_a_missing_lead_is_1004_or_empty(control: Any, marketo: Any) -> None:
    answer = marketo.get("lead/7.json")
    assert answer["errors"] == [{"code": "1004", "message": "Lead '7' not found"}]
    control.config(marketo={"missing_lead": "empty"})
    assert marketo.get("lead/7.json")["result"] == []


def test_large_answers_are_compressed_when_asked(marketo: Any) -> None:
    path = "/rest/v1/leads/describe.json"
    zipped = marketo.call("GET", path, headers={"Accept-Encoding": "gzip"})
    plain = marketo.call("GET", path, headers={"Accept-Encoding": "identity"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.json()["result"] == plain.json()["result"]


def test_describe_has_the_recorded_form(marketo: Any) -> None:
    fields = {
        f["rest"]["name"]: f for f in marketo.get("leads/describe.json")["result"]
    }
    company = fields["company"]
    assert list(company) == [
        "id", "displayName", "dataType", "length", "rest", "soap",
    ]  # fmt: skip
    assert company["soap"] == {"name": "Company", "readOnly": False}
    assert "soap" not in fields["updatedAt"]
    assert "length" not in fields["updatedAt"]
    assert fields["updatedAt"]["rest"]["readOnly"] is True
    types = {name: field["dataType"] for name, field in fields.items()}
    assert types["annualRevenue"] == "currency"
    assert types["numberOfEmployees"] == types["leadScore"] == "integer"
    assert types["website"] == "url"
    assert types["billingStreet"] == "text"
    assert types["leadPartitionId"] == "reference"
    assert fields["sixsenseSegments"]["length"] == 2000
    assert fields["sixsenseGrade"]["length"] == 1


def test_describe2_lists_the_searchable_fields(marketo: Any) -> None:
    (entry,) = marketo.get("leads/describe2.json")["result"]
    assert entry["name"] == "API Lead"
    assert ["email"] in entry["searchableFields"]
    assert ["sixsenseStage"] in entry["searchableFields"]
    assert ["city"] not in entry["searchableFields"]
    email = next(field for field in entry["fields"] if field["name"] == "email")
    assert email == {
        "name": "email", "displayName": "Email Address", "dataType": "email",
        "length": 255, "updateable": True, "crmManaged": False,
    }  # fmt: skip


def test_custom_fields_can_be_created(marketo: Any) -> None:
    wanted = [
        {
            "displayName": "6s Short",
            "name": "sxShort",
            "dataType": "string",
            "length": 5,
        },
        {"displayName": "6s Score", "name": "sxScore", "dataType": "score"},
        {"displayName": "Long", "name": "sxText", "dataType": "text"},
        {"displayName": "Bad", "name": "6s", "dataType": "string"},
        {"displayName": "Again", "name": "sxShort", "dataType": "string"},
    ]
    answer = marketo.post("leads/schema/fields.json", {"input": wanted})
    statuses = [result["status"] for result in answer["result"]]
    assert statuses == ["created", "created", "skipped", "skipped", "skipped"]
    assert marketo.update({"id": 318581, "sxShort": "abcde"})[0]["status"] == "updated"
    assert marketo.update({"id": 318581, "sxShort": "abcdef"})[0]["status"] == "skipped"
    fields = {f["name"]: f for f in marketo.get("leads/schema/fields.json")["result"]}
    assert fields["sxScore"]["dataType"] == "integer"
    assert fields["sxScore"]["isApiCreated"] is True
    assert fields["email"]["isCustom"] is False


def test_partitions_and_usage(marketo: Any) -> None:
    (partition,) = marketo.get("leads/partitions.json")["result"]
    assert partition["name"] == "Default"
    marketo.get("lead/7.json")
    (usage,) = marketo.get("stats/usage.json")["result"]
    assert usage["total"] == 3
    assert usage["users"] == [{"userId": "api-user@sandbox.example", "count": 3}]
    (errors,) = marketo.get("stats/errors.json")["result"]
    assert errors["errors"] == [{"errorCode": "1004", "count": 1}]


def test_requested_campaigns_are_recorded(control: Any, marketo: Any) -> None:
    body = {"input": {"leads": [{"id": 318581}]}}
    answer = marketo.post("campaigns/1234/trigger.json", body)
    assert answer["result"] == [{"id": 1234}]
    assert control.state()["marketo"]["campaign_requests"] == [
        {"campaign": "1234", "leads": [318581], "tokens": []}
    ]
    control.config(marketo={"batch_campaigns": ["55"]})
    assert _code(marketo.post("campaigns/55/trigger.json", body)) == "1003"
    body = {"input": {"leads": [{"id": 7}]}}
    assert _code(marketo.post("campaigns/1234/trigger.json", body)) == "1004"
    assert _code(marketo.post("campaigns/1234/trigger.json", {"input": {}})) == "1003"


def _since(control: Any, marketo: Any) -> str:
    moment = control.state()["now"].replace("+00:00", "Z").replace(" ", "T")
    answer = marketo.get("activities/pagingtoken.json", sinceDatetime=moment)
    assert list(answer) == ["requestId", "success", "nextPageToken"]
    return answer["nextPageToken"]


def _changes(marketo: Any, token: str, **more: Any) -> dict[str, Any]:
    query = {"nextPageToken": token, "fields": "sixsenseIntent,city", **more}
    return marketo.get("activities/leadchanges.json", **query)


def test_changes_are_activities_12_and_13(control: Any, marketo: Any) -> None:
    control.config(clock={"advance_s": 10})
    token = _since(control, marketo)
    (new,) = marketo.sync(
        {"email": "n@acme.example", "firstName": "N", "lastName": "L"}
    )["result"]
    marketo.update({"id": 318581, "sixsenseIntent": 9, "sixsenseStage": "x"})
    marketo.update({"id": 318581, "sixsenseIntent": 9})
    answer = _changes(marketo, token)
    assert answer["moreResult"] is False
    created, changed = answer["result"]
    assert created["activityTypeId"] == 12
    assert created["leadId"] == created["primaryAttributeValueId"] == new["id"]
    assert created["primaryAttributeValue"] == "N L"
    assert created["attributes"] == [{"name": "Source Type", "value": "New lead"}]
    assert changed["activityTypeId"] == 13
    assert changed["marketoGUID"] == str(changed["id"])
    (field,) = changed["fields"]
    assert field["name"] == "sixsenseIntent"
    assert (field["oldValue"], field["newValue"]) == (None, 9)
    values = {item["name"]: item["value"] for item in changed["attributes"]}
    assert values == {"Reason": "Web service API", "Source": "Web service API"}
    assert _changes(marketo, answer["nextPageToken"])["result"] == []


def test_pages_of_changes_may_be_empty_and_go_on(control: Any, marketo: Any) -> None:
    control.config(clock={"advance_s": 10})
    token = _since(control, marketo)
    marketo.update({"id": 318581, "sixsenseStage": "a", "sixsenseResult": "b"})
    marketo.update({"id": 318582, "city": "Oslo"})
    first = _changes(marketo, token, batchSize=2)
    assert (first["result"], first["moreResult"]) == ([], True)
    second = _changes(marketo, first["nextPageToken"], batchSize=2)
    assert [entry["leadId"] for entry in second["result"]] == [318582]
    assert _changes(marketo, token, leadIds="318581")["result"] == []


def test_deleted_leads_are_type_37(control: Any, marketo: Any) -> None:
    control.config(clock={"advance_s": 10})
    token = _since(control, marketo)
    marketo.post("leads/delete.json", {"input": [{"id": 318585}]})
    answer = marketo.get("activities/deletedleads.json", nextPageToken=token)
    (deleted,) = answer["result"]
    assert (deleted["activityTypeId"], deleted["leadId"]) == (37, 318585)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"fields": "city"}, "1002"),
        ({"nextPageToken": "x", "fields": "city"}, "1003"),
        ({"nextPageToken": "x"}, "1002"),
        ({"nextPageToken": "x", "fields": "nope"}, "1006"),
    ],
)
def test_bad_questions_for_changes_are_refused(
    marketo: Any, query: Any, code: str
) -> None:
    assert _code(marketo.get("activities/leadchanges.json", **query)) == code


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23T10:00:00"])
def test_a_paging_token_needs_a_time_with_zone(marketo: Any, text: str) -> None:
    answer = marketo.get("activities/pagingtoken.json", sinceDatetime=text)
    assert _code(answer) == "1003"


def test_pages_can_be_made_short_and_empty(control: Any, marketo: Any) -> None:
    control.config(marketo={"activities_page": 2, "empty_pages": 1})
    token, pages = _since(control, marketo), []
    marketo.update({"id": 318581, "city": "Oslo", "sixsenseIntent": 9})
    marketo.update({"id": 318582, "city": "Oslo"})
    while not pages or pages[-1]["moreResult"]:
        pages.append(_changes(marketo, token, leadIds="318581,318582"))
        token = pages[-1]["nextPageToken"]
    found = [len(page["result"]) for page in pages]
    # Before each page with something there is one with nothing.
    assert set(found[::2]) == {0}
    assert sum(found) == 5
    assert max(found) == 2
    assert all(page["success"] for page in pages)


def test_ids_of_activities_can_be_missing(control: Any, marketo: Any) -> None:
    control.config(marketo={"activity_id": "guid"})
    token = _since(control, marketo)
    marketo.update({"id": 318581, "city": "Oslo"})
    found = _changes(marketo, token)["result"]
    assert all("id" not in entry and entry["marketoGUID"] for entry in found)


def test_any_activities_come_by_up_to_ten_types(control: Any, marketo: Any) -> None:
    control.config(clock={"advance_s": 10})
    token = _since(control, marketo)
    marketo.update({"id": 318581, "city": "Oslo"})
    marketo.post("leads/delete.json", {"input": [{"id": 318585}]})

    def log(types: str) -> dict[str, Any]:
        query = {"nextPageToken": token, "activityTypeIds": types}
        return marketo.get("activities.json", **query)

    (changed,) = log("12,13")["result"]
    assert (changed["activityTypeId"], changed["primaryAttributeValue"]) == (13, "city")
    assert changed["attributes"] == [
        {"name": "New Value", "value": "Oslo"},
        {"name": "Old Value", "value": None},
        {"name": "Reason", "value": "Web service API"},
        {"name": "Source", "value": "Web service API"},
    ]
    assert [entry["leadId"] for entry in log("13,37")["result"]] == [318581, 318585]
    assert _code(log("")) == "1002"
    assert _code(log("x")) == "1003"
    assert _code(log(",".join(map(str, range(11))))) == "1003"
    types = marketo.get("activities/types.json")["result"]
    assert {entry["id"]: entry["name"] for entry in types} == {
        12: "New Lead", 13: "Change Data Value", 37: "Delete Lead",
        110: "Call Webhook",
    }  # fmt: skip


def test_there_are_no_lists_to_ask_for(control: Any, marketo: Any) -> None:
    answer = _changes(marketo, _since(control, marketo), listId=1001)
    assert _code(answer) == "1003"
