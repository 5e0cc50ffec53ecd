"""Webhooks in: bytes → runs. Nothing is answered 2xx before it is committed."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from app.connectors.base import WebhookReply
from app.domain import LeadEvent, RunState, WebhookRequest
from app.errors import PayloadInvalid, SignatureInvalid, WebhookRefused
from app.ledger.wakeups import Wake
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.empty import is_empty
from app.mapping.model import MappingFile
from app.pipeline.echo import without_echoes
from app.pipeline.parts import Parts, Source, token_of
from app.pipeline.reply import Replier, hold_s
from app.pipeline.story import LONGEST_KEY, keyed, person_key

log = structlog.get_logger()

#: Headers worth keeping; secrets and cookies are not among them.
KEPT_HEADERS = ("content-type", "content-length", "user-agent", "date", "x-request-id")
#: Of one body: each event holds a lock until all are recorded.
MOST_EVENTS = 1000
#: A time in the inputs would make every repeat look new.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")


@dataclass(frozen=True, slots=True)
class _Read:
    """One webhook as it is to be recorded."""

    #: Runs to be, one for each record and mapping.
    rows: list[dict[str, Any]]
    repeated: int
    unwanted: int

    @property
    def person_key(self) -> str | None:
        """Whose delivery it is, as far as it is one person's."""
        return next((r["person_key"] for r in self.rows if r["person_key"]), None)


class Intake:
    """Takes webhooks of every source and says which pumps to wake."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        # Half of the threads, and never all: health and plain webhooks go on.
        self.replier = Replier(parts, parts.settings.web_threads // 2)

    def accept(
        self,
        source_name: str,
        request: WebhookRequest,
        mapping: str | None = None,
        waits: Callable[[], None] = lambda: None,
    ) -> tuple[WebhookReply, list[Wake]]:
        """Authenticate, read and record one webhook, for one mapping or for all.

        `waits` is called before 6sense is asked for an answer with values.

        Raises:
            SignatureInvalid: also for a source that nobody configured.
            MappingUnknown: told only after the secret was right.
            PayloadInvalid: after the body was stored as a problem.
            DatabaseAway: nothing was acknowledged.
        """
        source = self.parts.sources.get(source_name)
        if source is None:
            raise SignatureInvalid("unknown source, or wrong secret")
        came_at = time.monotonic()
        source.connector.verify(request)
        read = self._read(source, _addressed(source, mapping), request)
        with self.replier.seat(read.rows) as seat:
            accepted = self.parts.ledger.deliveries.accept(
                source.name,
                headers=_kept(request.headers),
                body=request.body,
                status=200,
                events=read.rows,
                unwanted=read.unwanted,
                person_key=read.person_key,
                owner=seat,
            )
            values, wakes = self.replier.answer(
                seat, read.rows, accepted.answerable, came_at, waits
            )
        repeated = accepted.repeated + read.repeated
        log.info(
            "webhook accepted",
            source=source.name,
            delivery_id=accepted.delivery_id,
            runs=accepted.accepted,
            repeated=repeated,
            unwanted=read.unwanted,
        )
        if values is None:
            reply = source.connector.reply(accepted.accepted, repeated, read.unwanted)
            return reply, [*wakes, *_wakes(read.rows, source)]
        reply = source.connector.reply_values(values.values, values.word)
        is_all = accepted.accepted == sum(one.held for one in accepted.answerable)
        return reply, wakes if is_all else [*wakes, *_wakes(read.rows, source)]

    def _read(
        self, source: Source, mappings: Sequence[MappingFile], request: WebhookRequest
    ) -> _Read:
        """What is in a verified request. Raises PayloadInvalid once that is stored."""
        try:
            events = source.connector.parse(request)
            rows, echoes = self._rows(source, mappings, events)
        except PayloadInvalid as error:
            self._keep_unreadable(source, request, error)
            raise
        distinct = _newest(rows)
        return _Read(
            distinct,
            repeated=len(rows) - len(distinct) + echoes,
            unwanted=sum(
                not any(m.wants(e.object or m.object, e.event) for m in mappings)
                for e in events
            ),
        )

    def found(
        self, source: Source, events: Sequence[LeadEvent]
    ) -> tuple[int, list[Wake]]:
        """Record events that the source was asked for, where no webhook came.

        Returns how many runs there are now, and what to wake.
        """
        accepted, woken = 0, set()
        for start in range(0, len(events), MOST_EVENTS):
            part = events[start : start + MOST_EVENTS]
            rows, _ = self._rows(source, source.mappings, part)
            distinct = _newest(rows)
            if not distinct:
                continue
            recorded = self.parts.ledger.deliveries.accept(
                source.name,
                headers={},
                body=b"",
                status=0,
                events=distinct,
                is_found=True,
            )
            accepted += recorded.accepted
            if recorded.accepted:
                woken.update(_wakes(distinct, source))
        return accepted, sorted(woken, key=lambda wake: (wake.task, wake.scope))

    def refusal(self, source_name: str, error: WebhookRefused) -> WebhookReply | None:
        """How this source's sender is told no, or None for the plain form."""
        source = self.parts.sources.get(source_name)
        return source.connector.refused(error) if source else None

    def _rows(
        self,
        source: Source,
        mappings: Sequence[MappingFile],
        events: Sequence[LeadEvent],
    ) -> tuple[list[dict[str, Any]], int]:
        """Runs to be, and how many would have been our own writes coming back."""
        if len(events) > MOST_EVENTS:
            raise PayloadInvalid(
                f"{len(events)} events in one body; at most {MOST_EVENTS} are taken"
            )
        wanted = [
            (each, event)
            for event in events
            for each in mappings
            if each.wants(event.object or each.object, event.event)
        ]
        left, echoes = without_echoes(self.parts, source, wanted)
        return [self.row(source, each, event) for each, event in left], echoes

    def row(
        self, source: Source, mapping: MappingFile, event: LeadEvent
    ) -> dict[str, Any]:
        """One run to be, as `accept_delivery` takes it.

        Raises PayloadInvalid for an event that names no record.
        """
        facts = Facts(
            lead=event.lead,
            time=event.at or datetime.now(UTC),
            event=event.event,
            source=source.name,
            changed_by=event.changed_by,
            answers={},
        )
        record_id = apply.record_key(mapping, facts)
        lead_id = event.record_id or record_id
        if lead_id is None:
            raise PayloadInvalid(
                f"the event has no id of a record: send one, or {mapping.match_by}, "
                f"which {mapping.name} finds its record by"
            )
        for key in (lead_id, record_id):
            if key is not None and len(key) > LONGEST_KEY:
                raise PayloadInvalid(
                    f"the key of the record has {len(key)} characters; at most "
                    f"{LONGEST_KEY} are taken"
                )
        thin = event.is_thin or is_thin(mapping, event)
        return {
            "mapping": mapping.name,
            "mapping_version": mapping.version,
            "event_object": event.object or mapping.object,
            "lead_id": lead_id,
            "object": mapping.object,
            "match_by": mapping.match_by,
            "record_id": record_id,
            "event": event.event,
            "event_at": event.at,
            "changed_by": event.changed_by,
            "repeat_key": self._repeat_key(source, mapping, event, lead_id),
            "lead": dict(event.lead),
            "person_key": person_key(self.parts.person_key, event.lead),
            "state": RunState.RECEIVED if thin else RunState.READY,
            "is_bulk": apply.is_bulk(mapping, facts),
            "token": token_of(self.parts, mapping),
            "hold_s": None if thin else hold_s(mapping, event.lead),
        }

    def _repeat_key(
        self, source: Source, mapping: MappingFile, event: LeadEvent, lead_id: str
    ) -> str:
        inputs = event.event_id or json.dumps(
            {
                name: event.lead.get(name)
                for name in sorted(mapping.lead_fields)
                # Empty is empty, whether it is sent as "" or not at all.
                if not _is_time(event.lead.get(name))
                and not is_empty(event.lead.get(name))
            },
            default=str,
            sort_keys=True,
        )
        return keyed(
            self.parts.person_key,
            "repeat",
            source.name,
            mapping.name,
            lead_id,
            event.event,
            inputs,
        )

    def _keep_unreadable(
        self, source: Source, request: WebhookRequest, error: PayloadInvalid
    ) -> None:
        delivery_id = self.parts.ledger.deliveries.keep_unreadable(
            source.name,
            headers=_kept(request.headers),
            body=request.body,
            status=error.status,
            content_hash=hashlib.sha256(request.body).hexdigest(),
            error=str(error),
        )
        log.warning(
            "webhook unreadable",
            source=source.name,
            delivery_id=delivery_id,
            error=str(error),
        )


