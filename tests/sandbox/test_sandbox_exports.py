"""Bulk lead extract: a job's life by the clock, its file, its limits."""

from __future__ import annotations

import hashlib
import http.client
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

BULK = "/bulk/v1/leads/export"


def day(days: float) -> str:
    moment = datetime.now(UTC) + timedelta(days=days)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def span(first: float = -1, last: float = 1) -> dict[str, Any]:
    return {"createdAt": {"startAt": day(first), "endAt": day(last)}}


class Exports:
    """Bulk calls with a good token."""

    def __init__(self, marketo: Any, control: Any) -> None:
        self.marketo, self.control = marketo, control

    def create(self, **more: Any) -> dict[str, Any]:
        body = {"fields": ["id", "email"], "filter": span(), **more}
        return self.marketo.call("POST", f"{BULK}/create.json", json=body).json()

    def new(self, **more: Any) -> str:
        answer = self.create(**more)
        assert answer["success"], answer
        return answer["result"][0]["exportId"]

    def step(self, export_id: str, step: str) -> dict[str, Any]:
        verb = "GET" if step == "status" else "POST"
        return self.marketo.call(verb, f"{BULK}/{export_id}/{step}.json").json()

    def status(self, export_id: str) -> dict[str, Any]:
        return self.step(export_id, "status")["result"][0]

    def file(self, export_id: str, **headers: str) -> Any:
        path = f"{BULK}/{export_id}/file.json"
        return self.marketo.call("GET", path, headers=headers)

    def advance(self, seconds: int) -> None:
        self.control.config(clock={"advance_s": seconds})


@pytest.fixture
def exports(marketo: Any, control: Any) -> Exports:
    return Exports(marketo, control)


@pytest.fixture
def at_once(control: Any) -> None:
    control.config(marketo={"export_queue_s": 0, "export_run_s": 0})


def code_of(answer: dict[str, Any]) -> str:
    return answer["errors"][0]["code"]


def test_a_job_goes_from_created_to_completed_by_the_clock(exports: Exports) -> None:
    job = exports.new()
    assert exports.status(job)["status"] == "Created"
    exports.advance(1000)
    assert exports.status(job)["status"] == "Created"
    assert exports.step(job, "enqueue")["result"][0]["status"] == "Queued"
    exports.advance(61)
    assert exports.status(job)["status"] == "Processing"
    assert exports.file(job).status_code == 404
    exports.advance(61)
    done = exports.status(job)
    assert list(done) == [
        "exportId", "format", "status", "createdAt", "queuedAt", "startedAt",
        "finishedAt", "numberOfRecords", "fileSize", "fileChecksum",
    ]  # fmt: skip
    assert (done["status"], done["numberOfRecords"]) == ("Completed", 5)
    file = exports.file(job)
    assert done["fileSize"] == len(file.content)
    assert done["fileChecksum"] == f"sha256:{hashlib.sha256(file.content).hexdigest()}"


@pytest.mark.usefixtures("at_once")
def test_the_file_has_all_people_of_the_span(exports: Exports, marketo: Any) -> None:
    job = exports.new(
        fields=["id", "company", "leadScore", "unsubscribed"],
        columnHeaderNames={"id": "Marketo Id"},
    )
    exports.step(job, "enqueue")
    text = exports.file(job).text
    assert text.splitlines() == [
        "Marketo Id,company,leadScore,unsubscribed",
        "318581,Acme,42,false",
        "318582,Globex,null,false",
        '318583,"Initech & ""Sons""",null,false',
        "318584,null,null,false",
        "318585,null,null,false",
    ]
    job = exports.new(filter=span(-30, -1), format="TSV")
    exports.step(job, "enqueue")
    assert exports.file(job).text == "id\temail\n"


@pytest.mark.usefixtures("at_once")
def test_changed_people_are_found_by_when_they_changed(
    exports: Exports, marketo: Any
) -> None:
    exports.advance(3 * 86_400)
    marketo.update({"id": 318582, "country": "Norway"})
    span_of = {"updatedAt": {"startAt": day(2), "endAt": day(4)}}
    job = exports.new(fields=["id"], filter=span_of)
    exports.step(job, "enqueue")
    assert exports.file(job).text == "id\n318582\n"


@pytest.mark.usefixtures("at_once")
def test_a_range_brings_a_part_and_bulk_is_never_compressed(exports: Exports) -> None:
    job = exports.new()
    exports.step(job, "enqueue")
    whole = exports.file(job)
    part = exports.file(job, Range="bytes=3-7")
    assert (part.status_code, part.content) == (206, whole.content[3:8])
    assert part.headers["Content-Range"] == f"bytes 3-7/{len(whole.content)}"
    rest = exports.file(job, Range="bytes=3-")
    assert rest.content == whole.content[3:]
    assert exports.file(job, Range="bytes=99999-").status_code == 416
    assert "Content-Encoding" not in whole.headers


def test_a_file_that_is_not_there_is_404_in_plain_text(exports: Exports) -> None:
    for job in (exports.new(), "no-such-job"):
        answer = exports.file(job)
        assert (answer.status_code, answer.headers["Content-Type"]) == (
            404,
            "text/plain; charset=utf-8",
        )


