"""The worker is killed: no lead is lost, and none is written wrongly."""

from __future__ import annotations

from collections.abc import Callable

from tests.stack import NO_LIMITS, UNLIMITED, Stack


def test_a_batch_whose_answer_died_with_the_worker_is_sent_again_as_it_was(
    stack: Callable[..., Stack],
) -> None:
    box = stack(**UNLIMITED)
    box.start_sandbox(**NO_LIMITS)
    box.start_web()
    worker = box.start_worker()
    ids = box.seed(60)
    box.fault("marketo", "timeout_after_work", operation="sync_leads")
    assert box.post_leads(ids) == set(ids)
    box.await_held()
    # Marketo has the values; the worker that sent them will never know.
    (batch,) = box.query("select id, size from batches where settled_at is null")
    worker.kill()
    box.start_worker()
    box.await_final(len(ids))
    box.assert_right(ids)
    box.assert_recorded_once(ids)
    (again,) = box.query("select size from batches where id = :id", id=batch.id)
    assert again.size == batch.size
