"""The engine: Procrastinate wakes the pumps. The only file that imports it.

Three engine workers share one process: `enrich`, `send` and `system`, each with
slots of its own, or lingering senders would starve the rest. The locks make for
tidy batches; rings, leases and fencing carry correctness.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import structlog
from procrastinate import App, JobContext, PsycopgConnector

from app.errors import AppError
from app.ledger import wakeups
from app.ledger.database import DatabaseAway
from app.ledger.installation import is_turn
from app.ledger.wakeups import Wake
from app.pipeline.budgets import CAUSE as BUDGET_SPENT
from app.pipeline.complete import complete
from app.pipeline.enrich import enrich
from app.pipeline.intake import Intake
from app.pipeline.parts import Parts
from app.pipeline.reconcile import every, reconcile
from app.pipeline.scored import tell_absent
from app.pipeline.send import send

log = structlog.get_logger()

#: Jobs at once by queue: pumps of different tokens and sources run side by side.
SLOTS = {"enrich": 4, "send": 4, "system": 4}
#: Besides one listener for each queue, which stands outside the pool.
CONNECTIONS = 2
#: "Call me again" at most this far ahead; longer waits are the sweep's.
LONGEST_WAKE_S = 1.0
#: So long after a turn of a pump its lock is free for sure.
TURN_OVER_S = 0.05
PURGE_EVERY = timedelta(hours=1)
#: How often the last answers are compared with what mappings ask for.
PRODUCTS_EVERY = timedelta(hours=1)
#: How often it is looked for runs that wait for long.
WAITING_EVERY = timedelta(minutes=1)
#: While a new version is rolled out, an old worker does not know a new source.
ORPHAN_GRACE = timedelta(hours=1)


def run(parts: Parts) -> int:
    """Run the worker until it is told to stop, or loses the database.

    Returns the exit code: 0 after a stop, 1 when it has to be started again.
    """
    return asyncio.run(_run(parts))


async def _run(parts: Parts) -> int:
    loop = asyncio.get_running_loop()
    # asyncio's own pool has six threads on two cores; the pumps wait in theirs.
    loop.set_default_executor(ThreadPoolExecutor(sum(SLOTS.values()) + 4))
    # A budget may have been raised since.
    await asyncio.to_thread(parts.ledger.runs.release_held, BUDGET_SPENT)
    app = _app(parts)
    async with app.open_async():
        workers = [
            asyncio.create_task(_worker(app, parts, queue), name=queue)
            for queue in SLOTS
        ]
        ticker = asyncio.create_task(_tick(parts), name="tick")
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        stopper = asyncio.create_task(stop.wait(), name="stop")
        log.info("worker started", sources=sorted(parts.sources), pid=os.getpid())
        # Without PostgreSQL the engine workers end quietly: the first one that ends
        # ends the process, and whoever started it starts it again.
        await asyncio.wait([*workers, ticker, stopper], return_when="FIRST_COMPLETED")
        parts.stopping.set()
        ticker.cancel()
        for worker in workers:
            worker.cancel()
        done, left = await asyncio.wait(workers, timeout=parts.settings.shutdown_s)
        for worker in done:
            _tell_why(worker)
        log.info("worker stopped", told_to=stop.is_set(), unfinished=len(left))
        if left:
            # Leases and the dead owner's rescue give these runs to the next worker.
            os._exit(0 if stop.is_set() else 1)
    return 0 if stop.is_set() else 1


def _tell_why(worker: asyncio.Task[None]) -> None:
    """One line for an engine worker that was not told to end."""
    error = None if worker.cancelled() else worker.exception()
    if error is not None:
        reason = error.__cause__ or error
        log.error("engine worker lost", queue=worker.get_name(), error=str(reason))


async def _worker(app: App, parts: Parts, queue: str) -> None:
    settings = parts.settings
    await app.run_worker_async(
        queues=[queue],
        name=queue,
        concurrency=SLOTS[queue],
        wait=True,
        install_signal_handlers=False,
        # A notification that arrives during a fetch can be missed.
        fetch_job_polling_interval=1.0,
        delete_jobs="always",
        update_heartbeat_interval=settings.heartbeat_s,
        # Rows of dead workers are ours to judge (wakeups.py); these are only pruned.
        stalled_worker_timeout=max(600.0, settings.stalled_after_s * 10),
        shutdown_graceful_timeout=settings.shutdown_s,
    )


async def _tick(parts: Parts) -> None:
    """Queue the sweep again and again; one of all workers runs it."""
    while True:
        try:
            await asyncio.to_thread(_free_interrupted, parts)
            await asyncio.to_thread(
                wakeups.wake, parts.ledger.database, [Wake("sweep")]
            )
        except DatabaseAway as error:
            log.warning("sweep not queued", error=str(error))
        await asyncio.sleep(parts.settings.sweep_every_s)


def _app(parts: Parts) -> App:
    url = parts.ledger.database.url.replace("postgresql+psycopg://", "postgresql://")
    app = App(
        connector=PsycopgConnector(conninfo=url, min_size=1, max_size=CONNECTIONS)
    )

    def pump(name: str, work: Callable[[str, int], Any]) -> None:
        # Named queue: a task that the engine does not know goes to nobody's.
        @app.task(name=name, queue=wakeups.QUEUES[name], pass_context=True)
        def task(context: JobContext, scope: str = "") -> None:
            owner = context.job.worker_id
            if owner is not None and not parts.stopping.is_set():
                _guarded(parts, name, scope, owner, work)
                # Whoever woke this pump meanwhile was heard while its lock was held.
                database, turn = parts.ledger.database, Wake(name, scope)
                _later(lambda: wakeups.remind(database, turn), TURN_OVER_S)

    pump("complete", lambda scope, owner: _complete(parts, scope, owner))
    pump("enrich", lambda scope, owner: _enrich(parts, scope, owner))
    pump("send", lambda scope, owner: _send(parts, scope, owner))
    intake = Intake(parts)
    pump("reconcile", lambda scope, owner: _reconcile(parts, intake, scope))
    pump("sweep", lambda scope, owner: sweep(parts))
    return app


def _guarded(
    parts: Parts, name: str, scope: str, owner: int, work: Callable[[str, int], Any]
) -> None:
    """The pumps' outer loop: whatever happens, the next wake-up finds them alive."""
    try:
        work(scope, owner)
    except DatabaseAway as error:
        log.warning("pump interrupted", pump=name, scope=scope, error=str(error))
    except AppError as error:
        log.error("pump stopped", pump=name, scope=scope, error=str(error))
    except Exception:
        log.exception("pump broke", pump=name, scope=scope)
    else:
        return
    parts.interrupted[name, scope, owner] = time.monotonic()


