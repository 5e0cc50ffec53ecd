"""Replay: runs that have ended start again, through the mapping files of today.

Their event's data is taken once more; only a thin event, which brought nothing but
keys, has its fields fetched anew. Whether 6sense is asked is decided on the way, as
for any run; what that may cost at most is estimated before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from app.domain import (
    FINAL_STATES,
    LeadEvent,
    LookupAnswer,
    LookupResult,
    RunState,
    WebhookRequest,
)
from app.errors import WebhookRefused
from app.ledger.replays import Candidate, Known, Replays, Restart
from app.ledger.reports import RunFilter
from app.ledger.wakeups import Wake, wake
from app.mapping import apply
from app.mapping.apply import Facts
from app.mapping.model import Lookup, MappingFile
from app.pipeline.intake import is_thin
from app.pipeline.parts import Parts, Source, token_of
from app.pipeline.story import question_key, record_key
from app.sixsense import PRODUCTS

#: Runs looked at, and started, in one go.
CHUNK = 200

UNDER_WAY = "under way"
NEWER = "a newer run of the same record counts"
FORGOTTEN = "what the event brought is not kept any more"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs to start again; failed ones, unless states or ids are named."""

    runs: RunFilter
    #: Of runs named by their ids: also those whose record has a newer run.
    even_if_newer: bool = False

    @property
    def chosen(self) -> RunFilter:
        """The filter with the states that it stands for."""
        if self.runs.states or self.runs.ids:
            return self.runs
        return replace(self.runs, states=(RunState.FAILED,))


@dataclass
class Plan:
    """What a replay comes to, or came to."""

    #: By mapping and state: the runs that start, or were started.
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: By the reason: the runs that are left as they are.
    left: Counter[str] = field(default_factory=Counter)
    #: Ids that were named, and that no run has.
    unknown: list[int] = field(default_factory=list)
    #: The first run that starts.
    example: Candidate | None = None
    #: Estimated; only in a plan. Calls by source.
    crm_calls: dict[str, int] = field(default_factory=dict)
    #: Questions that no fresh answer is stored for.
    questions: int = 0
    #: Of these, how many may take a credit.
    credits: int = 0

    @property
    def count(self) -> int:
        """How many runs start."""
        return sum(self.runs.values())


def count(parts: Parts, selection: Selection) -> int:
    """How many runs there are to look at."""
    return Replays(parts.ledger.database).count(selection.chosen)


def plan(parts: Parts, selection: Selection, progress: Progress) -> Plan:
    """What would be started and what it may cost; nothing is changed."""
    made, cost = Plan(), _Cost(parts)
    for chunk in _chunks(parts, selection, made):
        _note(made, chunk)
        cost.add([(one.candidate, one.mapping, one.restart) for one in chunk.good])
        progress(chunk.size)
    cost.tell(made)
    return made


def start(parts: Parts, selection: Selection, progress: Progress) -> Plan:
    """Start these runs again, a chunk at a time, and wake the pumps."""
    made, replays = Plan(), Replays(parts.ledger.database)
    for chunk in _chunks(parts, selection, made):
        started = replays.start(
            [one.restart for one in chunk.good], even_if_newer=selection.even_if_newer
        )
        lost = [one for one in chunk.good if one.restart.run_id not in started]
        chunk.good = [one for one in chunk.good if one.restart.run_id in started]
        chunk.left[UNDER_WAY] += len(lost)
        _note(made, chunk)
        wake(parts.ledger.database, _wakes(chunk.good))
        progress(chunk.size)
    return made


# Which runs start


@dataclass
class _Good:
    """A run that starts, and how."""

    candidate: Candidate
    mapping: MappingFile
    restart: Restart


@dataclass
class _Chunk:
    size: int
    good: list[_Good] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def _note(made: Plan, chunk: _Chunk) -> None:
    made.left += chunk.left
    made.runs.update((one.mapping.name, one.candidate.state) for one in chunk.good)
    if made.example is None and chunk.good:
        made.example = chunk.good[0].candidate


def _chunks(parts: Parts, selection: Selection, made: Plan) -> Iterator[_Chunk]:
    replays, after = Replays(parts.ledger.database), 0
    missing = set(selection.runs.ids)
    while True:
        found = replays.candidates(selection.chosen, after=after, count=CHUNK)
        missing -= {one.id for one in found}
        if not found:
            break
        after = found[-1].id
        chunk = _Chunk(len(found))
        thin = _thin(parts, replays, found)
        for one in found:
            why = _why_left(parts, selection, one)
            if why is not None:
                chunk.left[why] += 1
                continue
            mapping = parts.mappings[one.mapping]
            restart = _restart(parts, mapping, one, thin.get(one.id))
            chunk.good.append(_Good(one, mapping, restart))
        yield chunk
    made.unknown = sorted(missing)


