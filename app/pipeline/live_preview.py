"""What a mapping would make of a record as it is now: read, and 6sense asked.

Nothing is written to a CRM here, and no answer is stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.connectors.base import Connector
from app.domain import LastValue, LookupAnswer, LookupResult
from app.errors import QuotaSpent, RateLimited, RecordMissing, RequestRefused
from app.ledger import reports
from app.mapping.apply import Facts, record_key
from app.mapping.model import Lookup, MappingFile
from app.mapping.preview import Preview, preview
from app.mapping.reasons import FailRun
from app.pipeline.parts import Parts, calling, source_of
from app.pipeline.story import question_key
from app.sixsense import PRODUCTS
from app.sixsense.client import SixsenseClient

#: How long a question waits for a slot of 6sense's limit, in seconds.
SLOT_WAIT_S = 70.0


@dataclass
class Live:
    """A record as it is now: read from its source, and 6sense asked about it."""

    mapping: MappingFile
    connector: Connector
    sixsense: SixsenseClient
    #: None: no ledger, so no rate ring, no stored answer, no last written value.
    parts: Parts | None
    #: Asked with a sentence before a credit may be spent.
    may_spend: Callable[[str], bool]
    notes: list[str] = field(default_factory=list)

    def show(self, record_id: str) -> Preview:
        """What the mapping would make of it.

        Raises:
            RecordMissing: the source has no such record.
            RemoteError: the source or 6sense could not be asked.
        """
        now = datetime.now(UTC)
        lead, current = self._read(record_id, now)
        facts = Facts(lead, now, source=self.mapping.source)
        shown = preview(
            self.mapping,
            facts,
            self._answer,
            current=current,
            last_written=self._last_written(record_key(self.mapping, facts)),
            now=now,
            same=self.connector.same,
        )
        shown.notes = self.notes
        return shown

    def _read(
        self, record_id: str, now: datetime
    ) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """The event's record, and the record that is written; often the same."""
        mapping, key = self.mapping, self.connector.record_key
        folded = mapping.object.casefold()
        own = next((name for name in mapping.events if name.casefold() == folded), None)
        lead_object = own or next(iter(mapping.events))
        wanted = set(mapping.lead_fields)
        is_one = own is not None and mapping.match_by == key and mapping.reads_current
        if is_one:
            wanted |= set(mapping.current_fields)
        found = self._record(lead_object, key, record_id, sorted(wanted - {key}))
        lead = {n: v for n, v in found.items() if n in mapping.lead_fields}
        lead[key] = record_id
        target = record_key(mapping, Facts(lead, now, source=mapping.source))
        if target is None or not mapping.reads_current:
            return lead, {}
        if is_one and target == record_id:
            return lead, {key: record_id, **found}
        fields = mapping.current_fields
        return lead, self._record(mapping.object, mapping.match_by, target, fields)

    def _record(
        self, name: str, by: str, key: str, fields: Sequence[str]
    ) -> Mapping[str, Any]:
        parts, source = self.parts, self.mapping.source
        leave = calling(parts, source_of(parts, source)) if parts else nullcontext()
        with leave:
            (record,) = self.connector.read(name, by, [key], fields)
        if record.values is None:
            raise RecordMissing(f"{self.mapping.source} has no {name} with {by} {key}")
        return record.values

    def _last_written(self, record_id: str | None) -> Mapping[str, LastValue]:
        if self.parts is None:
            self.notes.append(
                "without the database it is not known what we wrote before: keep-fresh "
                "keeps every field that has a value"
            )
            return {}
        if record_id is None:
            return {}
        written = self.parts.ledger.written
        mapping = self.mapping
        return written.last(mapping.source, mapping.object, [record_id]).get(
            record_id, {}
        )

    def _answer(self, lookup: Lookup, inputs: Mapping[str, str]) -> LookupAnswer | None:
        fresh = self._fresh(lookup, inputs)
        if fresh is not None:
            return fresh
        cost = cost_of(lookup.api)
        if cost and not self.may_spend(f"{lookup.name}: asking {lookup.api} {cost}"):
            self.notes.append(f"{lookup.name}: not asked, so nothing is known of it")
            return None
        return self._ask(lookup, lookup.api, inputs)

    def _fresh(self, lookup: Lookup, inputs: Mapping[str, str]) -> LookupAnswer | None:
        """An answer in the ledger that the service would use again."""
        if self.parts is None or not lookup.reuse:
            return None
        ledger = self.parts.ledger
        token = self.sixsense.token_name(lookup.api, self.mapping.source)
        key = question_key(self.parts.person_key, lookup.api, token, inputs, None)
        since = datetime.now(UTC) - lookup.reuse
        found = ledger.enrichments.fresh([key], since=since).get(key)
        if found is None:
            return None
        text = reports.answer_text(ledger.database, found.enrichment_id)
        if found.result == LookupResult.MATCHED and text is None:
            return None
        self.notes.append(
            f"{lookup.name}: 6sense's answer of {found.asked_at:%Y-%m-%d %H:%M} UTC is "
            "used again"
        )
        data = self.sixsense.parse(found.product, text) if text else None
        result = LookupResult(found.result)
        return LookupAnswer(result, found.product, found.asked_at, True, data)

    def _ask(
        self, lookup: Lookup, api: str, inputs: Mapping[str, str]
    ) -> LookupAnswer | None:
        if self.parts is not None:
            token = self.sixsense.token_name(api, self.mapping.source)
            _take_slot(self.parts, token)
        try:
            said = self.sixsense.call(api, inputs, source=self.mapping.source)
        except QuotaSpent:
            return self._spent(lookup, api, inputs)
        except RequestRefused as error:
            if lookup.on_error == "skip":
                self.notes.append(f"{lookup.name}: {error}")
                return LookupAnswer(LookupResult.FAILED, api)
            raise FailRun(f"{lookup.name}: {error}") from None
        return LookupAnswer(said.result, api, datetime.now(UTC), data=said.data)

    def _spent(
        self, lookup: Lookup, api: str, inputs: Mapping[str, str]
    ) -> LookupAnswer | None:
        """6sense has no credits left: the lookup's own way out."""
        way = lookup.when_spent
        if way in PRODUCTS and api == lookup.api:
            self.notes.append(f"{lookup.name}: credits are spent, {way} was asked")
            return self._ask(lookup, way, inputs)
        if way == "skip":
            return LookupAnswer(LookupResult.SPENT, api)
        self.notes.append(f"{lookup.name}: credits are spent; the run would wait")
        return None


def cost_of(api: str) -> str:
    """What asking may cost, in words; "" for nothing."""
    pool = PRODUCTS[api].info.pool
    if pool is None:
        return ""
    if pool == "enrichment":
        return (
            "may cost 1 credit (estimated; none within 30 days of this record's last)"
        )
    return "costs 1 credit if it matches (estimated)"


def _take_slot(parts: Parts, token: str) -> None:
    """Wait for a slot of the limit that all processes share."""
    ring = parts.rings[token]
    waited = 0.0
    while not (slots := ring.take(1)).taken:
        step = min(1.0, max(0.05, slots.wait_s))
        waited += step
        if waited > SLOT_WAIT_S:
            raise RateLimited(
                "the service uses up all calls a minute itself at the moment",
                system=ring.name,
                operation="wait for a slot",
                retry_after=slots.wait_s,
            )
        time.sleep(step)
