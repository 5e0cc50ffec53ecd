"""One installation with a HubSpot account, and what its tests do with it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from hubspot.utils.signature import Signature

from app.ledger import wakeups
from app.ledger.wakeups import Wake
from sandbox import people
from tests.stack import ROOT, Stack, email_of, new_database, until

SECRET = "sandbox-hubspot-secret"
SOURCE = ("source", "hubspot")
PRODUCT = ("product", "lead-scoring-and-firmographics")
#: Every limit is HubSpot's own; 6sense's are tested elsewhere.
SANDBOX = {"sixsense": {"rate_calls": 0}, "hubspot": {"retry_ms": 50}}
#: The worked file for new contacts, and one for changes of a contact's city. What it
#: writes to the checkboxes is the city itself, so that tests choose a bad value.
CHANGES = """
mapping: 1
source: hubspot
object: contact
on: [updated]
match: {by: id, from: lead.id}
lookups: {sixsense: {api: lead-scoring, send: {email: lead.email}}}
fields:
  sixsense_lists: {from: lead.city, write: always}
  sixsense_intent:
    from: "sixsense.scores[product=Platform].company_intent_score"
    write: always
"""
#: And one for companies, which are found by their domain.
COMPANIES = """
mapping: 1
source: hubspot
object: company
match: {by: id, from: lead.id}
lookups: {account: {api: company-firmographics, send: {domain: lead.domain}}}
fields:
  sixsense_industry: {from: account.company.industry}
  sixsense_employees: {from: account.company.employee_count}
"""


@contextmanager
def installed(server_url: str, folder: Path, **environ: str) -> Iterator[Stack]:
    """Sandbox, web and worker with one HubSpot account."""
    mappings = folder / "mappings"
    mappings.mkdir()
    shipped = ROOT / "mappings"
    (mappings / "shared").symlink_to(shipped / "shared")
    (mappings / "hubspot.yaml").write_text((shipped / "hubspot.yaml").read_text())
    (mappings / "changes.yaml").write_text(CHANGES)
    (mappings / "companies.yaml").write_text(COMPANIES)
    with new_database(server_url, f"hubspot_{time.monotonic_ns()}") as url:
        stack = Stack(
            folder,
            url,
            mappings=mappings,
            SIXSENSE_RATE_LIMIT="0",
            CRM_TIMEOUT_S="2",
            HUBSPOT_ACCESS_TOKEN="sandbox-hubspot-token",
            HUBSPOT_CLIENT_SECRET=SECRET,
            HUBSPOT_APP_ID="7315529",
            # Workflows sign with v2; whatever has v3 is judged by that.
            HUBSPOT_SIGNATURES="all",
            **environ,
        )
        try:
            stack.start_sandbox(**SANDBOX)
            stack.environ["HUBSPOT_URL"] = stack.sandbox_url
            # Signatures cover the address, so it is known before web is.
            stack.web_url = f"http://127.0.0.1:{_free_port()}"
            stack.environ["PUBLIC_URL"] = stack.web_url
            stack.start_web()
            stack.start_worker()
            yield stack
        finally:
            stack.close()


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def emptied(box: Stack) -> Stack:
    """The installation without a contact; HubSpot sends webhooks by itself."""
    box.clear(**SANDBOX)
    subscribe(box, "contact.creation", "contact.propertyChange:city")
    return box


def subscribe(box: Stack, *subscriptions: str) -> None:
    url = f"{box.web_url}/webhooks/hubspot"
    box.sandbox("hubspot/webhooks", {"url": url, "subscriptions": subscriptions})


def create(box: Stack, count: int, **more: str) -> list[int]:
    """New contacts, whose webhooks fire now."""
    ids = list(range(1001, 1001 + count))
    rows = [{"id": str(n), "email": email_of(n), **more} for n in ids]
    box.sandbox("hubspot/contacts", {"contacts": rows})
    return ids


def contacts(box: Stack) -> dict[int, dict[str, Any]]:
    """Every contact as HubSpot has it now."""
    found = box.sandbox("state", calls=0, contacts="all")["contacts"]
    return {int(key): values for key, values in found.items()}


def post(
    box: Stack,
    events: Any,
    *,
    signed: str | None = None,
    secret: str = SECRET,
    query: str = "",
) -> requests.Response:
    """One webhook, signed for the address `signed`, by default the true one.

    By HubSpot's own code, which leaves it to the caller to decode the address.
    """
    url = f"{box.web_url}/webhooks/hubspot{query}"
    body, now = json.dumps(events), str(int(time.time() * 1000))
    made = Signature.get_signature(secret, body, "v3", signed or url, "POST", now)
    headers = {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": now}
    return requests.post(url, data=body, headers=headers, timeout=30)


def event(record_id: int, **more: Any) -> dict[str, Any]:
    return {
        "eventId": 7, "subscriptionId": 1, "portalId": 48210077, "appId": 7315529,
        "occurredAt": 1793610900000, "subscriptionType": "contact.creation",
        "attemptNumber": 0, "objectId": record_id, "changeSource": "CRM_UI", **more,
    }  # fmt: skip


def expected(lead_id: int) -> dict[str, str]:
    """What mappings/hubspot.yaml makes of a contact, as HubSpot keeps it: texts."""
    answer = people.full_answer(email_of(lead_id))
    company, platform = answer["company"], answer["scores"][0]
    stage = platform["company_buying_stage"]
    return {
        "sixsense_intent": str(platform["company_intent_score"]),
        "sixsense_stage": stage.lower(),
        "sixsense_hot": "true" if stage in ("Decision", "Purchase") else "false",
        "sixsense_segments": ", ".join(answer["segments"]["names"]),
        "sixsense_employees": company["employeeCount"],
        "sixsense_revenue": company["annualRevenue"],
        "sixsense_domain": company["domain"],
        "sixsense_region": company["region"],
        "sixsense_industry": company["industry"],
        "sixsense_result": "matched",
    }


def assert_right(box: Stack, ids: Sequence[int]) -> None:
    found = contacts(box)
    wrong = {
        (n, name): f"{found[n].get(name)!r} instead of {value!r}"
        for n in ids
        for name, value in expected(n).items()
        if (found[n].get(name) or "") != value
    }
    assert not wrong, f"{len(wrong)} wrong values, such as {list(wrong.items())[:3]}"


def operations(box: Stack) -> dict[str, int]:
    found: dict[str, int] = box.state()["hubspot"]["operations"]
    return found


def let_go(box: Stack, scope: str) -> None:
    """End one pause, as its time would; the sweep sees it."""
    box.query("update pauses set until = now() where scope = :name", name=scope)
    box.query("update runs set due_at = now() where due_at > now()")


def gather(box: Stack, count: int) -> list[int]:
    """Contacts that came in by webhooks, and wait to be read for the first time."""
    box.pause(*SOURCE)
    box.pause(*PRODUCT)
    ids = create(box, count)
    until(lambda: box.counts() == {"received": count}, "all webhooks to be taken")
    return ids


def search(box: Stack) -> dict[str, Any]:
    before = len(box.logged("source searched"))
    wakeups.wake(box.database, [Wake("reconcile", "hubspot")])
    until(lambda: len(box.logged("source searched")) > before, "the search")
    return box.logged("source searched")[-1]
