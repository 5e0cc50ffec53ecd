"""What each answer of 6sense does to the run that asked, and to its scope."""

from __future__ import annotations

from typing import Any

import pytest

from app.sixsense.client import SixsenseClient
from sandbox import people
from tests.stack import TOKEN, Stack, email_of, until

#: The lookup of mappings/marketo.yaml, as a fault names it.
ASKING = {"system": "sixsense", "operation": "lead_scoring_firmographics_v2"}
POOL = ("pool", "enrichment")


TOKEN_SCOPE = (
    "token",
    SixsenseClient({"default": TOKEN}).token_limit_name("lead-scoring"),
)


def credits_used(box: Stack) -> int:
    return sum(
        one["credits_used"] for one in box.state()["sixsense"]["tokens"].values()
    )


# No match, skipped


@pytest.mark.parametrize("unmatched", ["blank", "204", "404"])
def test_nobody_known_is_kept_and_its_outcome_is_written(
    box: Stack, unmatched: str
) -> None:
    box.sandbox("config", {"sixsense": {"unmatched": unmatched}})
    (lead_id,) = box.seed(1, sixsenseIntent=50)
    box.post({"id": lead_id, "email": "jo@nomatch.example"})
    assert box.await_final(1) == {"kept": 1}
    run, lead = box.run_of(lead_id), box.leads([lead_id])[lead_id]
    assert (run.result, lead["sixsenseResult"]) == ("no-match", "no-match")
    assert lead["sixsenseCheckedAt"]
    assert lead["sixsenseIntent"] == 50
    assert box.query("select sum(credits) as n from enrichments")[0].n == 0


def test_who_is_to_be_skipped_costs_no_call_at_all(box: Stack) -> None:
    first, second = box.seed(2)
    box.post_lead(first, unsubscribed="TRUE")
    box.post({"id": second, "email": "bo@gmail.com"})
    assert box.await_final(2) == {"skipped": 2}
    assert "lead.unsubscribed" in box.run_of(first).reason
    assert "domain_in" in box.run_of(second).reason
    state = box.state()
    assert (state["sixsense"]["calls"], state["marketo"]["calls"]) == (0, 0)


