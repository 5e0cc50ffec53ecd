"""Client and connector against the sandbox, as another process over real HTTP."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from app import errors
from app.connectors.marketo import Marketo
from app.domain import LookupResult, Update, WebhookRequest
from app.sixsense.client import SixsenseClient
from sandbox.senders import Scope, render

ROOT = Path(__file__).parents[2]
TOKEN = "0123456789abcdef0123456789abcdef01234567"
JANE = "318581"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found
        yield found[0]
        process.terminate()
        process.wait(timeout=10)


class Box:
    """The sandbox's own levers."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def control(self, path: str, body: Any = None) -> Any:
        answer = requests.post(f"{self.origin}/_sandbox/{path}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def state(self, ids: str = "all") -> Any:
        url = f"{self.origin}/_sandbox/state?ids={ids}"
        return requests.get(url, timeout=10).json()


@pytest.fixture
def box(origin: str) -> Box:
    made = Box(origin)
    made.control("reset", {})
    return made


@pytest.fixture
def marketo(box: Box) -> Marketo:
    given = {
        "URL": box.origin,
        "CLIENT_ID": "sandbox-client",
        "CLIENT_SECRET": "sandbox-secret",
        "WEBHOOK_SECRET": "demo-secret",
    }
    return Marketo("marketo", given, read_timeout_s=1.0, write_timeout_s=1.0)


@pytest.fixture
def sixsense(box: Box) -> SixsenseClient:
    return SixsenseClient({"default": TOKEN}, url=box.origin, read_timeout_s=1.0)


def update(record_id: str, **values: Any) -> Update:
    return Update("lead", "id", record_id, values)


def test_what_is_sent_is_read_back_as_the_same(marketo: Marketo) -> None:
    fields = {field.name: field for field in marketo.fields("lead")}
    samples = {
        "string": "Zoë",
        "integer": 81,
        "boolean": True,
        "date": "2026-11-02",
        "datetime": "2026-11-02T09:15:00Z",
        "float": 123456.7,
        "currency": 104000000,
    }
    writable = {}
    for name, field in fields.items():
        if name.startswith("sixsense") and not field.read_only:
            writable.setdefault(field.type, name)
    values = {writable[kind]: samples[kind] for kind in samples if kind in writable}
    assert len(values) >= 4
    (result,) = marketo.send([update(JANE, **values)])
    assert result.error is None
    (record,) = marketo.read("lead", "id", [JANE], list(values))
    assert record.values is not None
    for name, sent in values.items():
        assert marketo.same(fields[name], sent, record.values[name]), name


def test_results_and_records_keep_their_order(marketo: Marketo) -> None:
    ids = ["318585", "999999", "318581", "abc", "318583"]
    records = marketo.read("lead", "id", ids, ["email"])
    assert [record.record_id for record in records] == ids
    assert [record.values is None for record in records] == [
        False,
        True,
        False,
        True,
        False,
    ]
    results = marketo.send([update(one, sixsenseNope=1) for one in ids])
    assert [result.record_id for result in results] == ids
    kinds = [type(result.error).__name__ for result in results]
    assert kinds[1] == "RecordMissing"
    assert results[0].error is not None
    assert (results[0].error.code, results[0].error.field) == ("1006", "sixsenseNope")


def test_people_are_read_by_email_in_any_capitals(marketo: Marketo) -> None:
    (by_id,) = marketo.read("lead", "id", [JANE], ["email"])
    assert by_id.values is not None
    email = by_id.values["email"].upper()
    (found,) = marketo.read("lead", "email", [email], ["id"])
    assert (found.record_id, found.values) == (email, {"id": int(JANE)})


def test_a_token_that_ends_is_replaced_without_a_word(
    box: Box, marketo: Marketo
) -> None:
    marketo.read("lead", "id", [JANE], ["email"])
    fault = {"system": "marketo", "operation": "sync_leads", "kind": "expired_token"}
    box.control("faults", [fault])
    (result,) = marketo.send([update(JANE, sixsenseNope=1)])
    assert result.error is not None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "code", "code": "606"}, errors.RateLimited),
        ({"kind": "code", "code": "607"}, errors.QuotaSpent),
        ({"kind": "code", "code": "611"}, errors.RemoteFault),
        ({"kind": "code", "code": "603"}, errors.CredentialsRefused),
        ({"kind": "status", "status": 502}, errors.RemoteFault),
        ({"kind": "html"}, errors.AnswerUnexpected),
        ({"kind": "drop_connection"}, errors.Unreachable),
        ({"kind": "timeout_after_work", "hold_s": 3}, errors.Unreachable),
    ],
)
def test_a_fault_is_the_error_that_it_should_be(
    box: Box, marketo: Marketo, fault: dict[str, Any], kind: type[errors.RemoteError]
) -> None:
    where = {"system": "marketo", "operation": "sync_leads"}
    box.control("faults", [{**where, **fault}])
    with pytest.raises(kind) as caught:
        marketo.send([update(JANE, sixsenseNope=1)])
    assert type(caught.value) is kind


