"""Enrichments: 6sense's answers, kept as they came and reused while fresh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.ledger.database import Database, compact_json
from app.ledger.runs import Settled, settle_in

_FRESH = sa.text("""
    select distinct on (lookup_key)
           id, lookup_key, product, result, asked_at
    from enrichments
    where lookup_key in (select jsonb_array_elements_text(cast(:keys as jsonb)))
      and asked_at > :since
      -- A purged answer is not a blank one.
      and answer is not null
    order by lookup_key, asked_at desc
""")
# Only the newest of all: a product that is asked rarely must not cost a walk through
# everything.
_LAST = sa.text("""
    select answer from (
        select product, token, result, answer, asked_at from enrichments
        order by asked_at desc limit 5000) newest
    where token = :token and product = :product and result = 'matched'
      and answer is not null
    order by asked_at desc limit :count
""")
_TEXT = sa.text("select answer from enrichments where id = :id")
# A match takes a credit unless its record has paid one lately, or in this statement.
_ADD = sa.text("""
    with given as (
        select a.*, row_number() over (
            partition by record_key, credits > 0 order by lookup_key) as n
        from jsonb_to_recordset(cast(:answers as jsonb)) as a(
            product text, lookup_key text, token text, status int, result text,
            answer text, credits int, message text, ms float, person_key text,
            record_key text, pool text, mapping text, lookup text)
    ), added as (
        insert into enrichments
            (product, lookup_key, token, status, result, answer, message, ms,
             person_key, record_key, pool, mapping, lookup, credits)
        select product, lookup_key, token, status, result, answer, message, ms,
               person_key, record_key, pool, mapping, lookup,
               case when g.record_key is not null and (g.n > 1 or exists (
                   select 1 from enrichments e
                   where e.record_key = g.record_key and e.credits > 0
                     and e.asked_at > now() - :paid_for))
               then 0 else credits end
        from given g
        returning id, lookup_key, token, product, pool, mapping, lookup, result, credits
    ), counted as (
        insert into usage_days
            (day, token, product, pool, mapping, lookup, asked, matched, credits)
        select (now() at time zone 'UTC')::date, token, product, coalesce(pool, ''),
               coalesce(mapping, ''), coalesce(lookup, ''), count(*),
               count(*) filter (where result = 'matched'), sum(credits)
        from added
        group by token, product, coalesce(pool, ''), coalesce(mapping, ''),
                 coalesce(lookup, '')
        order by 2, 3, 4, 5, 6
        on conflict (day, token, product, pool, mapping, lookup) do update set
            asked = usage_days.asked + excluded.asked,
            matched = usage_days.matched + excluded.matched,
            credits = usage_days.credits + excluded.credits)
    select id, lookup_key, credits from added
""")
_PAID = sa.text("""
    select distinct record_key from enrichments
    where record_key in (select jsonb_array_elements_text(cast(:keys as jsonb)))
      and credits > 0 and asked_at > now() - :paid_for
""")
# The same question of other runs: they get the answer without a rate slot.
_SETTLE_SIBLINGS = sa.text("""
    with answered as (
        select * from jsonb_to_recordset(cast(:answers as jsonb)) as a(
            lookup_key text, product text, result text, id bigint)
    ), sibling as (
        select r.id, r.asked, r.lookup, r.question, r.is_last_lookup,
               a.product, a.result, a.id as enrichment_id
        from runs r join answered a on a.lookup_key = r.lookup_key
        where r.state = 'ready' and r.owner is null
        for update of r skip locked
    ), noted as (
        insert into run_lookups
            (run_id, position, name, api, result, enrichment_id, is_reused, asked)
        select id, asked, lookup, product, result, enrichment_id, true, question
        from sibling
        on conflict (run_id, position) do nothing)
    update runs r set
        state = case when s.is_last_lookup then 'enriched' else 'ready' end,
        asked = r.asked + 1, attempts = 0, error = null, cause = null,
        lookup_key = null, question = null, due_at = now(),
        enriched_at = case when s.is_last_lookup then now() end
    from sibling s where r.id = s.id
    returning r.source
""")
_ANSWERS = sa.text("""
    select l.run_id, l.name, l.api, l.result, l.is_reused,
           e.asked_at, e.product, e.answer
    from run_lookups l left join enrichments e on e.id = l.enrichment_id
    where l.run_id in (select jsonb_array_elements_text(cast(:ids as jsonb))::bigint)
    order by l.run_id, l.position
""")
# A run that is held longer than that still decides by its answer.
_PURGE_ANSWERS = sa.text("""
    update enrichments e set answer = null, answer_codec = 'purged'
    where answer is not null and asked_at < now() - :age
      and not exists (
        select 1 from runs r join run_lookups l on l.run_id = r.id
        where r.finished_at is null and l.enrichment_id = e.id)
""")
_PURGE = sa.text("""
    delete from enrichments
    where answer is null and asked_at < now() - :age - cast(:window as interval)
""")
#: 6sense charges a record once in thirty days; what was charged is known so long.
PAID_FOR = timedelta(days=30)
CREDIT_WINDOW = PAID_FOR + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class FreshAnswer:
    """An answer that is young enough, without its body."""

    enrichment_id: int
    key: str
    product: str
    result: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to store; `run` is the run that asked."""

    run: Settled
    lookup: Mapping[str, Any]
    product: str
    lookup_key: str
    token: str
    status: int
    result: str
    text: str | None
    credits: int
    message: str | None
    ms: float
    person_key: str | None
    #: The record that it pays for, as a keyed hash; None: each match costs.
    record_key: str | None = None
    pool: str | None = None
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class StoredLookup:
    """One settled lookup of a run, with the answer's text if there was one."""

    run_id: int
    name: str
    api: str
    result: str
    is_reused: bool
    asked_at: datetime | None
    product: str | None
    answer: str | None