def _why_left(parts: Parts, selection: Selection, one: Candidate) -> str | None:
    """Why this run is left as it is; None if it can start."""
    if one.is_under_way or one.state not in FINAL_STATES:
        return UNDER_WAY
    if one.newer is not None and not selection.even_if_newer:
        return NEWER
    if not one.is_kept:
        return FORGOTTEN
    mapping = parts.mappings.get(one.mapping)
    if mapping is None or mapping.source != one.source:
        return f"there is no mapping file {one.mapping} of {one.source} any more"
    if not mapping.wants(one.event_object or mapping.object, one.event):
        event = f"{one.event_object or mapping.object} {one.event}"
        return f"{one.mapping} does not want the event {event} any more"
    return None


def _restart(
    parts: Parts, mapping: MappingFile, one: Candidate, thin: LeadEvent | None
) -> Restart:
    lead = one.lead if thin is None else thin.lead
    return Restart(
        one.id,
        mapping_version=mapping.version,
        object=mapping.object,
        match_by=mapping.match_by,
        record_id=apply.record_key(mapping, _facts(one, lead)),
        lead=lead,
        state=RunState.READY if thin is None else RunState.RECEIVED,
        token=token_of(parts, mapping),
    )


def _thin(
    parts: Parts, replays: Replays, found: Sequence[Candidate]
) -> dict[int, LeadEvent]:
    """The events of these runs that were thin, by run.

    What the run has by now was fetched then. A body that is not kept any more cannot
    tell; then the run itself does, as far as nothing was fetched for it.
    """
    wanted = {one.delivery_id for one in found if one.delivery_id is not None}
    bodies = replays.bodies(wanted)
    events = {
        delivery_id: _events(parts.sources.get(one.source), *bodies[delivery_id])
        for one in found
        if (delivery_id := one.delivery_id) in bodies
    }
    thin: dict[int, LeadEvent] = {}
    for one in found:
        mapping = parts.mappings.get(one.mapping)
        source = parts.sources.get(one.source)
        if mapping is None or source is None:
            continue
        if bodies.get(one.delivery_id or 0, ({}, b"-"))[1] == b"":
            # Found by asking: it came with nothing but its key.
            key = {source.connector.record_key: one.lead_id}
            thin[one.id] = LeadEvent(
                one.event_object, one.lead_id, one.event, key, is_thin=True
            )
            continue
        stored = LeadEvent(one.event_object, one.lead_id, one.event, one.lead)
        came = events.get(one.delivery_id or 0, ())
        # Of several about one record, the last one was taken.
        own = [event for event in came if event.record_id == one.lead_id]
        event = own[-1] if own else stored
        if event.is_thin or is_thin(mapping, event):
            thin[one.id] = event
    return thin


def _events(
    source: Source | None, headers: Mapping[str, str], body: bytes
) -> list[LeadEvent]:
    """What a stored body says today; nothing if it cannot be read any more."""
    if source is None:
        return []
    request = WebhookRequest("POST", "", "", headers, body)
    try:
        return source.connector.parse(request)
    except WebhookRefused:
        return []


def _facts(
    one: Candidate,
    lead: Mapping[str, Any],
    answers: Mapping[str, LookupAnswer] | None = None,
) -> Facts:
    time = one.event_at or one.received_at
    return Facts(lead, time, one.event, one.source, one.changed_by, answers or {})


def _wakes(good: Sequence[_Good]) -> list[Wake]:
    wakes = {
        Wake("complete", one.candidate.source)
        if one.restart.state == RunState.RECEIVED
        else Wake("enrich", one.restart.token)
        for one in good
    }
    return sorted(wakes, key=lambda one: (one.task, one.scope))


# What it may cost


@dataclass
class _Asking:
    """A run on its way through its lookups, as far as stored answers tell."""

    run: Candidate
    mapping: MappingFile
    is_thin: bool
    answers: dict[str, LookupAnswer] = field(default_factory=dict)
    #: A lookup above will be asked anew, so nobody knows what it says.
    is_open: bool = False


