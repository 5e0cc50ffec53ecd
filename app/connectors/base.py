"""What a connector is: one source system's dialect, in both directions.

A connector keeps nothing and retries nothing. What it cannot do raises NotOffered,
and its contract test says so (tests/contract/connector_contract.py).
"""

from __future__ import annotations

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, ClassVar, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from app import values
from app.connectors.guide import Guide, Rehearsal, Route, Variables
from app.domain import CrmField, LeadEvent, Record, RecordResult, Update, WebhookRequest
from app.errors import AppError, WebhookRefused
from app.remote import address_problem


class NotOffered(AppError):
    """This system cannot do that, or not yet through us."""


@dataclass(frozen=True, slots=True)
class CallLimit:
    """At most `calls` calls in any `per_s` seconds, of all processes together."""

    calls: int
    per_s: float


def seconds_to_midnight(now: datetime, zone: tzinfo) -> float:
    """Until the day ends in `zone`, whatever the clocks do there meanwhile."""
    here = now.astimezone(zone)
    midnight = datetime(here.year, here.month, here.day, tzinfo=zone)
    tomorrow = (midnight + timedelta(days=1)).astimezone(UTC)
    return (tomorrow - now.astimezone(UTC)).total_seconds()


class _Made(threading.local):
    calls = 0


_MADE: Final = _Made()


def note_call() -> None:
    """Tell whoever gave leave for one call that a call is made now, by this thread.

    Some methods make several: pages, and a batch again without whom it was refused
    for. All of them count in the account.
    """
    _MADE.calls += 1


def calls_made() -> int:
    """How many calls this thread has made so far."""
    return _MADE.calls


@dataclass(frozen=True, slots=True)
class WebhookReply:
    """What the sender of a webhook is answered."""

    status: int
    content_type: str
    body: bytes
    #: HTTP's reason phrase, for senders that can branch on nothing else.
    reason: str | None = None


def json_reply(
    status: int, shown: Mapping[str, Any], reason: str | None = None
) -> WebhookReply:
    """A JSON reply; never empty, which some senders count as a failure."""
    body = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    return WebhookReply(status, "application/json", body, reason)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of a search for missed records, and where the next one begins."""

    events: list[LeadEvent]
    #: Opaque, kept by the ledger; valid for days.
    cursor: str
    is_more: bool


@dataclass(frozen=True, slots=True)
class Examined:
    """What a check of a connector's own found: a sentence, and what would be better."""

    said: str
    #: Empty: all is well.
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """One check of a connector's own. It makes one call, changes nothing in any record,
    and raises RemoteError where that call is refused."""

    #: What is looked at, in a word or two: `writing`.
    name: str
    ask: Callable[[], Examined]
    #: What its user must be allowed for it, as the system's own pages say it.
    permission: str = ""
    #: False: the source works without it, so that a refusal proves nothing.
    is_needed: bool = True


def address(description: str, **options: Any) -> fields.String:
    """A setting that is a base address; `http://` is judged by the schema below."""
    return fields.String(metadata={"description": description}, **options)


def secret(description: str, **options: Any) -> fields.String:
    """A setting that nobody else may read, shown nowhere."""
    return fields.String(
        metadata={"description": description, "secret": True}, **options
    )


class ConnectorSettings(Schema):
    """Settings of every source; names are those of the environment, less its prefix."""

    class Meta:
        unknown = EXCLUDE

    WEBHOOK_AUTH = fields.String(
        load_default="secret",
        validate=validate.OneOf(["secret", "none", "off"]),
        metadata={
            "description": "`none` takes webhooks from anyone; it must be said, for "
            "a source whose webhooks are not authenticated. `off`: the source sends "
            "none; its new records are found by asking for them"
        },
    )
    QUOTA = fields.String(
        load_default="25%",
        validate=validate.Regexp(r"[0-9]+ ?%?\Z", error="Must be like 25% or 12000."),
        metadata={
            "description": "Calls a day that are ours: a number, or a share of what "
            "an account of this system usually has"
        },
    )
    CALL_LIMIT = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0),
        metadata={
            "description": "Calls in the account's rate window that are ours, instead "
            "of the connector's careful number; 0: no limit"
        },
    )
    CALLS_AT_ONCE = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(min=0),
        metadata={
            "description": "Calls of the account at the same time that are ours, "
            "instead of the connector's careful number; 0: no limit"
        },
    )
    ALLOW_HTTP = fields.Boolean(
        load_default=False,
        metadata={
            "description": "`true` lets addresses begin with http:// on other "
            "machines: for a sandbox in a private network, never for an account"
        },
    )