class Enrichments:
    """Stores answers and settles every run that waits for them."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def fresh(self, keys: Sequence[str], *, since: datetime) -> dict[str, FreshAnswer]:
        """The newest answer to each of these questions, none older than `since`."""
        if not keys:
            return {}
        rows = self.database.rows(_FRESH, keys=compact_json(list(keys)), since=since)
        return {
            row.lookup_key: FreshAnswer(
                row.id, row.lookup_key, row.product, row.result, row.asked_at
            )
            for row in rows
        }

    def paid(self, record_keys: Sequence[str]) -> set[str]:
        """Those of these records for which 6sense takes no credit now."""
        if not record_keys:
            return set()
        keys = compact_json(list(record_keys))
        rows = self.database.rows(_PAID, keys=keys, paid_for=PAID_FOR)
        return {row.record_key for row in rows}

    def last_texts(self, token: str, product: str, *, count: int) -> list[str]:
        """The newest answers of a product with a match, as they came; newest first."""
        rows = self.database.rows(_LAST, token=token, product=product, count=count)
        return [row.answer for row in rows]

    def text_of(self, enrichment_id: int) -> str | None:
        """The text of a stored answer; None once it was purged."""
        row = self.database.row(_TEXT, id=enrichment_id)
        return None if row is None else row.answer

    def record(self, answers: Sequence[Answer], *, owner: int) -> set[str]:
        """Store answers and settle their runs, and all runs with the same question.

        Returns the sources whose runs moved. An answer is kept even if its run has
        gone to another owner meanwhile: it was paid for.
        """
        if not answers:
            return set()
        with self.database.transaction() as connection:
            ids = _add_in(connection, answers)
            lookups = [{**a.lookup, **ids[a.lookup_key]} for a in answers]
            moved = settle_in(
                connection, [a.run for a in answers], owner=owner, lookups=lookups
            )
            siblings = _settle_siblings_in(connection, answers, ids)
        return {row.source for row in [*moved, *siblings]}

    def end(
        self,
        settled: Settled,
        answers: Sequence[Answer],
        lookups: Sequence[Mapping[str, Any]],
        *,
        owner: int,
    ) -> tuple[bool, set[str]]:
        """Settle one run with all its answers, and their siblings, at once.

        `lookups` are its rows of run_lookups; one without an `enrichment_id` belongs
        to the answer of its name. Returns whether `owner` still held the run, and the
        sources whose runs moved. Answers are kept in any case: they were paid for.
        """
        with self.database.transaction() as connection:
            ids = _add_in(connection, answers) if answers else {}
            named = {a.lookup["name"]: ids[a.lookup_key] for a in answers}
            rows = [{**row, **named.get(row["name"], {})} for row in lookups]
            held = settle_in(connection, [settled], owner=owner, lookups=rows)
            siblings = _settle_siblings_in(connection, answers, ids) if answers else ()
        return bool(held), {row.source for row in siblings}

    def of_runs(self, run_ids: Sequence[int]) -> dict[int, list[StoredLookup]]:
        """The settled lookups of these runs, in the order they were asked."""
        if not run_ids:
            return {}
        found: dict[int, list[StoredLookup]] = {}
        for row in self.database.rows(_ANSWERS, ids=compact_json(list(run_ids))):
            found.setdefault(row.run_id, []).append(StoredLookup(**row._mapping))
        return found

    def purge(self, *, age: timedelta) -> None:
        """Forget the text of answers older than `age`, then what they cost."""
        self.database.rows(_PURGE_ANSWERS, age=age)
        self.database.rows(_PURGE, age=age, window=CREDIT_WINDOW)


def _add_in(
    connection: sa.Connection, answers: Sequence[Answer]
) -> dict[str, dict[str, int]]:
    """Store and count answers; by question, what run_lookups is to say of each."""
    rows = [
        {
            "product": a.product,
            "lookup_key": a.lookup_key,
            "token": a.token,
            "status": a.status,
            "result": a.result,
            "answer": a.text,
            "credits": a.credits,
            "message": a.message,
            "ms": a.ms,
            "person_key": a.person_key,
            "record_key": a.record_key,
            "pool": a.pool,
            "mapping": a.mapping,
            "lookup": a.lookup["name"],
        }
        for a in answers
    ]
    stored = connection.execute(
        _ADD, {"answers": compact_json(rows), "paid_for": PAID_FOR}
    ).all()
    return {
        row.lookup_key: {"enrichment_id": row.id, "credits": row.credits}
        for row in stored
    }


def _settle_siblings_in(
    connection: sa.Connection,
    answers: Sequence[Answer],
    ids: Mapping[str, Mapping[str, int]],
) -> Sequence[sa.Row[Any]]:
    """Settle waiting runs with the same questions; rows of their sources."""
    keys = [
        {
            "lookup_key": a.lookup_key,
            "product": a.product,
            "result": a.result,
            "id": ids[a.lookup_key]["enrichment_id"],
        }
        for a in answers
    ]
    return connection.execute(_SETTLE_SIBLINGS, {"answers": compact_json(keys)}).all()
