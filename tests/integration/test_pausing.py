"""`leadbridge pause` and `resume`, while web and worker are at work."""

from __future__ import annotations

import pytest

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from tests.stack import Stack, until


def let_pump_run(box: Stack, task: str, scope: str) -> None:
    """Wake this pump, and wait until it has had its turn."""
    wakeups.wake(box.database, [Wake(task, scope)])
    jobs = (
        "select 1 from procrastinate_jobs"
        " where queueing_lock = :lock and status in ('todo', 'doing')"
    )
    until(lambda: not box.query(jobs, lock=f"{task}:{scope}"), f"{task} to run")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("token", "default"),
        ("pool", "Enrichment"),
        ("product", "people/full"),
    ],
)
def test_6sense_is_not_asked_while_it_is_paused(
    box: Stack, kind: str, name: str
) -> None:
    (lead_id,) = box.seed(1)
    said = box.command("pause", kind, name, "--reason", "a talk with 6sense")
    assert f"leadbridge resume {kind} {name} ends that" in said
    box.post_lead(lead_id)
    until(lambda: box.run_of(lead_id).lookup_key is not None, "the question")
    let_pump_run(box, "enrich", "default")
    assert box.counts() == {"ready": 1}
    assert box.state()["sixsense"]["calls"] == 0
    box.command("resume", kind, name)
    assert box.await_final(1) == {"written": 1}
    assert box.pauses() == {}


def test_a_source_is_not_called_while_it_is_paused_and_others_are(box: Stack) -> None:
    first, second = box.seed(2)
    box.command("pause", "source", "marketo")
    box.post_lead(first)
    until(lambda: box.counts() == {"enriched": 1}, "6sense's answer")
    let_pump_run(box, "send", "marketo")
    assert box.state()["marketo"]["calls"] == 0
    # A thin event's fields are not fetched either.
    box.post({"id": 7})
    let_pump_run(box, "complete", "marketo")
    assert box.state()["marketo"]["calls"] == 0
    box.post({"id": second, "email": "jo@tubes.example"}, path="/webhooks/marketo-two")
    until(lambda: box.run_of(second).state == "written", "the other account")
    assert box.run_of(first).state == "enriched"
    box.command("resume", "--all")
    until(lambda: box.run_of(first).state == "written", "the rest")


def test_a_source_is_paused_though_its_mapping_files_have_mistakes(
    box: Stack, tmp_path
) -> None:
    broken = {"MAPPINGS_DIR": str(tmp_path)}
    said = box.command("pause", "source", "marketo", **broken)
    assert "Not looked up whether there is a source marketo" in said
    assert box.pauses() == {("source", "marketo"): "by hand"}
    said = box.command("pause", "source", "marketto", exit_code=2)
    assert "there is no source 'marketto'. Did you mean marketo?" in said
    box.command("pause", "token", "default")
    listed = box.command("pause")
    assert "(default, " not in listed
    assert "(default)  since" in listed
    # One that no file names any more ends by the name it is listed with.
    box.pause("source", "marketo-old")
    assert "1 resumed" in box.command("resume", "source", "marketo-old")
    assert "1 resumed" in box.command("resume", "token", "default")
    assert "not paused" in box.command("resume", "token", "default", exit_code=1)
