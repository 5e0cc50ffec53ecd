"""Bulk lead extract: jobs that become a file of all people in a span of time.

Created → Queued → Processing → Completed, or Cancelled. The clock moves jobs on,
two at a time; what they tell is worked out whenever one is looked at.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, request

from sandbox.marketo.activities import stamp
from sandbox.marketo.envelope import Refused, success
from sandbox.marketo.reads import Query, page_of

if TYPE_CHECKING:
    from sandbox.marketo.leads import Lead
    from sandbox.marketo.state import MarketoState

SEPARATORS = {"CSV": ",", "TSV": "\t", "SSV": ";"}
FILTERS = ("createdAt", "updatedAt", "staticListId", "staticListName",
           "smartListId", "smartListName")  # fmt: skip
LONGEST_SPAN = timedelta(days=31)
MOST_RUNNING = 2
MOST_QUEUED = 10
KEPT_S = 7 * 86_400
#: Of these states a job can still be called off.
_OPEN = ("Created", "Queued", "Processing")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Job:
    """One extract; times are epoch seconds of the sandbox's clock."""

    id: str
    fields: list[str]
    format: str
    titles: Mapping[str, str]
    is_wanted: Callable[[Lead], bool]
    created_at: float
    status: str = "Created"
    queued_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    file: bytes = field(default=b"", repr=False)
    records: int = 0

    def as_json(self) -> dict[str, Any]:
        """What create, enqueue, status and the list tell of it."""
        shown: dict[str, Any] = {
            "exportId": self.id,
            "format": self.format,
            "status": self.status,
            "createdAt": stamp(self.created_at),
        }
        for name, at in (
            ("queuedAt", self.queued_at),
            ("startedAt", self.started_at),
            ("finishedAt", self.finished_at),
        ):
            if at is not None:
                shown[name] = stamp(at)
        if self.status == "Completed":
            shown["numberOfRecords"] = self.records
            shown["fileSize"] = len(self.file)
            shown["fileChecksum"] = f"sha256:{hashlib.sha256(self.file).hexdigest()}"
        return shown


class Exports:
    """All jobs of the API user, oldest first. Callers hold the world's lock."""

    def __init__(self, marketo: MarketoState) -> None:
        self._marketo = marketo
        self._jobs: dict[str, Job] = {}
        self._at = 0.0  #: when the last step was taken

    def add(self, job: Job) -> None:
        """A job that was created."""
        self._jobs[job.id] = job

    def all(self) -> list[Job]:
        """Every job as it is by now."""
        self._go_on()
        return list(self._jobs.values())

    def job(self, export_id: str) -> Job | None:
        """One job as it is by now."""
        self._go_on()
        return self._jobs.get(export_id)

    def counts(self) -> dict[str, int]:
        """Jobs by status."""
        found: dict[str, int] = {}
        for job in self.all():
            found[job.status] = found.get(job.status, 0) + 1
        return found

    def bytes_today(self) -> int:
        """Size of the files that became ready today, where the quota's day is."""
        day_of, today = self._marketo.day_of, self._marketo.day()
        return sum(
            len(job.file)
            for job in self._jobs.values()
            if job.finished_at is not None and day_of(job.finished_at) == today
        )

    def call_off(self, job: Job) -> None:
        """Cancel a job; if it was running, the next one has its place."""
        self._go_on()
        job.status, self._at = "Cancelled", self._marketo.clock.now()

    def _go_on(self) -> None:
        """Move jobs on until now: each step at the time when it was due."""
        now, options = self._marketo.clock.now(), self._marketo.options
        while True:
            jobs = self._jobs.values()
            running = [job for job in jobs if job.status == "Processing"]
            steps = [((job.started_at or 0) + options.export_run_s, job)
                     for job in running]  # fmt: skip
            if len(running) < MOST_RUNNING:
                steps += [((job.queued_at or 0) + options.export_queue_s, job)
                          for job in jobs if job.status == "Queued"]  # fmt: skip
            due, job = min(steps, key=lambda step: step[0], default=(now + 1, None))
            if job is None or due > now:
                return
            # A job that waited for a place starts when the other one has ended.
            self._at = max(self._at, due)
            if job.status == "Processing":
                self._finish(job, self._at)
            else:
                job.status, job.started_at = "Processing", self._at

    def _finish(self, job: Job, at: float) -> None:
        leads = self._marketo.store.leads
        rows = [leads[n] for n in sorted(leads) if job.is_wanted(leads[n])]
        text = io.StringIO()
        separator = SEPARATORS[job.format]
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow([job.titles.get(name, name) for name in job.fields])
        for lead in rows:
            shown = self._marketo.store.shown(lead, job.fields)
            writer.writerow([_cell(value) for value in shown.values()])
        job.status, job.finished_at = "Completed", at
        job.file, job.records = text.getvalue().encode(), len(rows)


