"""A Marketo lead goes in, is enriched, and comes back changed."""

from __future__ import annotations

from collections.abc import Callable

from sandbox import people
from tests.stack import Stack


def test_a_lead_is_enriched_and_written_back(stack: Callable[..., Stack]) -> None:
    box = stack().start()
    (lead_id,) = box.seed(1)
    answer = box.post_lead(lead_id)
    assert answer.status_code == 200
    assert answer.json()["status"] == "accepted"
    assert box.await_final(1) == {"written": 1}
    lead = box.leads([lead_id])[lead_id]
    email = lead["email"]
    platform = people.scores_for(email)[0]
    assert lead["sixsenseIntent"] == platform["company_intent_score"]
