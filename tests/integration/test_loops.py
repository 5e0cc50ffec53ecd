"""A campaign that calls the webhook on our own writes goes round once, for nothing."""

from __future__ import annotations

from typing import Any

from tests.integration.conftest import sender
from tests.stack import Stack, until

TEMPLATE = (
    '{"id": {{lead.Id}}, "email": {{lead.Email Address}}, "title": {{lead.Job Title}}}'
)


def campaign(box: Stack) -> None:
    """A campaign that calls our webhook whenever a value changes."""
    webhook = sender(box, TEMPLATE)
    made = {"id": 9, "trigger": "data_value_changes", "webhook": webhook}
    box.sandbox("marketo/campaigns", made)


def calls(box: Stack) -> list[Any]:
    """What the campaign has called us with."""
    found: list[Any] = box.state()["marketo"]["webhooks"]
    return found


def await_rest(box: Stack, count: int) -> None:
    """Until Marketo has called us so often, and nothing is outstanding anywhere."""

    def is_at_rest() -> bool:
        now = box.state()["marketo"]["webhook_calls"]
        busy = now["waiting"] + now["open"] + now["settling"]
        runs = set(box.counts()) <= {"written", "kept"}
        return len(calls(box)) >= count and runs and not busy

    until(is_at_rest, f"a rest after {count} calls")


def charged(box: Stack) -> int:
    tokens = box.state()["sixsense"]["tokens"].values()
    return sum(one["credits_used"] for one in tokens)


def test_our_own_data_value_changes_run_nothing_again_and_cost_nothing(
    box: Stack,
) -> None:
    ids = box.seed(5)
    campaign(box)
    box.post_leads(ids)
    # Every value that we wrote has Marketo call us once more.
    await_rest(box, 5 * len(ids))
    assert box.counts() == {"written": 5}
    assert box.query("select min(repeats) as n from runs")[0].n >= 1
    assert (box.state()["sixsense"]["calls"], charged(box)) == (5, 5)
    assert box.state()["marketo"]["operations"]["sync_leads"] <= 5


def test_after_the_window_of_repeats_the_round_ends_by_itself(box: Stack) -> None:
    (lead_id,) = box.seed(1)
    box.post_lead(lead_id)
    box.await_final(1)
    box.query("update runs set last_event_at = 'epoch', finished_at = 'epoch'")
    campaign(box)
    # A person edits something, and the flow calls us about it.
    box.type_in(lead_id, title="Chief Buyer")
    box.await_final(2)
    await_rest(box, 1)
    assert sum(box.counts().values()) == 2
    assert charged(box) == 1