def create(marketo: MarketoState, body: dict[str, Any]) -> Response:
    """export/create.json: a job that does nothing until it is enqueued.

    Raises:
        Refused: 1002 without fields or filter, 1003 for a bad one, 1035 for a
            filter that this subscription does not have.
    """
    names = body.get("fields")
    if not isinstance(names, list) or not names:
        raise Refused("1002", "Missing value for the required parameter 'fields'")
    unknown = [str(name) for name in names if not _is_exported(marketo, name)]
    if unknown:
        raise Refused("1003", f"Invalid fields [{', '.join(unknown)}]")
    form = str(body.get("format") or "CSV").upper()
    if form not in SEPARATORS:
        raise Refused("1003", f"Invalid value for attribute 'format': '{form}'")
    titles = body.get("columnHeaderNames") or {}
    if not isinstance(titles, dict):
        raise Refused("1003", "Invalid value for attribute 'columnHeaderNames'")
    is_wanted = _filter(marketo, body.get("filter"))
    job = Job(
        str(uuid.uuid4()), list(dict.fromkeys(names)), form,
        {str(name): str(title) for name, title in titles.items()},
        is_wanted, marketo.clock.now(),
    )  # fmt: skip
    marketo.exports.add(job)
    return success([job.as_json()])


def enqueue(marketo: MarketoState, export_id: str) -> Response:
    """export/{id}/enqueue.json.

    Raises:
        Refused: 1029 for one that was enqueued before, for a full queue and for
            a spent daily quota.
    """
    job = _job(marketo, export_id)
    if job.status != "Created":
        raise Refused("1029", "Job already queued")
    options = marketo.options
    if options.export_bytes and marketo.exports.bytes_today() >= options.export_bytes:
        raise Refused("1029", "Export daily quota exceeded")
    counts = marketo.exports.counts()
    if counts.get("Queued", 0) >= MOST_QUEUED:
        raise Refused("1029", "Too many jobs in queue")
    job.status, job.queued_at = "Queued", marketo.clock.now()
    return success([job.as_json()])


def status(marketo: MarketoState, export_id: str) -> Response:
    """export/{id}/status.json."""
    return success([_job(marketo, export_id).as_json()])


def cancel(marketo: MarketoState, export_id: str) -> Response:
    """export/{id}/cancel.json; `Cancelled` on the wire.

    Raises:
        Refused: 1003 for a job that has ended.
    """
    job = _job(marketo, export_id)
    if job.status not in _OPEN:
        raise Refused("1003", f"Job is {job.status}")
    marketo.exports.call_off(job)
    return success([job.as_json()])


def listed(marketo: MarketoState, query: Query) -> Response:
    """export.json: jobs of the last seven days, by `status` if asked for."""
    wanted = {text for text in query.get("status", "").split(",") if text}
    oldest = marketo.clock.now() - KEPT_S
    rows = [
        job.as_json()
        for job in marketo.exports.all()
        if job.created_at >= oldest and (not wanted or job.status in wanted)
    ]
    return page_of(rows, query, "exports")


def file(marketo: MarketoState, export_id: str) -> Response:
    """export/{id}/file.json: the raw file, or a part of it by Range.

    HTTP 404 in plain text for a file that is not there, unlike anywhere else.
    """
    job = marketo.exports.job(export_id)
    oldest = marketo.clock.now() - KEPT_S
    if job is None or job.finished_at is None or job.finished_at < oldest:
        return Response("Resource not found", 404, mimetype="text/plain")
    found = _RANGE.fullmatch(request.headers.get("Range", ""))
    if found is None:
        return Response(job.file, 200, content_type="text/csv;charset=UTF-8")
    first, size = int(found[1]), len(job.file)
    last = min(int(found[2]) if found[2] else size - 1, size - 1)
    if first > last:
        response = Response(b"", 416)
        response.headers["Content-Range"] = f"bytes */{size}"
        return response
    part = job.file[first : last + 1]
    response = Response(part, 206, content_type="text/csv;charset=UTF-8")
    response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return response


def _job(marketo: MarketoState, export_id: str) -> Job:
    job = marketo.exports.job(export_id)
    if job is None:
        raise Refused("1013", f"Export '{export_id}' not found")
    return job


def _is_exported(marketo: MarketoState, name: object) -> bool:
    known = marketo.fields.get(name) if isinstance(name, str) else None
    # Formulas are computed, and never exported.
    return known is not None and known.type != "formula"


def _filter(marketo: MarketoState, given: object) -> Callable[[Lead], bool]:
    """Whether a lead is in the span of time of exactly one filter."""
    if not isinstance(given, dict) or not given:
        raise Refused("1002", "Missing value for the required parameter 'filter'")
    if len(given) > 1:
        raise Refused("1003", "Only one filter type may be used")
    ((name, span),) = given.items()
    if name not in FILTERS:
        raise Refused("1003", f"Invalid filter type '{name}'")
    if name not in marketo.options.export_filters:
        raise Refused("1035", "Unsupported filter type for target subscription")
    if not isinstance(span, dict):
        raise Refused("1003", f"Invalid value for filter '{name}'")
    first, last = _moment(span.get("startAt")), _moment(span.get("endAt"))
    if not first <= last <= first + LONGEST_SPAN:
        raise Refused("1003", f"Date range of '{name}' is over 31 days, or none")
    start, end = stamp(first.timestamp()), stamp(last.timestamp())
    return lambda lead: start <= str(lead.get(name, "")) <= end


def _moment(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or "." in str(text):
        raise Refused("1003", f"Invalid date '{text}'")
    return found


def _cell(value: Any) -> Any:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else value
