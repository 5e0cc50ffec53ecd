"""Marketo: webhooks in by a template, people read and updated by REST."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema

from app.connectors.auth import SharedSecret
from app.connectors.base import (
    Connector,
    ConnectorSettings,
    Examination,
    Found,
    NotOffered,
    WebhookReply,
    address,
    check_address,
    secret,
)
from app.connectors.guide import Guide, Rehearsal, Route, Variables
from app.connectors.marketo import fields as custom_fields
from app.connectors.marketo import setup as setting_up
from app.connectors.marketo import webhooks
from app.connectors.marketo.activities import lead_changes
from app.connectors.marketo.body import read_body
from app.connectors.marketo.campaigns import request_campaign
from app.connectors.marketo.describe import lead_fields
from app.connectors.marketo.examine import ACTIVITY, WRITING, examinations
from app.connectors.marketo.records import MOST, read_leads, send_leads
from app.connectors.marketo.rest import Rest
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

#: Header that carries our secret, as WebhookRequest spells it.
SECRET_HEADER = "x-leadbridge-secret"  # noqa: S105  a header's name


class MarketoSettings(ConnectorSettings):
    """Settings of one Marketo account."""

    URL = address(
        "REST endpoint of the account, from Admin > Integration > Web Services: "
        "https://123-ABC-456.mktorest.com",
        required=True,
    )
    CLIENT_ID = secret(
        "Client Id of the custom service, from Admin > Integration > LaunchPoint",
        required=True,
    )
    CLIENT_SECRET = secret("Client Secret of that custom service", required=True)
    WEBHOOK_SECRET = secret(
        "Secret that webhooks carry in the header X-Leadbridge-Secret; two with a "
        "comma between them during a change"
    )

    # Both, whatever else is wrong: every problem is told at once.
    @validates_schema(skip_on_field_errors=False)
    def check_url(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Safe for the secrets that travel there."""
        check_address("URL", data)

    @validates_schema(skip_on_field_errors=False)
    def check_secret(self, data: Mapping[str, Any], **kwargs: Any) -> None:
        """Set, unless the source does without; and of letters that arrive."""
        secrets = str(data.get("WEBHOOK_SECRET", ""))
        if data.get("WEBHOOK_AUTH") == "secret" and not secrets.strip(" ,"):
            raise ValidationError(
                "WEBHOOK_SECRET is not set. Webhooks must carry it, "
                "unless WEBHOOK_AUTH is none or off. Make one: "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        if not (secrets.isascii() and secrets.isprintable()):
            # Header values of other letters arrive in an encoding nobody knows.
            raise ValidationError({"WEBHOOK_SECRET": ["It must be ASCII."]})


class Marketo(Connector):
    """One Marketo account.

    The only object is `lead`, Marketo's name for a person. Matched by `id`, `email`
    or a custom field that Describe 2 calls searchable.
    """

    name = "marketo"
    settings = MarketoSettings
    main_object: ClassVar[str] = "lead"
    objects: ClassVar[Collection[str]] = ("lead",)
    #: The one who stays of two merged people has their address.
    merged_by: ClassVar[str | None] = "email"
    reads_replies: ClassVar[bool] = True
    has_campaigns: ClassVar[bool] = True
    is_searchable: ClassVar[bool] = True
    permissions: ClassVar[Mapping[str, str]] = {
        "fields": WRITING,
        "changed_since": ACTIVITY,
    }
    field_batch: ClassVar[int] = custom_fields.MOST
    read_batch: ClassVar[int] = MOST
    write_batch: ClassVar[int] = MOST
    #: Typical of a subscription; Marketo's day begins at midnight US Central.
    daily_calls: ClassVar[int | None] = 50_000
    day_zone: str = "America/Chicago"
    #: Of ten, for all integrations of the account.
    calls_at_once: ClassVar[int] = 5
    #: Sync Leads may take 90 s over there; a filter query 60.
    write_timeout_s: ClassVar[float] = 95.0
    read_timeout_s: ClassVar[float] = 65.0

    def __init__(
        self, source: str, settings: Mapping[str, Any], **options: Any
    ) -> None:
        super().__init__(source, settings, **options)
        # The admin page shows both endpoints with these endings.
        url = settings["URL"].rstrip("/").removesuffix("/rest")
        url = url.removesuffix("/identity")
        self._account = webhooks.munchkin_id(url)
        self._secret = SharedSecret(settings.get("WEBHOOK_SECRET") or "")
        remote = Remote(
            self.name,
            url,
            connect_timeout_s=self._connect_timeout_s,
            read_timeout_s=self._read_timeout_s,
            allow_http=bool(settings.get("ALLOW_HTTP")),
        )
        self._rest = Rest(
            remote,
            settings["CLIENT_ID"],
            settings["CLIENT_SECRET"],
            now=self._now,
            sleep=self._sleep,
        )

    def verify(self, request: WebhookRequest) -> None:
        """The header X-Leadbridge-Secret; Marketo signs nothing."""
        if not self.sends_webhooks:
            raise SignatureInvalid("this source takes no webhooks: WEBHOOK_AUTH is off")
        if not self.accepts_unsigned:
            self._secret.verify(request.headers.get(SECRET_HEADER))

    def parse(self, request: WebhookRequest) -> list[LeadEvent]:
        """One event; as many as there are objects if the body is a list."""
        rows = read_body(request.body)
        return [webhooks.lead_event(row, self._account) for row in rows]

    def reply(self, accepted: int, repeated: int, unwanted: int) -> WebhookReply:
        """A small JSON object; its `status` can be branched on in Marketo."""
        return webhooks.accepted(accepted, repeated, unwanted)

    def reply_values(self, answered: Mapping[str, Any], result: str) -> WebhookReply:
        """The written fields, for response mappings."""
        return webhooks.values(answered, result)

    def refused(self, error: WebhookRefused) -> WebhookReply:
        """Not 2xx, so Marketo leaves the person untouched; it never asks again."""
        return webhooks.refused(error)

    def read(
        self, object: str, by: str, keys: Sequence[str], fields: Sequence[str]
    ) -> list[Record]:
        """People, in the order of `keys`; one call, and one for each further page.

        Keys of a template that are about the webhook, such as campaignId, are None.
        """
        self._check(object)
        # What a template says of its campaign is no field, and would fail the call.
        asked = [name for name in fields if not webhooks.is_context(name)]
        read = read_leads(self._rest, by, keys, asked, self._read_timeout_s)
        if len(asked) == len(fields):
            return read
        return [
            one if one.values is None else replace(one, values=_all(one.values, fields))
            for one in read
        ]

    def send(self, updates: Sequence[Update]) -> list[RecordResult]:
        """Sync Leads, `updateOnly`: nobody is created."""
        for update in updates:
            self._check(update.object)
        return send_leads(self._rest, updates, self._write_timeout_s)

    def fields(self, object: str) -> list[CrmField]:
        """A person's fields; two calls."""
        self._check(object)
        return lead_fields(self._rest, self._read_timeout_s)

    def changed_since(
        self,
        cursor: str | None,
        since: datetime,
        events: Mapping[str, Collection[str]],
        fields: Sequence[str],
    ) -> Found:
        """New people, and changes of `fields`, from the activity log."""
        wanted = events.get("lead", ())
        names = [name for name in fields if webhooks.is_field(name)]
        return lead_changes(
            self._rest, cursor, since, wanted, names, self._read_timeout_s
        )

    def request_campaign(self, campaign_id: str, record_ids: Sequence[str]) -> None:
        """Start a trigger campaign with *Campaign is Requested: Web Service API*."""
        request_campaign(self._rest, campaign_id, record_ids, self._read_timeout_s)

    @classmethod
    def setup(cls, routes: Sequence[Route], variables: Variables) -> Guide:
        """Webhooks, smart campaigns, and the role of the API user."""
        return setting_up.guide(routes, variables)

    @classmethod
    def rehearse(
        cls,
        route: Route,
        event: str,
        lead: Mapping[str, Any],
        variables: Variables,
        mark: str,
    ) -> list[Rehearsal]:
        """In each of the three token encodings."""
        return setting_up.rehearse(route, event, lead, variables, mark)

    def examine(self, object: str) -> list[Examination]:
        """Writing, by an update of nobody; and the calls of the whole account."""
        self._check(object)
        return examinations(self._rest, self.daily_calls or 0, self._read_timeout_s)

    @classmethod
    def type_of(cls, field: CrmField) -> str:
        """Its word for the type; no Text Areas."""
        return custom_fields.type_of(field)

    def create_fields(
        self, object: str, fields: Sequence[CrmField]
    ) -> list[RecordResult]:
        """Custom fields of a person; they cannot be deleted."""
        self._check(object)
        return custom_fields.create_fields(self._rest, fields, self._read_timeout_s)

    def kind_of(self, field: CrmField | None) -> str | None:
        """Float and currency lose digits from about 100,000 up: six are compared."""
        if field is not None and field.type in ("float", "currency"):
            return "float6"
        return super().kind_of(field)

    def _check(self, object: str) -> None:
        if object.casefold() != "lead":
            raise NotOffered(
                f"marketo has no object {object} that is written; use lead"
            )


def _all(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}