class _Cost:
    """Adds up questions, credits and calls; each at most as many as told."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.replays = Replays(parts.ledger.database)
        self.asked: set[str] = set()
        #: What takes a credit each: records, or questions where each answer costs.
        self.costly: set[str] = set()
        #: Questions whose inputs are not known before their time.
        self.unknown = 0
        self.unknown_credits = 0
        self.records: Counter[tuple[str, str, str, bool]] = Counter()
        self.fetched: Counter[str] = Counter()

    def add(
        self, runs: Sequence[tuple[Candidate, MappingFile, Restart]]
    ) -> None:
        """Count one chunk of runs."""
        under_way = []
        for run, mapping, restart in runs:
            is_thin = restart.state == RunState.RECEIVED
            self.fetched[run.source] += is_thin
            if not is_thin and apply.skip_reason(mapping, _facts(run, run.lead)):
                continue
            key = (run.source, mapping.object, mapping.match_by, mapping.reads_current)
            self.records[key] += 1
            under_way.append(_Asking(run, mapping, is_thin))
        position = 0
        while under_way:
            under_way = [a for a in under_way if position < len(a.mapping.lookups)]
            self._ask(under_way, position)
            position += 1

    def _ask(self, runs: Sequence[_Asking], position: int) -> None:
        """The lookup at this position of each of these runs."""
        asking: list[tuple[_Asking, Lookup, str, str | None]] = []
        for one in runs:
            lookup = one.mapping.lookups[position]
            facts = _facts(one.run, one.run.lead, one.answers)
            inputs = apply.question(one.mapping, lookup, facts)
            if inputs is not None:
                asking.append((one, lookup, *self._keys(one, lookup, inputs)))
            elif one.is_open or one.is_thin:
                self.unknown += 1
                self.unknown_credits += _takes_credit(lookup)
                one.is_open = True
            else:
                answer = LookupAnswer(LookupResult.NOT_ASKED, lookup.api)
                one.answers[lookup.name] = answer
        now = datetime.now(UTC)
        longest = max((lookup.reuse for _, lookup, *_ in asking), default=timedelta())
        keys = {key for _, _, key, _ in asking}
        known = self.replays.answers(keys, since=now - longest)
        records = {record for *_, record in asking if record is not None}
        paid = self.parts.ledger.enrichments.paid(sorted(records))
        for one, lookup, key, record in asking:
            stored = known.get(key)
            if self._is_fresh(lookup, stored, now) and stored is not None:
                one.answers[lookup.name] = self._answer(stored)
                continue
            one.is_open = True
            self.asked.add(key)
            if _takes_credit(lookup) and record not in paid:
                self.costly.add(record or key)

    def _keys(
        self, one: _Asking, lookup: Lookup, inputs: Mapping[str, str]
    ) -> tuple[str, str | None]:
        """The key of this question, and of the record that it pays for."""
        token = self.parts.sixsense.token_name(lookup.api, one.mapping.source)
        key, own = self.parts.person_key, None if lookup.reuse else one.run.id
        return (
            question_key(key, lookup.api, token, inputs, own),
            record_key(key, lookup.api, token, inputs),
        )

    def _is_fresh(self, lookup: Lookup, stored: Known | None, now: datetime) -> bool:
        return (
            stored is not None
            and stored.answer is not None
            and now - stored.asked_at <= lookup.reuse
        )

    def _answer(self, stored: Known) -> LookupAnswer:
        text = stored.answer
        data = self.parts.sixsense.parse(stored.product, text) if text else None
        result = LookupResult(stored.result)
        return LookupAnswer(result, stored.product, stored.asked_at, True, data)

    def tell(self, made: Plan) -> None:
        """Write the sums into a plan."""
        made.questions = len(self.asked) + self.unknown
        made.credits = len(self.costly) + self.unknown_credits
        for (source, _, _, reads), number in self.records.items():
            calls = ceil(number / self.parts.sources[source].connector.write_batch)
            self._call(made, source, calls * (1 + reads))
        for source, number in self.fetched.items():
            size = self.parts.sources[source].connector.read_batch
            self._call(made, source, ceil(number / size))

    def _call(self, made: Plan, source: str, calls: int) -> None:
        if calls:
            made.crm_calls[source] = made.crm_calls.get(source, 0) + calls


def _takes_credit(lookup: Lookup) -> bool:
    return PRODUCTS[lookup.api].info.pool is not None
