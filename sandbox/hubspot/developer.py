"""What an app's developer sets by the webhooks API: the address, subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import bad, not_there
from sandbox.hubspot.properties import stamp
from sandbox.options import RequestInvalid

if TYPE_CHECKING:
    from sandbox.hubspot.subscriptions import Subscription
    from sandbox.state import World

Answer = tuple[Any, int]
#: So many deliveries in flight are too few to ask for.
TOO_FEW = 5


def get_settings(world: World, kind: str, asked: Any) -> Answer:
    """The address, and how many deliveries may be in flight."""
    _check_app(world, asked)
    hooks = world.hubspot_hooks
    if hooks.set_at is None:
        raise not_there()
    created, updated = hooks.set_at
    return {
        "targetUrl": hooks.url,
        "throttling": {
            "period": "SECONDLY",
            "maxConcurrentRequests": world.hubspot.options.max_concurrent,
        },
        "createdAt": stamp(created),
        "updatedAt": stamp(updated),
    }, 200


def put_settings(world: World, kind: str, asked: Any) -> Answer:
    """Another address, with as many deliveries in flight as asked for."""
    _check_app(world, asked)
    body = _object(asked["body"])
    url, limits = body.get("targetUrl"), body.get("throttling")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise bad("targetUrl must be a URL")
    most = limits.get("maxConcurrentRequests") if isinstance(limits, dict) else None
    if not isinstance(most, int) or isinstance(most, bool) or most <= TOO_FEW:
        raise bad(f"maxConcurrentRequests must be greater than {TOO_FEW}")
    world.hubspot_hooks.target(url, most)
    return get_settings(world, kind, asked)


def list_subscriptions(world: World, kind: str, asked: Any) -> Answer:
    """All subscriptions, in the order in which they were made."""
    _check_app(world, asked)
    rows = world.hubspot_hooks.subscriptions.values()
    return {"results": [one.as_json() for one in rows]}, 200


def get_subscription(world: World, kind: str, asked: Any) -> Answer:
    """One subscription."""
    return _one(world, asked, asked["record"]).as_json(), 200


def create_subscription(world: World, kind: str, asked: Any) -> Answer:
    """One more; paused, unless the body says that it is active."""
    _check_app(world, asked)
    try:
        made = world.hubspot_hooks.subscribe(_object(asked["body"]))
    except RequestInvalid as invalid:
        raise bad(str(invalid)) from invalid
    return made.as_json(), 201


def update_subscription(world: World, kind: str, asked: Any) -> Answer:
    """Pause one, or let it go on."""
    found = _one(world, asked, asked["record"])
    return _set(world, found, _object(asked["body"])).as_json(), 200


def update_subscriptions(world: World, kind: str, asked: Any) -> Answer:
    """Pause several, or let them go on: {inputs: [{id, active}]}; all, or none."""
    rows = _object(asked["body"]).get("inputs")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise bad("Invalid input JSON: inputs must be a list of objects")
    found = [_one(world, asked, row.get("id")) for row in rows]
    for row in rows:
        _check_active(row)
    now = stamp(world.clock.today())
    shown = [
        _set(world, one, row).as_json() for one, row in zip(found, rows, strict=True)
    ]
    return {
        "status": "COMPLETE",
        "results": shown,
        "startedAt": now,
        "completedAt": now,
    }, 200


def delete_subscription(world: World, kind: str, asked: Any) -> Answer:
    """One less."""
    del world.hubspot_hooks.subscriptions[_one(world, asked, asked["record"]).id]
    return None, 204


def _check_app(world: World, asked: Any) -> None:
    if asked["app"] != world.hubspot.options.app_id:
        raise not_there()


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad("Invalid input JSON")
    return body


def _one(world: World, asked: Any, own: Any) -> Subscription:
    _check_app(world, asked)
    text = str(own)
    known = world.hubspot_hooks.subscriptions
    found = known.get(int(text)) if text.isdecimal() and len(text) < 19 else None
    if found is None:
        raise not_there()
    return found


def _check_active(row: dict[str, Any]) -> None:
    if not isinstance(row.get("active"), bool):
        raise bad("active must be true or false")


def _set(world: World, one: Subscription, row: dict[str, Any]) -> Subscription:
    _check_active(row)
    one.is_active, one.updated = row["active"], world.clock.today()
    return one