def _free_interrupted(parts: Parts) -> None:
    """Free what turns of this process held when they broke off.

    The process lives, so no sweep takes it for dead; without this its batches would
    wait for the end of a lease that is made for the slowest answer of a CRM.
    """
    for key, at in list(parts.interrupted.items()):
        task, scope, owner = key
        age = timedelta(seconds=time.monotonic() - at)
        source = parts.sources.get(scope)
        freed = 0
        if task == "send" and source is not None:
            freed = parts.ledger.batches.free_interrupted(
                scope, owner=owner, lease=parts.write_lease(source), age=age
            )
        elif task != "sweep":
            lease = parts.write_lease(source) if source else parts.enrich_lease
            freed = parts.ledger.runs.free_interrupted(
                task, scope, owner=owner, lease=lease, age=age
            )
        if freed:
            log.info("freed after a break", pump=task, scope=scope, freed=freed)
        # A later break of the same pump stays noted.
        if parts.interrupted.get(key) == at:
            del parts.interrupted[key]


def _complete(parts: Parts, source: str, owner: int) -> None:
    wakeups.wake(parts.ledger.database, complete(parts, source, owner))


def _enrich(parts: Parts, token: str, owner: int) -> None:
    database = parts.ledger.database
    wakes, is_more = enrich(
        parts, token, owner, tell=lambda found: wakeups.wake(database, found)
    )
    again = [Wake("enrich", token)] if is_more else []
    wakeups.wake(database, [*wakes, *again])


