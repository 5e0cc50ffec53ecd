"""Firing webhooks for leads of the sandbox, as a trigger campaign does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox import options, senders
from sandbox.marketo.leads import Lead
from sandbox.options import RequestInvalid
from sandbox.senders import MarketoWebhook, Scope, Sent

if TYPE_CHECKING:
    from sandbox.marketo.state import MarketoState
    from sandbox.state import World

#: Source of the changes that response mappings make; its wording is unconfirmed.
WEBHOOK_SOURCE = "Webhook"

#: Source of what a person types in; its wording is unconfirmed too.
BY_HAND = "Manual"

TOKEN_SOURCES = ("campaign", "program", "my", "trigger")
_KEYS = ("webhook", "ids", *TOKEN_SOURCES, "batch")


def call_webhook(world: World, body: Any) -> list[dict[str, Any]]:
    """Send a webhook for the lead ids given; one result for each, in that order.

    `body` is {webhook: {url, template ...}, ids: [...]}, optionally with the
    token sources campaign, program, my, trigger and with `batch`: true. What
    the response mappings write is written when all calls have ended, so a
    later step of the flow would not see it either.

    Raises:
        RequestInvalid: what is wrong with `body`, before any call.
    """
    webhook, scope, leads = _read(world, body)
    if body.get("batch"):
        results = [senders.send(webhook, lead, scope, batch=True) for lead in leads]
    else:
        slots = world.marketo.webhook_slots
        results = senders.send_all(webhook, leads, scope, slots=slots)
    campaign = body.get("campaign", {}).get("id")
    with world.lock:
        return [settle(world.marketo, sent, campaign) for sent in results]


def change_leads(world: World, body: Any) -> list[int]:
    """Change leads by hand: {leads: [{id, field: value ...}], source: "..."}.

    Raises:
        RequestInvalid: what is wrong with `body`; nothing was changed then.
    """
    if not isinstance(body, dict):
        raise RequestInvalid("the body must be {leads: [...]}")
    known = ("leads", "source")
    problems = [options.unknown(key, known, "key") for key in body if key not in known]
    source = body.get("source", BY_HAND)
    if wrong := options.text(source):
        problems.append(f"source must be {wrong}")
    if problems:
        raise RequestInvalid(*problems)
    with world.lock:
        return world.marketo.change(body.get("leads"), source)


def settle(marketo: MarketoState, sent: Sent, campaign: Any) -> dict[str, Any]:
    """Write what the response mappings gave, and note the call; its log entry.

    The caller holds the world's lock.
    """
    store = marketo.store
    lead = store.leads.get(sent.lead_id or 0)
    if lead is not None:
        store.note(
            lead,
            marketo.options.webhook_activity_type,
            sent.webhook,
            (("Error Type", sent.error), ("Response", sent.response)),
        )
        if sent.writes:
            store.update(lead, sent.writes, WEBHOOK_SOURCE)
    shown = {
        "at": marketo.clock.today(),
        **dataclasses.asdict(sent),
        "ok": sent.ok,
        "campaign": campaign,
    }
    marketo.webhook_log.append(shown)
    marketo.webhook_counts[sent.error or "ok"] += 1
    return shown


def _read(world: World, body: Any) -> tuple[MarketoWebhook, Scope, list[Lead]]:
    if not isinstance(body, dict) or not isinstance(body.get("webhook"), dict):
        raise RequestInvalid("the body must be {webhook: {url, ...}, ids: [...]}")
    problems = [options.unknown(key, _KEYS, "key") for key in body if key not in _KEYS]
    try:
        webhook = read_webhook(body["webhook"])
    except RequestInvalid as invalid:
        problems += invalid.problems
    if problems:
        raise RequestInvalid(*problems)
    sources = {name: body.get(name, {}) for name in TOKEN_SOURCES}
    for name, tokens in sources.items():
        if not isinstance(tokens, dict):
            raise RequestInvalid(f"{name} must be an object of token names")
    with world.lock:
        scope = scope_of(world.marketo, sources)
        return webhook, scope, _leads(world, body.get("ids"))


def read_webhook(given: Mapping[str, Any]) -> MarketoWebhook:
    """A webhook from its settings.

    Raises:
        RequestInvalid: what the editor would refuse to save.
    """
    known = [item.name for item in dataclasses.fields(MarketoWebhook)]
    problems = [
        options.unknown(key, known, "setting of a webhook")
        for key in given
        if key not in known
    ]
    if "url" not in given:
        problems.append("webhook: url is missing")
    if problems:
        raise RequestInvalid(*problems)
    try:
        return MarketoWebhook(**given)
    except (TypeError, ValueError) as error:
        raise RequestInvalid(f"webhook: {error}") from error


def scope_of(marketo: MarketoState, sources: Mapping[str, Any]) -> Scope:
    """What tokens may refer to now; the caller holds the world's lock."""
    return Scope(
        **sources,
        munchkin_id=marketo.options.munchkin_id,
        now=marketo.clock.today(),
        fields=dict(marketo.fields),
    )


def _leads(world: World, ids: Any) -> list[Lead]:
    if not isinstance(ids, list) or not ids:
        raise RequestInvalid("ids must be a list of lead ids")
    store = world.marketo.store.leads
    if missing := [n for n in ids if n not in store]:
        raise RequestInvalid(f"no lead has the id {', '.join(map(str, missing))}")
    # Copies: the lead may change while the calls are under way.
    return [dict(store[n]) for n in ids]