def test_a_batch_of_300_goes_in_one_call(box: Box, marketo: Marketo) -> None:
    like = {"email": "p{n}@c{n}.example"}
    box.control("leads", {"count": 300, "first_id": 1001, "like": like})
    ids = [str(1001 + n) for n in range(300)]
    results = marketo.send([update(one, country="NO") for one in ids])
    assert not any(result.error for result in results)
    records = marketo.read("lead", "id", ids, ["country"])
    assert {record.values["country"] for record in records if record.values} == {"NO"}
    operations = box.state("1001")["marketo"]["operations"]
    assert operations["sync_leads"] == 1
    assert operations["get_leads"] == 1


def test_6sense_answers_both_products(box: Box, sixsense: SixsenseClient) -> None:
    full = sixsense.call("lead-scoring-and-firmographics", {"email": "jo@acme.example"})
    assert (full.result, full.credits) == (LookupResult.MATCHED, 1)
    assert full.data is not None
    assert full.data["company"]["name"] == "Acme"
    assert full.data == sixsense.parse("lead-scoring-and-firmographics", full.text)
    scores = sixsense.call("lead-scoring", {"email": "jo@acme.example"})
    assert (scores.result, scores.credits) == (LookupResult.MATCHED, 0)
    assert scores.data is not None
    assert scores.data["scores"] == full.data["scores"]


def test_both_spellings_of_the_sandbox_are_read_alike(
    box: Box, sixsense: SixsenseClient
) -> None:
    def ask() -> Any:
        inputs = {"email": "jo@acme.example"}
        answered = sixsense.call("lead-scoring-and-firmographics", inputs)
        assert answered.data is not None
        return {**answered.data["company"], "is_blacklisted": None}

    sample = ask()
    box.control("config", {"sixsense": {"names": "table"}})
    assert ask() == sample


@pytest.mark.parametrize("unmatched", ["blank", "404", "204"])
@pytest.mark.parametrize("product", ["lead-scoring-and-firmographics", "lead-scoring"])
def test_every_form_of_unknown_is_no_match(
    box: Box, sixsense: SixsenseClient, unmatched: str, product: str
) -> None:
    box.control("config", {"sixsense": {"unmatched": unmatched}})
    answered = sixsense.call(product, {"email": "jo@nomatch1.example"})
    assert (answered.result, answered.credits) == (LookupResult.NO_MATCH, 0)


def test_the_rate_limit_of_6sense_is_an_error_with_its_wait(
    box: Box, sixsense: SixsenseClient
) -> None:
    box.control("config", {"sixsense": {"rate_calls": 1, "retry_after": 7}})
    sixsense.call("lead-scoring", {"email": "jo@acme.example"})
    with pytest.raises(errors.RateLimited) as caught:
        sixsense.call("lead-scoring", {"email": "jo@acme.example"})
    assert caught.value.retry_after == 7.0


def test_a_token_without_rights_is_refused(box: Box, sixsense: SixsenseClient) -> None:
    token = {TOKEN: {"name": "scores", "apis": ["lead-scoring"]}}
    box.control("config", {"sixsense": {"tokens": token}})
    assert sixsense.call("lead-scoring", {"email": "jo@acme.example"})
    with pytest.raises(errors.CredentialsRefused) as caught:
        sixsense.call("lead-scoring-and-firmographics", {"email": "jo@acme.example"})
    assert caught.value.status == 403


def test_a_webhook_of_the_sandbox_is_verified_and_parsed(marketo: Marketo) -> None:
    template = (
        '{"id": {{lead.Id}}, "email": {{lead.Email Address}}, '
        '"company": {{company.Company Name}}, "score": {{lead.Lead Score}}, '
        '"campaignId": {{campaign.id}}, "event": "created"}'
    )
    lead = {"id": 5, "email": "jo@acme.example", "company": 'Jack & "JJ" Sons'}
    body = render(template, lead, scope=Scope(campaign={"id": 1207})).encode()
    headers = {"x-leadbridge-secret": "demo-secret"}
    request = WebhookRequest("POST", "/webhooks/marketo", "", headers, body)
    marketo.verify(request)
    (event,) = marketo.parse(request)
    assert event.record_id == "5"
    assert event.lead["company"] == lead["company"]
    assert event.lead["email"] == lead["email"]
