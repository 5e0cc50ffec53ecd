"""A webhook as HubSpot would send it, signed, for `leadbridge send`.

The signature covers the address: it is taken only where PUBLIC_URL is that address.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from app.connectors.auth import sending_secret
from app.connectors.guide import Rehearsal, Route, Variables
from app.connectors.hubspot import signatures
from app.connectors.hubspot.webhooks import record_id_of
from app.errors import ConfigurationError

_SECRET: Final = "CLIENT_SECRET"  # noqa: S105  a setting's name


def rehearse(
    route: Route,
    event: str,
    lead: Mapping[str, Any],
    variables: Variables,
    mark: str,
) -> list[Rehearsal]:
    """The event of a subscription; with values, the body of a workflow.

    An event carries nothing of a record but its id, and of a change one property.

    Raises:
        ConfigurationError: no id, no secret, or values that nothing here brings.
    """
    record_id = record_id_of(lead.get("id") or lead.get("hs_object_id"))
    if record_id is None:
        raise ConfigurationError("A record of HubSpot has a number: id=218840001733.")
    values = {k: v for k, v in lead.items() if k not in ("id", "hs_object_id")}
    secret = sending_secret(variables, _SECRET)
    takes_old = variables.get("SIGNATURES") == "all"
    made = []
    if len(values) <= (event == "updated"):
        body = [_event(route.object, event, record_id, values, variables, mark)]
        made.append(_signed("Subscription", route.url, body, secret, variables))
    elif secret and not takes_old:
        way = f"or set {variables.name('SIGNATURES')}=all to send what a workflow sends"
        raise ConfigurationError(
            "An event of HubSpot carries an id alone; what else is read is fetched.",
            [f"Leave out {next(iter(values))}, {way}."],
        )
    if values and (takes_old or not secret):
        flat = {"hs_object_id": record_id, **values}
        told = {"event": event, "object": route.object, "eventId": mark}
        made.append(_signed("Workflow", route.url, flat | told, secret, variables, 2))
    return made


def _event(
    about: str,
    event: str,
    record_id: str,
    values: Mapping[str, Any],
    variables: Variables,
    mark: str,
) -> dict[str, Any]:
    kind = "creation" if event == "created" else "propertyChange"
    number = int(hashlib.sha256(mark.encode()).hexdigest()[:12], 16)
    name, value = next(iter(values.items()), ("email", ""))
    changed = {"propertyName": name, "propertyValue": str(value)}
    return {
        "eventId": number,
        "subscriptionId": 1,
        "portalId": int(variables.get("PORTAL_ID") or 0),
        "appId": int(variables.get("APP_ID") or 0),
        "occurredAt": int(time.time() * 1000),
        "subscriptionType": f"{about}.{kind}",
        "attemptNumber": 0,
        "objectId": int(record_id),
        "changeSource": "CRM_UI",
        "sourceId": mark,
        **(changed if event == "updated" else {"changeFlag": "CREATED"}),
    }


def _signed(
    way: str,
    url: str,
    shown: Any,
    secret: str,
    variables: Variables,
    version: int = 3,
) -> Rehearsal:
    body = json.dumps(shown, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json"}
    if secret and version == 3:
        now = str(int(time.time() * 1000))
        headers[signatures.TIME] = now
        address = signatures.signed_address(url)
        headers[signatures.V3] = signatures.v3(secret, "POST", address, body, now)
    elif secret:
        headers[signatures.OLD_VERSION] = "v2"
        headers[signatures.OLD] = signatures.v2(secret, "POST", url, body)
    made_with = f"made with {variables.name(_SECRET)}"
    private = {signatures.V3: made_with, signatures.OLD: made_with}
    return Rehearsal(way, headers, private, body)
