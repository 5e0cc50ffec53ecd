"""What is forgotten, when, and what never is."""

from __future__ import annotations

from datetime import timedelta

from app.ledger.runs import Settled
from app.ledger.written import Write
from tests.ledger_parts import Desk, event

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


def write_one(desk: Desk, lead_id: int) -> None:
    desk.enrich(event(lead_id))
    owner = desk.hire()
    batch = desk.batch(owner)
    assert batch is not None
    run = batch.runs[0]
    write = Write(
        run.id, batch.id, "marketo", "lead", str(lead_id), None, {"a": lead_id}, {}
    )
    ends = [Settled(run.id, "written")]
    desk.ledger.batches.settle(batch, ends, owner=owner, writes=[write])


def age(desk: Desk, days: int) -> None:
    """As if everything there is had happened this long ago."""
    for table, column in (
        ("deliveries", "received_at"),
        ("runs", "finished_at"),
        ("enrichments", "asked_at"),
        ("updates", "at"),
        ("attempts", "at"),
        ("batches", "settled_at"),
    ):
        desk.query(
            f"update {table} set {column} = {column} - make_interval(days => :n)",  # noqa: S608
            n=days,
        )


def purge(desk: Desk) -> None:
    ledger = desk.ledger
    ledger.deliveries.purge(bodies=WEEK, rows=MONTH)
    ledger.enrichments.purge(age=MONTH)
    ledger.written.purge(age=MONTH)
    ledger.batches.purge(age=MONTH)
    ledger.runs.purge(age=MONTH)


def count(desk: Desk, table: str) -> int:
    return int(desk.query(f"select count(*) as n from {table}")[0].n)  # noqa: S608


def test_a_body_goes_after_a_week_and_its_delivery_stays(desk: Desk) -> None:
    write_one(desk, 1)
    age(desk, 8)
    write_one(desk, 2)
    purge(desk)
    rows = desk.query("select body, body_codec from deliveries order by id")
    assert rows[0] == (None, "purged")
    assert rows[1].body_codec == "raw"
    assert rows[1].body is not None
    assert count(desk, "runs") == 2


def test_the_rest_goes_after_a_month_but_for_what_keeps_values_fresh(
    desk: Desk,
) -> None:
    write_one(desk, 1)
    age(desk, 31)
    write_one(desk, 2)
    purge(desk)
    for table in ("deliveries", "runs", "run_lookups", "updates", "batches"):
        assert count(desk, table) == 1, table
    # Credits stay counted, the answer they were paid for goes.
    rows = desk.query(
        "select credits, answer, answer_codec from enrichments order by id"
    )
    assert [tuple(row) for row in rows] == [(1, None, "purged"), (1, "{}", "text")]
    assert count(desk, "last_written") == 2


def test_what_is_under_way_is_kept_however_old(desk: Desk) -> None:
    desk.enrich(event(1))
    owner = desk.hire()
    assert desk.batch(owner) is not None
    desk.accept(event(2))
    desk.query("update runs set received_at = now() - interval '1 year'")
    age(desk, 365)
    purge(desk)
    assert sorted(desk.states()) == ["ready", "sending"]
    assert count(desk, "batches") == 1


def test_a_purged_answer_is_no_answer_to_reuse(desk: Desk) -> None:
    write_one(desk, 1)
    (asked,) = desk.query("select lookup_key, asked_at from enrichments")
    since = asked.asked_at - MONTH - MONTH
    assert asked.lookup_key in desk.ledger.enrichments.fresh(
        [asked.lookup_key], since=since
    )
    age(desk, 31)
    desk.ledger.enrichments.purge(age=MONTH)
    assert desk.ledger.enrichments.fresh([asked.lookup_key], since=since) == {}


def test_an_answer_stays_while_a_run_still_decides_by_it(desk: Desk) -> None:
    desk.enrich(event(1))
    age(desk, 31)
    desk.ledger.enrichments.purge(age=MONTH)
    (stored,) = desk.query("select answer from enrichments")
    assert stored.answer is not None


def test_what_was_charged_is_known_for_the_credit_window(desk: Desk) -> None:
    write_one(desk, 1)
    age(desk, 31)
    desk.ledger.enrichments.purge(age=MONTH)
    assert len(desk.query("select id from enrichments")) == 1
    age(desk, 31)
    desk.ledger.enrichments.purge(age=MONTH)
    assert desk.query("select id from enrichments") == []