class MappingUnknown(WebhookRefused):
    """The URL names a mapping that this source does not have."""

    status = 404


def _addressed(source: Source, name: str | None) -> Sequence[MappingFile]:
    if name is None:
        return source.mappings
    chosen = [each for each in source.mappings if each.name == name]
    if not chosen:
        known = ", ".join(each.name for each in source.mappings)
        raise MappingUnknown(
            f"source {source.name} has no mapping {name[:60]!r}; it has: {known}"
        )
    return chosen


def is_thin(mapping: MappingFile, event: LeadEvent) -> bool:
    """Nothing that the mapping reads came along, but the record can be asked for."""
    if event.record_id is None:
        return False
    key = {name for name in mapping.lead_fields if name.lower() == "id"}
    wanted = mapping.lead_fields - key
    return bool(wanted) and not any(name in event.lead for name in wanted)


def _is_time(value: object) -> bool:
    return isinstance(value, str) and _TIME.match(value.strip()) is not None


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name][:500] for name in KEPT_HEADERS if name in headers}


def _newest(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last event of each record and mapping; the earlier ones are repeats."""
    return list({(row["mapping"], row["lead_id"]): row for row in rows}.values())


def _wakes(rows: Iterable[Mapping[str, Any]], source: Source) -> list[Wake]:
    return sorted(
        {
            Wake("complete", source.name)
            if row["state"] == RunState.RECEIVED
            else Wake("enrich", row["token"])
            for row in rows
        },
        key=lambda wake: (wake.task, wake.scope),
    )
