"""HubSpot: signed webhooks in, contacts and companies read and updated by REST."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marshmallow import ValidationError, fields, validate, validates, validates_schema

from app.connectors.auth import Secrets
from app.connectors.base import (
    CallLimit,
    Connector,
    ConnectorSettings,
    Examination,
    Found,
    WebhookReply,
    address,
    check_address,
    secret,
)
from app.connectors.guide import Guide, Rehearsal, Route, Variables
from app.connectors.hubspot import (
    properties,
    rehearsal,
    setup,
    signatures,
    webhooks,
)
from app.connectors.hubspot.examine import examinations
from app.connectors.hubspot.records import MOST, read_records, send_records
from app.connectors.hubspot.rest import PLURALS, VERSION, Rest
from app.connectors.hubspot.search import (
    OVERLAP_S,
    SEARCH_EVERY_S,
    Pace,
    changed_since,
)
from app.domain import (
    CrmField,
    LeadEvent,
    Record,
    RecordResult,
    Update,
    WebhookRequest,
)
from app.errors import SignatureInvalid, WebhookRefused
from app.remote import Remote


def _zone(name: str) -> ZoneInfo | None:
    """The zone of this name; None if there is none."""
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class HubSpotSettings(ConnectorSettings):
    """Settings of one HubSpot account."""

    URL = address("Origin of HubSpot's API", load_default="https://api.hubapi.com")
    ACCESS_TOKEN = secret(
        "Access token of the app: Distribution tab of a project app, or of an older "
        "private app",
        required=True,
        validate=validate.Regexp(r"[!-~]+\Z", error="It has signs that no token has."),
    )
    CLIENT_SECRET = secret(
        "Client secret of the app, which signs its webhooks; two with a comma between "
        "them during a change"
    )
    APP_ID = fields.String(
        load_default="",
        validate=validate.Regexp(r"[0-9]{0,20}\Z", error="Must be a number."),
        metadata={
            "description": "Id of the app: changes that it made itself are told by it. "
            "Unset: by the id in each event"
        },
    )
    PORTAL_ID = fields.String(
        load_default="",
        validate=validate.Regexp(r"[0-9]{0,20}\Z", error="Must be a number."),
        metadata={
            "description": "Hub ID of the account. Set, events of another account in "
            "which the app is installed too are left"
        },
    )
    SIGNATURES = fields.String(
        load_default="v3",
        validate=validate.OneOf(["v3", "all"]),
        metadata={
            "description": "`all` takes the older signatures too, which have no time: "
            "workflows sign so"
        },
    )
    API_VERSION = fields.String(
        load_default="v3",
        validate=validate.Regexp(
            rf"({VERSION.pattern})\Z", error="Must be v3, or like 2026-09."
        ),
        metadata={"description": "Version of HubSpot's API"},
    )

    TIME_ZONE = fields.String(
        load_default="",
        metadata={
            "description": "Time zone of the account, such as Europe/Oslo: its day of "
            "calls ends there at midnight. Unset: ours are counted by UTC's day"
        },
    )

    @validates("TIME_ZONE")
    def check_zone(self, value: str, **kwargs: Any) -> None:
        """A name of the time zone database."""
        if value and _zone(value) is None:
            raise ValidationError("Must be a time zone, such as Europe/Berlin.")

    @validates_schema(skip_on_field_errors=False)
    def check_url(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Safe for the token that travels there."""
        check_address("URL", data)

    @validates_schema(skip_on_field_errors=False)
    def check_secret(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Set, unless the source does without."""
        secrets = str(data.get("CLIENT_SECRET", ""))
        if data.get("WEBHOOK_AUTH") == "secret" and not secrets.strip(" ,"):
            raise ValidationError(
                "CLIENT_SECRET is not set. It signs the webhooks: see the app's Auth "
                "tab; not needed if WEBHOOK_AUTH is none or off."
            )


class HubSpot(Connector):
    """One HubSpot account. Objects: `contact` and `company`, matched by `id`."""

    name = "hubspot"
    settings = HubSpotSettings
    main_object: ClassVar[str] = "contact"
    objects: ClassVar[Collection[str]] = tuple(PLURALS)
    #: Who stays of two merged contacts is found by the other's address as well.
    merged_by: ClassVar[str | None] = "email"
    read_batch: ClassVar[int] = MOST
    write_batch: ClassVar[int] = MOST
    is_searchable: ClassVar[bool] = True
    search_overlap_s: ClassVar[float] = OVERLAP_S
    signs_address: ClassVar[bool] = True
    permissions: ClassVar[Mapping[str, str]] = {
        "fields": "crm.schemas.contacts.read",
        "changed_since": "crm.objects.contacts.read",
    }
    field_batch: ClassVar[int] = 1
    #: Of 100 in ten seconds, which the smallest plans have; and a part of their day.
    call_limit: ClassVar[CallLimit] = CallLimit(50, 10.0)
    daily_calls: ClassVar[int | None] = 250_000

    def __init__(
        self,
        source: str,
        settings: Mapping[str, Any],
        *,
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
        **options: Any,
    ) -> None:
        """`now_ms`: the clock that signatures are judged by."""
        super().__init__(source, settings, **options)
        self._now_ms = now_ms
        self._secrets = Secrets.of(str(settings.get("CLIENT_SECRET") or ""))
        self._app_id = str(settings.get("APP_ID") or "")
        self._portal_id = str(settings.get("PORTAL_ID") or "")
        url = str(settings.get("URL") or "https://api.hubapi.com")
        remote = Remote(
            self.name,
            url,
            connect_timeout_s=self._connect_timeout_s,
            read_timeout_s=self._read_timeout_s,
            allow_http=bool(settings.get("ALLOW_HTTP")),
        )
        # One process searches a source at a time: five a second are the account's.
        self._pace = Pace(SEARCH_EVERY_S, now=self._now, sleep=self._sleep)
        zone = str(settings.get("TIME_ZONE") or "")
        self.day_zone = zone or "UTC"
        self._rest = Rest(
            remote,
            settings["ACCESS_TOKEN"],
            str(settings.get("API_VERSION") or "v3"),
            zone=_zone(zone),
            now=self._now,
        )

    def verify(self, request: WebhookRequest) -> None:
        """X-HubSpot-Signature-v3 over method, address, body and time."""
        if not self.sends_webhooks:
            raise SignatureInvalid("this source takes no webhooks: WEBHOOK_AUTH is off")
        if not self.accepts_unsigned:
            signatures.verify(
                request,
                self._secrets,
                now_ms=self._now_ms(),
                takes_old=self._settings.get("SIGNATURES") == "all",
            )

    def parse(self, request: WebhookRequest) -> list[LeadEvent]:
        """An array of events, or the one of a workflow."""
        return webhooks.read(request.body, self._app_id, self._portal_id)

    def reply(self, accepted: int, repeated: int, unwanted: int) -> WebhookReply:
        """Any 2xx within five seconds."""
        return webhooks.accepted(accepted, repeated, unwanted)

    def refused(self, error: WebhookRefused) -> WebhookReply:
        """What cannot be read is answered 2xx, or it would come for a day."""
        return webhooks.refused(error)

    def read(
        self, object: str, by: str, keys: Sequence[str], fields: Sequence[str]
    ) -> list[Record]:
        """Records by id or by a unique property such as `email`; one call."""
        return read_records(self._rest, object, by, keys, fields, self._read_timeout_s)

    def send(self, updates: Sequence[Update]) -> list[RecordResult]:
        """Batch update by id; one call, and one more for each refusal within it."""
        return send_records(self._rest, updates, self._write_timeout_s)

    def fields(self, object: str) -> list[CrmField]:
        """An object's properties; one call."""
        return properties.object_fields(self._rest, object, self._read_timeout_s)

    def changed_since(
        self,
        cursor: str | None,
        since: datetime,
        events: Mapping[str, Collection[str]],
        fields: Sequence[str],
    ) -> Found:
        """New records, and those of which one of `fields` has changed."""
        return changed_since(
            self._rest,
            self._pace,
            cursor,
            since,
            events,
            fields,
            self._app_id,
            self._read_timeout_s,
        )

    def examine(self, object: str) -> list[Examination]:
        """Writing, by an update of nobody; and the calls of the whole account."""
        zone = str(self._settings.get("TIME_ZONE") or "")
        return examinations(
            self._rest, object, self._portal_id, zone, self._read_timeout_s
        )

    @classmethod
    def type_of(cls, field: CrmField) -> str:
        """Its word for the type; no options, so no dropdowns."""
        return properties.type_of(field)

    def create_fields(
        self, object: str, fields: Sequence[CrmField]
    ) -> list[RecordResult]:
        """One custom property of an object; one call."""
        (field,) = fields
        made = properties.create_field(self._rest, object, field, self._read_timeout_s)
        return [made]

    @classmethod
    def rehearse(
        cls,
        route: Route,
        event: str,
        lead: Mapping[str, Any],
        variables: Variables,
        mark: str,
    ) -> list[Rehearsal]:
        """As a subscription sends it, or a workflow."""
        return rehearsal.rehearse(route, event, lead, variables, mark)

    @classmethod
    def setup(cls, routes: Sequence[Route], variables: Variables) -> Guide:
        """App, scopes, subscriptions."""
        return setup.guide(routes, variables)
