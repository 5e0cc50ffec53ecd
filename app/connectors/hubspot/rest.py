"""HubSpot's REST API: the bearer token, the version in the path, the errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from app.connectors.base import NotOffered, note_call, seconds_to_midnight
from app.connectors.hubspot.codes import call_error
from app.errors import AnswerUnexpected, RateLimited
from app.remote import Answer, Remote

#: Objects, as mapping files call them → as paths do.
PLURALS: Final[Mapping[str, str]] = {"contact": "contacts", "company": "companies"}
#: Names under which a record's own id is read.
ID_NAMES: Final = frozenset({"id", "hs_object_id"})
#: `v3`, or a version by date, which stands behind the kind of thing.
VERSION: Final = re.compile(r"v3|20[0-9]{2}-[0-9]{2}")
_LONGEST_WINDOW_S: Final = 60.0
_CLOCKS_DIFFER_S: Final = 60.0
#: Statuses of a batch whose body has to be read: 207 is one with errors in it.
DONE: Final = frozenset({200, 201, 207})


class Rest:
    """One account's REST API. Safe for threads."""

    def __init__(
        self,
        remote: Remote,
        token: str,
        version: str,
        *,
        zone: tzinfo | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`zone`: where the account's day of calls ends, if that is known."""
        self._remote = remote
        self._token = token
        self._version = version
        self._zone = zone
        self._now = now
        #: When HubSpot has calls left again, as far as its answers tell.
        self._free_at = 0.0

    def __repr__(self) -> str:
        return f"<Rest {self._remote.base_url}>"

    def objects(self, object: str, rest: str) -> str:
        """Path of an object's records: `batch/read`, `search`."""
        return self._path("objects", object, rest)

    def properties(self, object: str) -> str:
        """Path of an object's properties."""
        return self._path("properties", object, "")

    def call(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        json: Any = None,
        read_timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """One call; the JSON object of a success.

        Raises RemoteError by status (codes.py).
        """
        answer = self.ask(
            method, path, operation=operation, json=json, read_timeout_s=read_timeout_s
        )
        return body_of(answer)

    def ask(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        json: Any = None,
        read_timeout_s: float | None = None,
    ) -> Answer:
        """One call; its answer, whatever the status but 429.

        Raises:
            RateLimited, QuotaSpent: 429; or none is made, for by the last answer no
                call was left.
        """
        wait_s = self._free_at - self._now()
        if wait_s > 0:
            raise RateLimited(
                f"hubspot has no call left for {wait_s:.0f} s, by its own count",
                system="hubspot",
                operation=operation,
                code="TEN_SECONDLY_ROLLING",
                retry_after=wait_s,
            )
        note_call()
        answer = self._remote.call(
            method,
            path,
            operation=operation,
            headers={"Authorization": f"Bearer {self._token}"},
            json=json,
            read_timeout_s=read_timeout_s,
        )
        if answer.headers.get("X-HubSpot-RateLimit-Remaining", "").strip() == "0":
            # The window rolls: at its end all of these calls are out of it.
            self._free_at = self._now() + _window_s(answer)
        if answer.status == 429:
            raise call_error(answer, self._day_left_s())
        return answer

    def _day_left_s(self) -> float | None:
        """A minute more, for clocks differ."""
        if self._zone is None:
            return None
        return seconds_to_midnight(datetime.now(UTC), self._zone) + _CLOCKS_DIFFER_S

    def _path(self, kind: str, object: str, rest: str) -> str:
        plural = PLURALS.get(object.casefold())
        if plural is None:
            known = " or ".join(PLURALS)
            raise NotOffered(f"hubspot has no object {object} that is written; {known}")
        if self._version == "v3":
            path = f"/crm/v3/{kind}/{plural}"
        else:
            path = f"/crm/{kind}/{self._version}/{plural}"
        return f"{path}/{rest}" if rest else path


def _window_s(answer: Answer) -> float:
    """How long calls are counted together, from the answer."""
    said = answer.headers.get("X-HubSpot-RateLimit-Interval-Milliseconds", "").strip()
    ms = int(said[:9]) if said.isascii() and said.isdigit() else 10_000
    return min(ms / 1000, _LONGEST_WINDOW_S)


def body_of(answer: Answer) -> dict[str, Any]:
    """The JSON object of a success, or the error that the answer is."""
    if answer.status not in DONE:
        raise call_error(answer)
    body = answer.json()
    if not isinstance(body, dict):
        raise answer.error("there is no object in it", kind=AnswerUnexpected)
    return body


def results_of(body: Mapping[str, Any], operation: str) -> list[dict[str, Any]]:
    """The list under `results`.

    Raises AnswerUnexpected if it is none, or of a batch that is not complete.
    """
    rows, status = body.get("results"), body.get("status", "COMPLETE")
    said = "results that are no list of objects"
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        if status == "COMPLETE":
            return rows
        said = "a batch that is not complete"
    raise AnswerUnexpected(
        f"hubspot answered with {said}",
        system="hubspot",
        operation=operation,
        status=200,
    )
