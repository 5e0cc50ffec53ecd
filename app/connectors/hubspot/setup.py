"""What to click, paste and grant in HubSpot, for the mapping files of one account.

Source: HubSpot, "Webhooks", "Apps with static auth", "Scopes"
(docs/connectors/hubspot.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from app.connectors.guide import (
    Block,
    Guide,
    Route,
    Section,
    Steps,
    Table,
    Variables,
    Words,
)
from app.connectors.hubspot.rest import ID_NAMES, PLURALS

_SUBSCRIPTIONS: Final = {
    "created": "object.creation",
    "updated": "object.propertyChange",
}
#: The id does not change, and HubSpot takes no subscription to the others.
_NOT_SUBSCRIBABLE: Final = ID_NAMES | {
    "hs_lastmodifieddate",
    "num_unique_conversion_events",
}


def guide(routes: Sequence[Route], variables: Variables) -> Guide:
    """The whole set-up; nothing is called, and no secret's value is in it."""
    source = routes[0].source if routes else "hubspot"
    sections = [_app(variables), _scopes(routes, source), *_webhooks(routes, variables)]
    return Guide(f"HubSpot, source {source}", tuple(sections))


def _app(variables: Variables) -> Section:
    steps = (
        "Make a project app with *static auth*, privately distributed (HubSpot CLI: "
        "`hs project create`); an older private app will do as long as it works. A "
        "service key has no webhooks.",
        f"Its access token goes into {variables.name('ACCESS_TOKEN')}, the client "
        f"secret into {variables.name('CLIENT_SECRET')} (two with a comma between them "
        f"during a change), the app's id into {variables.name('APP_ID')}.",
    )
    return Section("App", (Steps(steps),))


def _scopes(routes: Sequence[Route], source: str) -> Section:
    objects = sorted({PLURALS.get(r.object.lower(), r.object) for r in routes})
    rows = [
        (f"crm.{kind}.{name}.{right}", what)
        for name in objects or ["contacts"]
        for kind, right, what in (
            (
                "objects",
                "read",
                "reading records, webhooks, the search for new and changed ones",
            ),
            ("objects", "write", "writing"),
            ("schemas", "read", "names, types and options of properties"),
            (
                "schemas",
                "write",
                f"`leadbridge setup {source} --create-fields` alone; take it away",
            ),
        )
    ]
    return Section("Scopes", (Table("", ("scope", "for"), tuple(rows)),))


def _webhooks(routes: Sequence[Route], variables: Variables) -> Iterator[Section]:
    if variables.get("WEBHOOK_AUTH") == "off":
        said = (
            f"None: {variables.name('WEBHOOK_AUTH')} is off, so no webhook is taken. "
            "New and changed records are found by search instead."
        )
        yield Section("Webhooks", (Words(said),))
        return
    # One address takes all events of an app.
    urls = list(dict.fromkeys(route.url for route in routes))
    url = urls[0] if len(urls) == 1 else urls[0].rsplit("/", 1)[0] if urls else ""
    file = {
        "uid": "leadbridge_webhooks",
        "type": "webhooks",
        "config": {
            "settings": {"targetUrl": url, "maxConcurrentRequests": 10},
            "subscriptions": {"crmObjects": _subscriptions(routes)},
        },
    }
    yield Section(
        "Webhooks",
        (
            Block("src/app/webhooks/leadbridge-hsmeta.json", _json(file)),
            Words(
                "HubSpot signs the address, so PUBLIC_URL has to be the one that it "
                "calls: scheme and host, as above. Never subscribe to a property that "
                "is written here."
            ),
        ),
    )
    yield Section(
        "Or from a workflow",
        (
            Steps(
                (
                    "Action *Send a webhook*, POST; *Customize request body* with the "
                    "keys below for the address.",
                    "Authentication *Request signature* with the app's id. It is of "
                    f"the older kind, so set {variables.name('SIGNATURES')}=all.",
                )
            ),
            *(Block(route.url, _json(_body(route))) for route in routes),
        ),
    )


def _body(route: Route) -> dict[str, str]:
    """Key → what to choose for it: all that the mapping reads, and what kind it is."""
    names = [name for name in route.reads if name not in ID_NAMES]
    told = {} if route.object.lower() == "contact" else {"object": route.object.lower()}
    if route.events == ("updated",):
        told["event"] = "updated"
    return {"hs_object_id": "Record ID", **{name: name for name in names}, **told}


def _json(value: object) -> str:
    return json.dumps(value, indent=2)


def _subscriptions(routes: Sequence[Route]) -> list[dict[str, object]]:
    """To new records; and to changes of what is read, but not of what we write."""
    found: dict[str, dict[str, object]] = {}
    written = {(r.object.lower(), name) for r in routes for name in r.writes}
    for route in routes:
        about = route.object.lower()
        for event in route.events:
            for name in route.reads if event == "updated" else ("",):
                if name in _NOT_SUBSCRIBABLE or (about, name) in written:
                    continue
                one: dict[str, object] = {
                    "subscriptionType": _SUBSCRIPTIONS[event],
                    "objectType": about,
                    "active": True,
                    **({"propertyName": name} if name else {}),
                }
                found.setdefault(json.dumps(one), one)
    return list(found.values())
