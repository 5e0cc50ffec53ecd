"""HubSpot's search for what came without a webhook, against the sandbox's HubSpot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.connectors.hubspot import HubSpot
from app.domain import LeadEvent
from app.errors import RequestRefused
from sandbox.server import Sandbox

CREATED = {"contact": {"created"}}
UPDATED = {"contact": {"updated"}}
FIELDS = ("id", "city", "email")


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
def box(running: Sandbox) -> Sandbox:
    options = {"search_calls": 0, "burst_calls": 0}
    running.world.reset({"seed_demo": False, "hubspot": options})
    return running


def connector(box: Sandbox) -> HubSpot:
    settings = HubSpot.settings().load(
        {
            "URL": box.url,
            "ACCESS_TOKEN": "sandbox-hubspot-token",
            "CLIENT_SECRET": "x",
            "APP_ID": "7315529",
        }
    )
    return HubSpot("hubspot", settings, sleep=lambda _: None)


def seed_before(box: Sandbox, count: int) -> list[str]:
    """Contacts of an hour ago."""
    box.world.clock.offset_s = -3600
    ids = seed(box, count)
    box.world.clock.offset_s = 0
    return ids


def seed(box: Sandbox, count: int) -> list[str]:
    rows = [{"email": f"p{n}@acme.example", "city": "Oslo"} for n in range(count)]
    return box.world.hubspot.seed("contact", rows)


def change(box: Sandbox, own: str, *, by_app: bool = False, **values: str) -> None:
    record = box.world.hubspot.records[own]
    box.world.hubspot.change(record, values, by_app=by_app)


def search(
    box: Sandbox, events: Any, since: datetime, cursor: str | None = None
) -> tuple[list[LeadEvent], str, int]:
    """All pages: events, the cursor for the next search, and how many calls it took."""
    found, calls, is_more = [], 0, True
    hubspot = connector(box)
    while is_more:
        page = hubspot.changed_since(cursor, since, events, FIELDS)
        found += page.events
        cursor, is_more, calls = page.cursor, page.is_more, calls + 1
        assert calls < 50
    assert cursor is not None
    return found, cursor, calls


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


def test_every_new_record_is_found_once_the_next_search_goes_on(box: Sandbox) -> None:
    ids = seed(box, 250)
    found, cursor, _ = search(box, CREATED, ago(minutes=1))
    assert {one.record_id for one in found} == set(ids)
    assert all(one.event == "created" and one.is_thin and one.at for one in found)
    # Long before now: what is found again has a run, and is left.
    box.world.clock.offset_s = 3600
    (late,) = seed(box, 1)
    found, _, _ = search(box, CREATED, ago(days=7), cursor)
    assert late in {one.record_id for one in found}


def test_records_of_one_moment_do_not_hold_a_search_up(box: Sandbox) -> None:
    ids = seed(box, 230)
    at = datetime.now(UTC)
    for own in ids:
        box.world.hubspot.records[own].created = at
    found, _, calls = search(box, CREATED, at)
    assert {one.record_id for one in found} == set(ids)
    assert calls == 3


def test_a_record_that_goes_between_two_pages_hides_no_other(box: Sandbox) -> None:
    ids = seed(box, 150)
    start = ago(minutes=1)
    for n, own in enumerate(ids):
        box.world.hubspot.records[own].created = start + timedelta(seconds=n)
    hubspot = connector(box)
    first = hubspot.changed_since(None, start, CREATED, FIELDS)
    for own in ids[:10]:
        box.world.hubspot.records[own].is_archived = True
    second = hubspot.changed_since(first.cursor, start, CREATED, FIELDS)
    seen = {one.record_id for one in [*first.events, *second.events]}
    assert seen == set(ids)


def test_a_change_is_found_with_what_changed_and_whose_it_was(box: Sandbox) -> None:
    ids = seed_before(box, 120)
    since = datetime.now(UTC)
    change(box, ids[0], city="Bergen")
    # Ours; of a property that nobody reads; and of one that is read.
    change(box, ids[1], by_app=True, sixsense_intent="5")
    change(box, ids[2], by_app=True, city="Tromsø")
    for own in ids[3:]:
        change(box, own, phone="1")
    for n, own in enumerate(ids):
        box.world.hubspot.records[own].updated = since + timedelta(milliseconds=n)
    found, _, calls = search(box, UPDATED, since)
    told = {one.record_id: (one.changed, one.is_ours) for one in found}
    assert told == {
        ids[0]: ({"city": "Bergen"}, False),
        ids[2]: ({"city": "Tromsø"}, True),
    }
    # HubSpot's times have milliseconds.
    since -= timedelta(milliseconds=1)
    assert all(one.event == "updated" and one.at >= since for one in found if one.at)
    # Five pages of 25, each with a read of the history.
    assert calls == 10


def test_both_kinds_of_both_objects_are_searched_in_turn(box: Sandbox) -> None:
    (changed,) = seed_before(box, 1)
    change(box, changed, city="Bergen")
    (own,) = seed(box, 1)
    (company,) = box.world.hubspot.seed("company", [{"name": "Acme"}])
    wanted = {"contact": {"created", "updated"}, "company": {"created"}}
    found, _, _ = search(box, wanted, ago(minutes=1))
    kinds = sorted((one.object, one.event, one.record_id) for one in found)
    assert kinds == [
        ("company", "created", company),
        ("contact", "created", own),
        # What a new record was made with is no change.
        ("contact", "updated", changed),
    ]


def test_searches_keep_apart_as_the_account_s_limit_wants(box: Sandbox) -> None:
    seed(box, 150)
    slept: list[float] = []
    clock = iter(range(1000))
    hubspot = HubSpot(
        "hubspot",
        connector(box)._settings,
        now=lambda: next(clock) / 1000,
        sleep=slept.append,
    )
    page = hubspot.changed_since(None, ago(minutes=1), CREATED, FIELDS)
    hubspot.changed_since(page.cursor, ago(minutes=1), CREATED, FIELDS)
    assert [round(one, 2) for one in slept] == [0.25]


def test_nothing_to_search_for_makes_no_call(box: Sandbox) -> None:
    page = connector(box).changed_since(None, ago(days=1), {"deal": {"created"}}, ())
    assert (page.events, page.is_more) == ([], False)
    assert box.world.journal.total == 0


@pytest.mark.parametrize("cursor", ["x", "{}", "[]", '{"step": 0, "ids": 3}'])
def test_a_cursor_of_another_kind_is_refused_so_that_the_time_decides(
    box: Sandbox, cursor: str
) -> None:
    with pytest.raises(RequestRefused):
        connector(box).changed_since(cursor, ago(days=1), CREATED, FIELDS)