def _send(parts: Parts, source: str, owner: int) -> None:
    wait_s = send(parts, source, owner)
    if wait_s is not None and wait_s <= LONGEST_WAKE_S:
        wake = Wake("send", source)
        _later(lambda: wakeups.wake(parts.ledger.database, [wake]), wait_s)


def _later(work: Callable[[], None], wait_s: float) -> None:
    """Do this once a turn is over. Lost with the process, and with the database away:
    the sweep makes it good."""

    def now() -> None:
        try:
            work()
        except DatabaseAway as error:
            log.warning("wake-up lost", error=str(error))

    timer = threading.Timer(max(wait_s, TURN_OVER_S), now)
    timer.daemon = True
    timer.start()


def _reconcile(parts: Parts, intake: Intake, source: str) -> None:
    wakeups.wake(parts.ledger.database, reconcile(parts, intake, source))


def sweep(parts: Parts) -> None:
    """Free what dead workers held, and wake every pump that has due work."""
    ledger = parts.ledger
    ended = wakeups.end_stalled(ledger.database, parts.stalled)
    runs = ledger.runs.free_abandoned(stalled=parts.stalled)
    batches = ledger.batches.free_abandoned(stalled=parts.stalled)
    if ended or runs or batches:
        log.warning("rescued", jobs=ended, runs=runs, batches=batches)
    due = ledger.runs.due()
    known = {"complete": parts.sources, "send": parts.sources, "enrich": parts.rings}
    wakeups.wake(
        ledger.database,
        [Wake(task, scope) for task, scope in due if scope in known[task]],
    )
    for task, scope in due:
        if scope not in known[task]:
            _adopt(parts, task, scope)
    wakeups.wake(ledger.database, _by_the_clock(parts))
    if is_turn(ledger.database, "purge", PURGE_EVERY):
        purge(parts)
    if is_turn(ledger.database, "products", PRODUCTS_EVERY):
        tell_absent(parts)


def _by_the_clock(parts: Parts) -> list[Wake]:
    """Pumps that no event wakes: searches, and word of long waits."""
    database = parts.ledger.database
    wakes = []
    for source in parts.sources.values():
        wait = every(parts, source)
        if wait is not None and is_turn(database, f"reconcile {source.name}", wait):
            wakes.append(Wake("reconcile", source.name))
    age = timedelta(seconds=parts.settings.tell_waiting_after_s)
    if is_turn(database, "waiting", min(age, WAITING_EVERY)):
        found = parts.ledger.runs.long_waiting(age)
        wakes += [Wake("send", name) for name in found if name in parts.sources]
    return wakes


def _adopt(parts: Parts, task: str, scope: str) -> None:
    """Work that waits for a token or a source which is not configured any more."""
    if task != "enrich":
        failed = parts.ledger.runs.fail_orphans(scope, grace=ORPHAN_GRACE)
        if scope not in parts.unknown:
            parts.unknown.add(scope)
            log.warning("work of a source that no mapping names", source=scope)
        if failed:
            log.error("no mapping names this source", source=scope, runs=failed)
    elif parts.rings:
        to = "default" if "default" in parts.rings else min(parts.rings)
        moved = parts.ledger.runs.retoken(scope, to)
        log.warning("runs of a token that is gone", runs=moved, asked_under=to)


def purge(parts: Parts) -> None:
    """Forget what is older than the settings keep it."""
    settings, ledger = parts.settings, parts.ledger
    rows = timedelta(days=settings.keep_runs_days)
    bodies = timedelta(days=settings.keep_bodies_days)
    ledger.deliveries.purge(bodies=bodies, rows=rows)
    ledger.enrichments.purge(age=rows)
    ledger.written.purge(age=rows)
    ledger.batches.purge(age=rows)
    ledger.follow_ups.purge(age=rows)
    purged = ledger.runs.purge(age=rows)
    log.info("purged", runs=purged)
