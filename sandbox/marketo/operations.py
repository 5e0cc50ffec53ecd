"""The REST operations of Marketo in one table: verb, path, work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Response

from sandbox.journal import Call
from sandbox.marketo import account, exports, log, reads, schema, sync
from sandbox.marketo.envelope import success
from sandbox.marketo.state import MarketoState
from sandbox.state import World


@dataclass(frozen=True)
class Asked:
    """One call that passed the gate."""

    world: World
    call: Call
    query: dict[str, str]  #: query and, for a form, body
    body: dict[str, Any]  #: the JSON body, else empty
    key: str = ""  #: the id in the path

    @property
    def marketo(self) -> MarketoState:
        return self.world.marketo


@dataclass(frozen=True)
class Operation:
    """One verb on one path."""

    name: str
    method: str
    path: str  #: Flask's rule; `key` is the id in it
    work: Callable[[Asked], Response]
    writes_json: bool = False  #: wants a JSON body


def _locked(work: Callable[[Asked], Response]) -> Callable[[Asked], Response]:
    def run(asked: Asked) -> Response:
        with asked.world.lock:
            return work(asked)

    return run


_EXPORT = "/bulk/v1/leads/export"
_WITHOUT_BODY = frozenset({"enqueue_export", "cancel_export"})

OPERATIONS = tuple(
    Operation(
        name,
        method,
        path,
        _locked(work),
        method in ("POST", "DELETE") and name not in _WITHOUT_BODY,
    )
    for name, method, path, work in (
        ("get_leads", "GET", "/rest/v1/leads.json",
         lambda a: reads.leads_by_filter(a.marketo, a.query)),
        ("sync_leads", "POST", "/rest/v1/leads.json",
         lambda a: success(sync.sync_leads(a.world, a.call, a.body))),
        ("delete_leads", "DELETE", "/rest/v1/leads.json",
         lambda a: success(sync.delete_leads(a.world, a.call, a.body))),
        ("delete_leads", "POST", "/rest/v1/leads/delete.json",
         lambda a: success(sync.delete_leads(a.world, a.call, a.body))),
        ("get_lead", "GET", "/rest/v1/lead/<key>.json",
         lambda a: reads.lead_by_id(a.marketo, a.key, a.query)),
        ("describe", "GET", "/rest/v1/leads/describe.json",
         lambda a: schema.describe(a.marketo)),
        ("describe2", "GET", "/rest/v1/leads/describe2.json",
         lambda a: schema.describe2(a.marketo)),
        ("get_fields", "GET", "/rest/v1/leads/schema/fields.json",
         lambda a: schema.schema_fields(a.marketo, a.query)),
        ("create_fields", "POST", "/rest/v1/leads/schema/fields.json",
         lambda a: schema.create_fields(a.marketo, a.body)),
        ("partitions", "GET", "/rest/v1/leads/partitions.json",
         lambda a: account.partitions()),
        ("usage", "GET", "/rest/v1/stats/usage.json",
         lambda a: account.usage(a.marketo)),
        ("errors", "GET", "/rest/v1/stats/errors.json",
         lambda a: account.errors(a.marketo)),
        ("paging_token", "GET", "/rest/v1/activities/pagingtoken.json",
         lambda a: log.paging_token(a.query)),
        ("lead_changes", "GET", "/rest/v1/activities/leadchanges.json",
         lambda a: log.lead_changes(a.marketo, a.query)),
        ("deleted_leads", "GET", "/rest/v1/activities/deletedleads.json",
         lambda a: log.deleted_leads(a.marketo, a.query)),
        ("activities", "GET", "/rest/v1/activities.json",
         lambda a: log.activities(a.marketo, a.query)),
        ("activity_types", "GET", "/rest/v1/activities/types.json",
         lambda a: log.activity_types(a.marketo)),
        ("request_campaign", "POST", "/rest/v1/campaigns/<int:key>/trigger.json",
         lambda a: account.request_campaign(a.marketo, str(a.key), a.body)),
        ("create_export", "POST", f"{_EXPORT}/create.json",
         lambda a: exports.create(a.marketo, a.body)),
        ("enqueue_export", "POST", f"{_EXPORT}/<key>/enqueue.json",
         lambda a: exports.enqueue(a.marketo, a.key)),
        ("cancel_export", "POST", f"{_EXPORT}/<key>/cancel.json",
         lambda a: exports.cancel(a.marketo, a.key)),
        ("export_status", "GET", f"{_EXPORT}/<key>/status.json",
         lambda a: exports.status(a.marketo, a.key)),
        ("export_file", "GET", f"{_EXPORT}/<key>/file.json",
         lambda a: exports.file(a.marketo, a.key)),
        ("list_exports", "GET", f"{_EXPORT}.json",
         lambda a: exports.listed(a.marketo, a.query)),
    )
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Every operation's name, `token` for identity first."""
    return ("token", *dict.fromkeys(operation.name for operation in OPERATIONS))