def check_address(key: str, data: Mapping[str, Any]) -> None:
    """For a schema's own check: ValidationError if `data[key]` is no safe address."""
    url = data.get(key)
    problem = url and address_problem(url, allow_http=bool(data.get("ALLOW_HTTP")))
    if problem:
        raise ValidationError({key: [f"It {problem}."]})


class Connector(ABC):
    """One source of one system. Safe for threads; makes no call when constructed."""

    #: As mapping files write it, and the beginning of its sources' names.
    name: ClassVar[str]
    settings: ClassVar[type[ConnectorSettings]]
    #: The object of a lead, as it calls it: what commands mean if nobody says another.
    main_object: ClassVar[str]
    #: All objects whose records can be written.
    objects: ClassVar[Collection[str]]
    #: The field that holds a record's own id, for fetching what an event left out.
    record_key: ClassVar[str] = "id"
    #: By which field a record is found again after it was merged into another, and
    #: which field of the event has its value; None where that is not to be had.
    merged_by: ClassVar[str | None] = None
    #: Records in one call.
    read_batch: ClassVar[int]
    write_batch: ClassVar[int]
    #: Whether its senders can read values from the answer to a webhook.
    reads_replies: ClassVar[bool] = False
    #: Whether it has campaigns that can be requested, and for how many records a call.
    has_campaigns: ClassVar[bool] = False
    campaign_batch: ClassVar[int] = 100
    #: Fields that `create_fields` makes in one call; 0: it makes none.
    field_batch: ClassVar[int] = 0
    #: Whether it can be asked for records that came or changed: `changed_since`.
    is_searchable: ClassVar[bool] = False
    #: So long before the begin of a search the next one begins: what is younger may be
    #: left, for it is found again.
    search_overlap_s: ClassVar[float] = 0.0
    #: What its user must be allowed, by the method that needs it: `fields`,
    #: `changed_since`. As the system's own pages say it.
    permissions: ClassVar[Mapping[str, str]] = {}
    #: Whether senders sign the address they call, so that PUBLIC_URL must be set.
    signs_address: ClassVar[bool] = False
    #: How long a read, and a write, may take at the other side and still succeed.
    read_timeout_s: ClassVar[float] = 30.0
    write_timeout_s: ClassVar[float] = 30.0
    call_limit: ClassVar[CallLimit] = CallLimit(50, 20.0)
    #: Calls at the same time that are ours; 0 where there is no such limit.
    calls_at_once: ClassVar[int] = 0
    #: Calls a day that an account usually has, for all its integrations together;
    #: None where there is no such limit. And the zone in which its day begins.
    daily_calls: ClassVar[int | None] = None
    day_zone: str = "UTC"

    def __init__(
        self,
        source: str,
        settings: Mapping[str, Any],
        *,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float | None = None,
        write_timeout_s: float | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`settings`: as its schema loads them. Time-outs: instead of the class's own.

        Raises:
            ConfigurationError: an address that a secret must not travel to.
        """
        self.source = source
        self._settings = settings
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s or self.read_timeout_s
        self._write_timeout_s = write_timeout_s or self.write_timeout_s
        self._now = now
        self._sleep = sleep

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.source}>"

    @property
    def accepts_unsigned(self) -> bool:
        """True if the setting WEBHOOK_AUTH says `none`."""
        return bool(self._settings.get("WEBHOOK_AUTH") == "none")

    @property
    def sends_webhooks(self) -> bool:
        """False if the setting WEBHOOK_AUTH says `off`."""
        return bool(self._settings.get("WEBHOOK_AUTH") != "off")

    @property
    def limit(self) -> CallLimit:
        """Our share of the account's calls: as set, or the connector's own."""
        calls = self._settings.get("CALL_LIMIT")
        if calls is None:
            return self.call_limit
        return CallLimit(calls, self.call_limit.per_s)

    @property
    def longest_call_s(self) -> float:
        """A call that began so long ago is over, whatever became of its process."""
        longest = max(self._read_timeout_s, self._write_timeout_s)
        # Reads of several pages, and a wait for the rate limit before the call.
        return self._connect_timeout_s + 2 * longest + 30.0

    @property
    def most_at_once(self) -> int:
        """Our share of the calls at the same time; 0: no limit."""
        calls = self._settings.get("CALLS_AT_ONCE")
        return self.calls_at_once if calls is None else int(calls)

    @property
    def quota(self) -> int | None:
        """Calls a day that are ours: a number, or a share of the usual limit."""
        text = str(self._settings.get("QUOTA") or "25%")
        number = int(text.rstrip("% "))
        if not text.endswith("%"):
            return number
        return None if self.daily_calls is None else self.daily_calls * number // 100

    # In: webhooks.

    @abstractmethod
    def verify(self, request: WebhookRequest) -> None:
        """SignatureInvalid unless the request is the sender's; in constant time."""

    @abstractmethod
    def parse(self, request: WebhookRequest) -> list[LeadEvent]:
        """The events of a verified request, at least one; or PayloadInvalid."""

    @abstractmethod
    def reply(self, accepted: int, repeated: int, unwanted: int) -> WebhookReply:
        """The 2xx that this sender wants to hear, with the numbers of its events."""

    @abstractmethod
    def refused(self, error: WebhookRefused) -> WebhookReply:
        """The answer to a webhook that was refused."""

    def reply_values(self, answered: Mapping[str, Any], result: str) -> WebhookReply:
        """A reply that carries the written fields themselves, as flat keys."""
        raise NotOffered(f"{self.name} reads no values from a reply")

    # Out: records.

    @abstractmethod
    def read(
        self, object: str, by: str, keys: Sequence[str], fields: Sequence[str]
    ) -> list[Record]:
        """Records by a key field; len(keys) <= read_batch. In the order of `keys`.

        One Record for each key, under that key as its `record_id`; `values` holds
        exactly `fields`, or is None where there is no such record.
        """

    @abstractmethod
    def send(self, updates: Sequence[Update]) -> list[RecordResult]:
        """Update records in one call; len(updates) <= write_batch.

        All of one object and one key field. One result per update, in the order
        given; a record that was turned down is a result with its error, not raised.
        """

    @abstractmethod
    def fields(self, object: str) -> list[CrmField]:
        """The fields of an object, as the system's own schema tells them."""

    def same(self, field: CrmField | None, sent: Any, read: Any) -> bool:
        """Whether `read` is `sent`, as this system normalises it.

        `field` None: the type is not known, and the sent value's own kind decides.
        """
        return values.same(sent, read, self.kind_of(field))

    def kind_of(self, field: CrmField | None) -> str | None:
        """The kind (values.py) under which two values of a field are compared."""
        return values.KINDS.get(field.type) if field else None

    # What not every system can do.

    def changed_since(
        self,
        cursor: str | None,
        since: datetime,
        events: Mapping[str, Collection[str]],
        fields: Sequence[str],
    ) -> Found:
        """One page of the records that came or changed; at most one call.

        Begins at `since` with the cursor None, else where that page ended. `events`:
        object → which of `created` and `updated` are wanted of it; `fields`: those
        whose changes count as an update.
        """
        raise NotOffered(f"{self.name} is not searched for missed records")

    @classmethod
    def setup(cls, routes: Sequence[Route], variables: Variables) -> Guide:
        """What to click, paste and grant for the mapping files of one source.

        From the files alone: no call is made, and settings may be missing. No value
        of a secret is in it.
        """
        raise NotOffered(f"{cls.name} has no set-up text of its own")

    @classmethod
    def rehearse(
        cls,
        route: Route,
        event: str,
        lead: Mapping[str, Any],
        variables: Variables,
        mark: str,
    ) -> list[Rehearsal]:
        """One webhook about `lead`, in each way in which this system may write it.

        `mark` makes it an event of its own, where equal ones count as repeats.

        Raises:
            ConfigurationError: the secret that has to go with it is not set.
        """
        raise NotOffered(f"{cls.name} sends no webhook that could be tried")

    @classmethod
    def type_of(cls, field: CrmField) -> str:
        """The system's own word for the type in which `create_fields` makes a field.

        Raises:
            RecordRefused: such a field cannot be made; the message says how else.
        """
        raise NotOffered(f"no field can be made in {cls.name} from here")

    def create_fields(
        self, object: str, fields: Sequence[CrmField]
    ) -> list[RecordResult]:
        """Make fields in one call; len(fields) <= field_batch. They stay for good.

        One result for each, in the order given, under the field's name.
        """
        raise NotOffered(f"no field can be made in {self.name} from here")

    def request_campaign(self, campaign_id: str, record_ids: Sequence[str]) -> None:
        """Start a campaign for records; len(record_ids) <= campaign_batch.

        Raises:
            RecordMissing: one of them is not there, and nothing was started.
        """
        raise NotOffered(f"{self.name} has no campaigns to request")

    def examine(self, object: str) -> list[Examination]:
        """Checks of its own for `leadbridge doctor`, about one object."""
        raise NotOffered(f"{self.name} has no checks of its own")