def test_a_lead_without_an_address_is_not_asked_about(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post({"id": lead_id, "email": "", "company": "Tubes"})
    assert box.await_final(1) == {"kept": 1}
    assert box.run_of(lead_id).result == "not-asked"
    assert box.state()["sixsense"]["calls"] == 0


# Reuse


def test_a_fresh_answer_is_used_again_without_a_credit(box: Stack) -> None:
    first, second = box.seed(2)
    box.post_lead(first)
    assert box.await_final(1) == {"written": 1}
    box.post({"id": second, "email": email_of(first)})
    assert box.await_final(2) == {"written": 2}
    assert box.state()["sixsense"]["calls"] == 1
    assert credits_used(box) == 1
    rows = box.query("select is_reused, credits from run_lookups order by run_id")
    assert [(row.is_reused, row.credits) for row in rows] == [(False, 1), (True, 0)]
    leads = box.leads([first, second])
    assert leads[first]["sixsenseDomain"] == leads[second]["sixsenseDomain"]


def test_an_answer_that_is_too_old_is_asked_for_again(box: Stack) -> None:
    first, second = box.seed(2)
    box.post_lead(first)
    assert box.await_final(1) == {"written": 1}
    box.query("update enrichments set asked_at = asked_at - interval '25 hours'")
    box.post({"id": second, "email": email_of(first)})
    assert box.await_final(2) == {"written": 2}
    assert box.state()["sixsense"]["calls"] == 2


def test_one_question_of_many_leads_is_asked_once(box: Stack) -> None:
    ids = box.seed(12)
    box.faults({**ASKING, "kind": "hold"})
    box.post([{"id": lead_id, "email": "all@one.example"} for lead_id in ids])
    box.await_held()
    box.sandbox("faults/release", {})
    assert box.await_final(12) == {"written": 12}
    assert box.state()["sixsense"]["calls"] == 1
    assert credits_used(box) == 1
    rows = box.query(
        "select is_reused, count(*) as n from run_lookups group by 1 order by 1"
    )
    assert [(row.is_reused, row.n) for row in rows] == [(False, 1), (True, 11)]
    expected = people.scores_for("all@one.example")[0]["company_intent_score"]
    assert {lead["sixsenseIntent"] for lead in box.leads(ids).values()} == {expected}


# Refused


@pytest.mark.parametrize("status", [400, 422])
def test_a_question_that_is_refused_for_good_fails_its_run(
    box: Stack, status: int
) -> None:
    first, second = box.seed(2)
    match = {"email": email_of(first)}
    box.faults({**ASKING, "kind": "status", "status": status, "match": match})
    box.post_lead(first)
    box.post_lead(second)
    assert box.await_final(2) == {"failed": 1, "written": 1}
    run = box.run_of(first)
    assert (run.state, run.cause) == ("failed", f"RequestRefused {status}")
    assert run.reason.startswith("sixsense: lead-scoring-and-firmographics could not")
    assert email_of(first) not in run.reason
    assert box.leads([first])[first]["sixsenseResult"] == "failed"
    box.await_resumed()


def test_five_refusals_in_a_row_pause_the_product(box: Stack) -> None:
    ids = box.seed(7)
    box.faults({**ASKING, "kind": "status", "status": 400, "times": "forever"})
    for lead_id in ids:
        box.post_lead(lead_id)
        until(
            lambda lead_id=lead_id: (
                box.run_of(lead_id).lookup_key is not None
                or box.run_of(lead_id).state == "failed"
            ),
            "the run to be asked or planned",
        )
    scope = ("product", "lead-scoring-and-firmographics")
    until(lambda: scope in box.pauses(), "the product to be paused")
    until(lambda: box.counts() == {"failed": 5, "ready": 2}, "the others to wait")
    assert box.state()["sixsense"]["calls"] == 5


@pytest.mark.parametrize(
    ("status", "cause"),
    [(401, "CredentialsRefused 401"), (403, "CredentialsRefused 403")],
)
def test_a_token_that_is_refused_pauses_until_a_probe_is_taken(
    box: Stack, status: int, cause: str
) -> None:
    first, second = box.seed(2)
    box.faults({**ASKING, "kind": "status", "status": status, "times": 2})
    box.post_lead(first)
    until(lambda: box.pauses() != {}, "the token to be paused")
    assert box.pauses() == {TOKEN_SCOPE: cause}
    box.post_lead(second)
    until(lambda: box.counts() == {"ready": 2}, "both runs to wait")
    until(lambda: box.run_of(first).error is not None, "the first one to know why")
    assert box.run_of(first).attempts == 0
    # The first probe is refused too: one call, and the wait has doubled.
    box.let_waits_end()
    until(lambda: box.state()["sixsense"]["calls"] == 2, "the probe")
    until(
        lambda: box.query("select probes from pauses")[0].probes == 1,
        "the pause to be longer",
    )
    wait = box.query(
        "select until - now() > interval '25 minutes' as is_long from pauses"
    )
    assert wait[0].is_long
    box.let_waits_end()
    assert box.await_final(2) == {"written": 2}
    box.await_resumed()


def test_spent_credits_pause_their_pool_and_the_run_waits(box: Stack) -> None:
    first, second = box.seed(2)
    box.faults({**ASKING, "kind": "status", "status": 402})
    box.post_lead(first)
    until(lambda: box.pauses() == {POOL: "QuotaSpent 402"}, "the pool to be paused")
    until(lambda: box.counts() == {"ready": 1}, "the run to wait")
    # The other account's mapping goes on with what costs nothing.
    lead = {"id": second, "email": email_of(second)}
    box.post(lead, path="/webhooks/marketo-two/two-scores")
    until(lambda: box.run_of(second).state == "written", "the way without credits")
    (lookup,) = box.query(
        "select * from run_lookups where run_id = :id", id=box.run_of(second).id
    )
    assert (lookup.api, lookup.credits) == ("lead-scoring", 0)
    assert POOL in box.pauses()
    box.let_waits_end()
    assert box.await_final(2) == {"written": 2}
    box.await_resumed()


def test_a_run_that_meets_the_402_itself_goes_the_way_without_credits(
    box: Stack,
) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**ASKING, "kind": "status", "status": 402})
    lead = {"id": lead_id, "email": email_of(lead_id)}
    box.post(lead, path="/webhooks/marketo-two/two-scores")
    assert box.await_final(1) == {"written": 1}
    operations = box.state()["sixsense"]["operations"]
    assert operations == {"lead_scoring_firmographics_v2": 1, "lead_scoring_v2": 1}


