"""Firing webhooks for leads of the sandbox, as a trigger campaign does."""

from __future__ import annotations

import dataclasses
from typing import Any

from sandbox import options, senders
from sandbox.marketo.leads import Lead
from sandbox.options import RequestInvalid
from sandbox.senders import MarketoWebhook, Scope, Sent
from sandbox.state import World

#: Source of the changes that response mappings make; its wording is unconfirmed.
WEBHOOK_SOURCE = "Webhook"

_KEYS = ("webhook", "ids", "campaign", "program", "my", "trigger", "batch")


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
    with world.lock:
        for sent in results:
            lead = world.marketo.store.leads.get(sent.lead_id or 0)
            if lead is not None and sent.writes:
                world.marketo.store.update(lead, sent.writes, WEBHOOK_SOURCE)
        shown = [{"at": world.clock.today(), **_shown(sent)} for sent in results]
        world.marketo.webhook_log.extend(shown)
    return shown


def _shown(sent: Sent) -> dict[str, Any]:
    return {**dataclasses.asdict(sent), "ok": sent.ok}


def _read(world: World, body: Any) -> tuple[MarketoWebhook, Scope, list[Lead]]:
    if not isinstance(body, dict) or not isinstance(body.get("webhook"), dict):
        raise RequestInvalid("the body must be {webhook: {url, ...}, ids: [...]}")
    problems = [options.unknown(key, _KEYS, "key") for key in body if key not in _KEYS]
    known = [item.name for item in dataclasses.fields(MarketoWebhook)]
    for key in body["webhook"]:
        if key not in known:
            problems.append(options.unknown(key, known, "setting of a webhook"))
    if "url" not in body["webhook"]:
        problems.append("webhook: url is missing")
    if problems:
        raise RequestInvalid(*problems)
    try:
        webhook = MarketoWebhook(**body["webhook"])
    except (TypeError, ValueError) as error:
        raise RequestInvalid(f"webhook: {error}") from error
    with world.lock:
        return webhook, _scope(world, body), _leads(world, body.get("ids"))


def _scope(world: World, body: dict[str, Any]) -> Scope:
    sources = {}
    for name in ("campaign", "program", "my", "trigger"):
        sources[name] = body.get(name, {})
        if not isinstance(sources[name], dict):
            raise RequestInvalid(f"{name} must be an object of token names")
    return Scope(
        **sources,
        munchkin_id=world.marketo.options.munchkin_id,
        now=world.clock.today(),
        fields=dict(world.marketo.fields),
    )


def _leads(world: World, ids: Any) -> list[Lead]:
    if not isinstance(ids, list) or not ids:
        raise RequestInvalid("ids must be a list of lead ids")
    store = world.marketo.store.leads
    if missing := [n for n in ids if n not in store]:
        raise RequestInvalid(f"no lead has the id {', '.join(map(str, missing))}")
    # Copies: the lead may change while the calls are under way.
    return [dict(store[n]) for n in ids]
