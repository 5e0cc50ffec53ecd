"""Web is killed: whatever it acknowledged is in the ledger, and becomes final."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from tests.stack import NO_LIMITS, SECRET, UNLIMITED, Stack, until

LEFT = """
    select count(*) as n from pg_stat_activity
    where datname = current_database() and application_name = 'leadbridge web'
"""
WAITING = f"{LEFT} and wait_event_type = 'Lock'"
KNOWN = "select count(*) as n from runs"
LEADS = "select lead_id, repeats from runs"


def begin(stack: Callable[..., Stack]) -> Stack:
    """Sandbox and web, with no limit on either side; no worker yet."""
    box = stack(**UNLIMITED)
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    return box


def counted(box: Stack, sql: str) -> int:
    """The one number that a query gives."""
    return int(box.query(sql)[0].n)


def assert_all_final(box: Stack, ids: Sequence[int]) -> None:
    """A worker brings everything that was taken to its end, once."""
    box.start_worker()
    assert box.await_final(len(ids)) == {"written": len(ids)}
    box.assert_right(ids)
    box.assert_recorded_once(ids)


def test_a_lead_whose_2xx_died_with_web_is_a_repeat_when_it_is_sent_again(
    stack: Callable[..., Stack],
) -> None:
    box = begin(stack)
    (web,) = (each for each in box.processes if each.name == "web")
    ids = box.seed(6)
    with ThreadPoolExecutor(1) as pool:
        with box.database.transaction() as connection:
            # Accepting waits here; it goes on in PostgreSQL without its web.
            connection.exec_driver_sql("lock table runs in share mode")
            sent = pool.submit(box.post_leads, ids)
            until(lambda: counted(box, WAITING) >= 2, "webhooks to wait")
            web.kill()
            assert sent.result() == set()
        until(lambda: counted(box, LEFT) == 0, "what was under way to commit")
    stored = counted(box, KNOWN)
    assert stored >= 2
    box.start_web()
    assert box.post_leads(ids) == set(ids)
    repeats = sorted(row.repeats for row in box.query(LEADS))
    assert repeats == [0] * (len(ids) - stored) + [1] * stored
    assert_all_final(box, ids)


def test_every_lead_acknowledged_before_web_was_killed_in_a_burst_becomes_final(
    stack: Callable[..., Stack],
) -> None:
    box = begin(stack)
    ids = box.seed(600)
    taken: set[int] = set()
    with ThreadPoolExecutor(1) as pool:
        for wanted in (100, 300):
            web = box.processes[-1]
            left = [n for n in ids if n not in taken]
            sent = pool.submit(box.post_leads, left, at_once=16)
            until(lambda wanted=wanted: counted(box, KNOWN) > wanted, "a burst")
            web.kill()
            acknowledged = sent.result()
            assert acknowledged < set(left), "the kill came too late"
            taken |= acknowledged
            found = {int(row.lead_id) for row in box.query(LEADS)}
            assert taken <= found, f"{len(taken - found)} acknowledged leads lost"
            box.start_web()
    # Those that got no answer are sent again, as a person would.
    assert box.post_leads([n for n in ids if n not in taken]) == set(ids) - taken
    assert_all_final(box, ids)


def test_what_campaigns_fired_while_web_was_away_is_found_and_missing_nowhere(
    stack: Callable[..., Stack],
) -> None:
    box = begin(stack)
    box.start_worker()
    web = next(each for each in box.processes if each.name == "web")
    template = '{"id": {{lead.Id}}, "email": {{lead.Email Address}}}'
    webhook = {
        "url": f"{box.web_url}/webhooks/marketo",
        "headers": {"X-Leadbridge-Secret": SECRET},
        "template": template,
    }
    campaign = {"id": 7, "trigger": "lead_created", "webhook": webhook}
    box.sandbox("marketo/campaigns", campaign)

    def search() -> None:
        before = len(box.logged("source searched"))
        wakeups.wake(box.database, [Wake("reconcile", "marketo")])
        until(lambda: len(box.logged("source searched")) > before, "the search")

    search()
    heard = box.seed(20)
    box.await_final(20)
    web.kill()
    missed = box.seed(40, first_id=2001)
    # Marketo calls once, is refused, and never calls again.
    until(lambda: refused(box) == 40, "each webhook to have met nobody")
    search()
    assert box.await_final(60) == {"written": 60}
    box.assert_right([*heard, *missed])
    box.assert_recorded_once([*heard, *missed])


def refused(box: Stack) -> int:
    """Webhooks that met nobody, by the sandbox's own log."""
    return sum(not one["ok"] for one in box.state()["marketo"]["webhooks"])