def test_a_402_where_no_credit_is_taken_pauses_that_product(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults(
        {**ASKING, "kind": "status", "status": 402},
        {
            "system": "sixsense",
            "operation": "lead_scoring_v2",
            "kind": "status",
            "status": 402,
        },
    )
    lead = {"id": lead_id, "email": email_of(lead_id)}
    box.post(lead, path="/webhooks/marketo-two/two-scores")
    paused = {POOL: "QuotaSpent 402", ("product", "lead-scoring"): "QuotaSpent 402"}
    until(lambda: box.pauses() == paused, "both to be paused")
    # Asked once each: what is closed is not asked again and again.
    operations = box.state()["sixsense"]["operations"]
    assert operations == {"lead_scoring_firmographics_v2": 1, "lead_scoring_v2": 1}
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}


@pytest.mark.parametrize("retry_after", [60, None])
def test_too_many_calls_pause_the_token_and_count_no_attempt(
    box: Stack, retry_after: int | None
) -> None:
    (lead_id,) = box.seed(1)
    said = {} if retry_after is None else {"retry_after": retry_after}
    box.faults({**ASKING, "kind": "status", "status": 429, **said})
    box.post_lead(lead_id)
    until(lambda: box.pauses() != {}, "the token to be paused")
    assert box.pauses() == {TOKEN_SCOPE: "RateLimited 429"}
    (pause,) = box.query("select until - since as wait from pauses")
    assert round(pause.wait.total_seconds()) == (retry_after or 5)
    until(lambda: box.run_of(lead_id).error is not None, "the run to know why")
    assert box.run_of(lead_id).attempts == 0
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    box.await_resumed()
    assert box.state()["sixsense"]["calls"] == 2


# Trouble that passes

TROUBLES: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"kind": "status", "status": 500}, "RemoteFault 500"),
    "503 page": ({"kind": "html", "status": 503}, "RemoteFault 503"),
    "page": ({"kind": "html"}, "AnswerUnexpected 200"),
    "half": ({"kind": "broken_json"}, "AnswerUnexpected 200"),
    "202": ({"kind": "status", "status": 202, "body": {}}, "AnswerUnexpected 202"),
    "cut off": ({"kind": "drop_connection"}, "Unreachable"),
    "silence": ({"kind": "timeout_after_work", "hold_s": 3}, "Unreachable"),
    "redirect": ({"kind": "status", "status": 302, "body": ""}, "AnswerUnexpected 302"),
    "no JSON": ({"kind": "status", "status": 404, "body": "?"}, "AnswerUnexpected 404"),
}


@pytest.mark.parametrize("name", TROUBLES)
def test_trouble_that_passes_is_an_attempt_and_is_tried_again(
    box: Stack, name: str
) -> None:
    fault, cause = TROUBLES[name]
    (lead_id,) = box.seed(1)
    box.faults({**ASKING, **fault})
    box.post_lead(lead_id)
    until(lambda: box.query("select 1 from attempts") != [], "the attempt to be noted")
    (attempt,) = box.query("select * from attempts")
    run = box.run_of(lead_id)
    assert (attempt.step, attempt.cause, attempt.run_id) == ("enrich", cause, run.id)
    assert attempt.next_at > attempt.at
    assert email_of(lead_id) not in attempt.message
    box.let_waits_end()
    assert box.await_final(1) == {"written": 1}
    box.await_resumed()
    assert box.run_of(lead_id).error is None


def test_five_answers_in_a_row_that_nobody_understands_pause_the_token(
    box: Stack,
) -> None:
    ids = box.seed(6)
    box.faults({**ASKING, "kind": "html", "times": "forever"})
    for lead_id in ids:
        box.post_lead(lead_id)
    until(lambda: box.pauses() != {}, "the token to be paused")
    assert box.pauses() == {TOKEN_SCOPE: "AnswerUnexpected 200"}
    assert box.counts() == {"ready": 6}
    box.sandbox("reset", {"seed_demo": False})
    box.seed(6)
    box.let_waits_end()
    assert box.await_final(6) == {"written": 6}
    box.await_resumed()


def test_a_run_fails_when_its_tries_are_used_up(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.faults({**ASKING, "kind": "status", "status": 500, "times": "forever"})
    box.post_lead(lead_id)

    def has_failed() -> bool:
        box.let_waits_end()
        return box.counts() == {"failed": 1}

    until(has_failed, "the tries to be used up")
    assert box.state()["sixsense"]["calls"] == 11
    assert box.query("select count(*) as n from attempts")[0].n == 10
    run = box.run_of(lead_id)
    assert run.cause == "RemoteFault 500"
    assert box.leads([lead_id])[lead_id]["sixsenseResult"] == "failed"
