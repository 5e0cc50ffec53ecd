"""Around the leads: usage, partitions, campaigns that are requested."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Response

from sandbox.marketo.envelope import Refused, success
from sandbox.marketo.state import MarketoState

MOST_CAMPAIGN_LEADS = 100


def usage(marketo: MarketoState) -> Response:
    """stats/usage.json: today's counted calls, in total and by API user."""
    today = marketo.day()
    total = marketo.calls_by_day[today]
    users = [{"userId": marketo.options.api_user, "count": total}]
    return success([{"date": today, "total": total, "users": users}])


def errors(marketo: MarketoState) -> Response:
    """stats/errors.json: today's error codes and how often each was given."""
    today = marketo.day()
    counts = marketo.errors_by_day.get(today, Counter())
    found = [{"errorCode": code, "count": n} for code, n in sorted(counts.items())]
    total = sum(counts.values())
    return success([{"date": today, "total": total, "errors": found}])


def partitions() -> Response:
    """leads/partitions.json: the one partition every lead is in."""
    words = "Initial system lead partition"
    return success([{"id": 1, "name": "Default", "description": words}])


def request_campaign(
    marketo: MarketoState, campaign: str, body: dict[str, Any]
) -> Response:
    """campaigns/{id}/trigger.json: recorded, and seen in `/_sandbox/state`.

    A defined campaign runs in the background; one that is not is recorded only.

    Raises:
        Refused: 1003 without leads, for more than 100, and for a campaign that
            is a batch one, inactive or without that trigger; 1004 for an
            unknown lead.
    """
    given = body.get("input")
    if not isinstance(given, dict):
        given = {}
    leads = given.get("leads")
    if not isinstance(leads, list) or not leads:
        raise Refused("1003", "Missing required attribute 'input.leads'")
    if len(leads) > MOST_CAMPAIGN_LEADS:
        raise Refused("1003", f"Too many leads: more than {MOST_CAMPAIGN_LEADS}")
    known = marketo.campaigns.known.get(int(campaign))
    is_batch = campaign in marketo.options.batch_campaigns
    if is_batch or (known and (known.batch or known.trigger != "requested")):
        words = f"Campaign '{campaign}' is not a trigger campaign that is requested"
        raise Refused("1003", words)
    if known and not known.active:
        raise Refused("1003", f"Campaign '{campaign}' is not active")
    ids = [lead.get("id") if isinstance(lead, dict) else None for lead in leads]
    for lead_id in ids:
        if not marketo.store.find("id", [lead_id]):
            raise Refused("1004", f"Lead '{lead_id}' not found")
    marketo.campaign_requests.append(
        {"campaign": campaign, "leads": ids, "tokens": given.get("tokens", [])}
    )
    for lead_id in ids if known else ():
        marketo.campaigns.start(known, int(str(lead_id)))
    return success([{"id": int(campaign)}])
