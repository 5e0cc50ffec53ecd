"""A run's facts as the mapping sees them, and how a run ends."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from app.domain import Decision, LookupAnswer, LookupResult, RunState
from app.errors import RecordError
from app.ledger.enrichments import Answer, StoredLookup
from app.ledger.runs import Retry, Run, Settled
from app.mapping.apply import Facts
from app.mapping.model import MappingFile
from app.pipeline.parts import Parts
from app.sixsense.client import Answered
from app.sixsense.credits import pool_of, record_of

#: Names under which a record carries its person's address, in any capitals.
EMAIL_FIELDS = frozenset({"email", "emailaddress", "email_address", "emailaddress1"})

#: An index takes no longer keys, and no CRM has them.
LONGEST_KEY = 500
#: How long a run waits for its mapping file before it has failed, in seconds.
ORPHAN_WAITS_S = (10.0, 60.0, 600.0)


def facts_of(parts: Parts, run: Run, lookups: Sequence[StoredLookup] = ()) -> Facts:
    """What the mapping may read of this run."""
    return Facts(
        lead=run.lead,
        time=run.event_at or run.received_at,
        event=run.event,
        source=run.source,
        changed_by=run.changed_by,
        answers={lookup.name: answer_of(parts, lookup) for lookup in lookups},
    )


def answer_of(parts: Parts, lookup: StoredLookup) -> LookupAnswer:
    """A stored lookup as the mapping sees it."""
    data = None
    result = LookupResult(lookup.result)
    if lookup.answer and lookup.product:
        data = parts.sixsense.parse(lookup.product, lookup.answer)
    elif lookup.answer is None and result is LookupResult.MATCHED:
        # Purged: what it said is unknown now, which is not the same as blank.
        result = LookupResult.FAILED
    return LookupAnswer(
        result=result,
        api=lookup.api,
        at=lookup.asked_at,
        is_reused=lookup.is_reused,
        data=data,
    )


def answer_to_store(
    run: Run,
    answered: Answered,
    *,
    settled: Settled,
    lookup: Mapping[str, Any],
    product: str,
    key: str,
    token: str,
    record: str | None,
) -> Answer:
    """What 6sense answered to this run, with all that is counted by."""
    return Answer(
        run=settled,
        lookup=lookup,
        product=product,
        lookup_key=key,
        token=token,
        status=answered.status,
        result=answered.result,
        text=answered.text,
        credits=answered.credits,
        message=answered.message,
        ms=answered.ms,
        person_key=run.person_key,
        record_key=record,
        pool=pool_of(product),
        mapping=run.mapping,
    )


def ended(
    mapping: MappingFile | None,
    run: Run,
    verdict: RunState,
    reason: str,
    *,
    cause: str | None = None,
) -> Settled:
    """How a run ends before it is sent: `skipped` or `failed`, for this reason.

    Where the mapping has outcome fields for it, the run goes on to the send pump,
    which writes them and then ends it.
    """
    outcome = mapping.outcome if mapping is not None else None
    has_news = outcome is not None and (
        verdict is RunState.FAILED or (verdict is RunState.SKIPPED and outcome.skipped)
    )
    is_sendable = has_news and run.record_id is not None
    return Settled(
        run.id,
        RunState.ENRICHED if is_sendable else verdict,
        verdict=verdict,
        reason=reason,
        cause=cause,
    )


def shown(decision: Decision, refused: RecordError | None = None) -> dict[str, Any]:
    """A decision as the ledger keeps it for people."""
    is_write = decision.is_write and refused is None
    sentence = decision.sentence
    if refused is not None:
        sentence = f'The CRM refused it: "{refused}". The other fields were written.'
    return {
        "field": decision.field,
        "write": is_write,
        "value": decision.value,
        "current": decision.current,
        "reason": "refused" if refused is not None else decision.reason,
        "sentence": sentence,
        "origin": decision.origin,
    }


def too_long(mapping: MappingFile, run: Run, key: str | None) -> Settled | None:
    """How a run ends whose record's key no CRM can have; None if it can."""
    if key is None or len(key) <= LONGEST_KEY:
        return None
    reason = (
        f"match: {mapping.match_from.text} has {len(key)} characters; at most "
        f"{LONGEST_KEY} are taken"
    )
    return Settled(run.id, RunState.FAILED, reason=reason, cause="key too long")


def orphaned(run: Run, step: str) -> Retry | Settled:
    """What becomes of a run whose mapping file this process does not have.

    While a new version is rolled out, another process may well have it.
    """
    reason = f"the mapping file {run.mapping} is not there any more"
    if run.attempts < len(ORPHAN_WAITS_S):
        wait_s = ORPHAN_WAITS_S[run.attempts]
        return Retry(run.id, wait_s, step, "mapping missing", reason)
    return Settled(run.id, RunState.FAILED, reason=reason, cause="mapping missing")


def leave_orphans(parts: Parts, runs: Sequence[Run], owner: int, step: str) -> None:
    """Let such runs wait, or end them."""
    left = [orphaned(run, step) for run in runs]
    ledger = parts.ledger.runs
    ledger.retry([one for one in left if isinstance(one, Retry)], owner=owner)
    ledger.settle([one for one in left if isinstance(one, Settled)], owner=owner)


def person_key(key: bytes, lead: Mapping[str, Any]) -> str | None:
    """The keyed hash of the lead's e-mail, capitals apart; None without one."""
    for name, value in lead.items():
        if name.lower() in EMAIL_FIELDS and isinstance(value, str) and value.strip():
            return keyed(key, "person", value.strip().lower())
    return None


def question_key(
    key: bytes, api: str, token: str, inputs: Mapping[str, str], run_id: int | None
) -> str:
    """The same question has the same key; `run_id` makes it this run's own."""
    parts = [f"{name}={value}" for name, value in sorted(inputs.items())]
    own = "" if run_id is None else str(run_id)
    return keyed(key, "question", api, token, own, *parts)


def record_key(
    key: bytes, api: str, token: str, inputs: Mapping[str, str]
) -> str | None:
    """The record that a match pays for, hashed; None: each match costs, or none."""
    record = record_of(api, inputs)
    return None if record is None else keyed(key, "record", token, record)


def keyed(key: bytes, *texts: str) -> str:
    """A short keyed hash of these texts."""
    message = "\x1f".join(texts).encode("utf-8", "surrogatepass")
    return hmac.new(key, message, hashlib.sha256).hexdigest()[:32]