@pytest.mark.usefixtures("at_once")
def test_a_file_is_kept_for_seven_days(exports: Exports) -> None:
    job = exports.new()
    exports.step(job, "enqueue")
    assert exports.file(job).status_code == 200
    exports.advance(8 * 86_400)
    exports.marketo._token = ""
    assert exports.file(job).status_code == 404


def test_two_jobs_run_ten_wait_and_the_next_is_refused(exports: Exports) -> None:
    jobs = [exports.new() for _ in range(13)]
    for job in jobs[:2]:
        exports.step(job, "enqueue")
    exports.advance(61)
    for job in jobs[2:12]:
        assert exports.step(job, "enqueue")["success"]
    refused = exports.step(jobs[12], "enqueue")
    assert refused["errors"] == [{"code": "1029", "message": "Too many jobs in queue"}]
    exports.advance(61)
    counts = exports.control.state()["marketo"]["exports"]
    assert counts == {"Completed": 2, "Processing": 2, "Queued": 8, "Created": 1}


def test_a_third_job_starts_when_the_first_has_ended(exports: Exports) -> None:
    jobs = [exports.new() for _ in range(3)]
    for job in jobs:
        exports.step(job, "enqueue")
    exports.advance(1000)
    first, _, third = (exports.status(job) for job in jobs)
    assert third["startedAt"] == first["finishedAt"]
    assert third["status"] == "Completed"


def test_a_cancelled_job_makes_room_and_says_so_in_the_recorded_word(
    exports: Exports,
) -> None:
    jobs = [exports.new() for _ in range(3)]
    for job in jobs:
        exports.step(job, "enqueue")
    exports.advance(61)
    assert [exports.status(job)["status"] for job in jobs][-1] == "Queued"
    cancelled = exports.step(jobs[0], "cancel")["result"][0]
    assert cancelled["status"] == "Cancelled"
    assert exports.status(jobs[2])["status"] == "Processing"
    assert code_of(exports.step(jobs[0], "cancel")) == "1003"
    assert exports.file(jobs[0]).status_code == 404


def test_a_job_is_enqueued_once(exports: Exports) -> None:
    job = exports.new()
    assert exports.step(job, "enqueue")["success"]
    assert code_of(exports.step(job, "enqueue")) == "1029"


@pytest.mark.usefixtures("at_once")
def test_the_daily_quota_of_bytes_ends_with_the_day(exports: Exports) -> None:
    exports.control.config(marketo={"export_bytes": 10})
    first, second = exports.new(), exports.new()
    exports.step(first, "enqueue")
    assert exports.status(first)["status"] == "Completed"
    refused = exports.step(second, "enqueue")["errors"]
    assert refused == [{"code": "1029", "message": "Export daily quota exceeded"}]
    exports.advance(86_400)
    exports.marketo._token = ""
    assert exports.step(second, "enqueue")["success"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"filter": {}}, "1002"),
        ({"filter": {**span(), "updatedAt": {}}}, "1003"),
        ({"filter": {"leadId": {}}}, "1003"),
        ({"filter": {"staticListId": 5}}, "1035"),
        ({"filter": {"smartListName": "x"}}, "1035"),
        ({"filter": span(-20, 12)}, "1003"),
        ({"filter": span(1, -1)}, "1003"),
        ({"filter": {"createdAt": {"startAt": day(-1)}}}, "1003"),
        ({"filter": {"createdAt": {"startAt": "2026-11-01T00:00:00.000Z",
                                   "endAt": "2026-11-02T00:00:00Z"}}}, "1003"),
        ({"filter": {"createdAt": {"startAt": "2026-11-01T00:00:00",
                                   "endAt": "2026-11-02T00:00:00Z"}}}, "1003"),
        ({"filter": {"createdAt": 5}}, "1003"),
        ({"fields": []}, "1002"),
        ({"fields": ["id", "nothing"]}, "1003"),
        ({"format": "XML"}, "1003"),
        ({"columnHeaderNames": 5}, "1003"),
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_is_refused(
    exports: Exports, more: dict[str, Any], code: str
) -> None:
    assert code_of(exports.create(**more)) == code


def test_a_span_of_31_days_is_taken_and_a_filter_can_be_missing(
    exports: Exports,
) -> None:
    assert exports.create(filter=span(-30, 1))["success"]
    exports.control.config(marketo={"export_filters": ["createdAt"]})
    assert code_of(exports.create(filter={"updatedAt": {}})) == "1035"


def test_jobs_are_listed_by_status(exports: Exports) -> None:
    first, second = exports.new(), exports.new()
    exports.step(second, "enqueue")

    def ids(**query: str) -> list[str]:
        answer = exports.marketo.call("GET", f"{BULK}.json", params=query).json()
        return [job["exportId"] for job in answer["result"]]

    assert ids() == [first, second]
    assert ids(status="Queued,Failed") == [second]


@pytest.mark.parametrize("step", ["status", "enqueue", "cancel"])
def test_an_unknown_job_is_1013(exports: Exports, step: str) -> None:
    assert code_of(exports.step("nothing", step)) == "1013"


def test_a_path_over_the_roof_is_found(exports: Exports) -> None:
    url, token = exports.marketo.url, exports.marketo.token()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    # As one public client writes it; others would tidy it before sending.
    path = "/rest/../bulk/v1/leads/export.json"
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    assert (answer.status, b'"success":true' in answer.read()) == (200, True)
    connection.close()
