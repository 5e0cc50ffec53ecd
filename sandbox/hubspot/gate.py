"""Who may call, and how often: a refusal, or None.

The limits of an account are for calls with its token; an app's settings have
none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from sandbox.hubspot import errors
from sandbox.journal import Call, masked

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState
    from sandbox.state import World

Refusal = tuple[dict[str, Any], int]


def by_token(world: World, call: Call, plural: str) -> Refusal | None:
    """The access token of the account, or one by OAuth; then scopes and limits."""
    state, now = world.hubspot, world.clock.now()
    token = bearer()
    world.journal.name_token(call, masked(token))
    if token != state.options.access_token:
        ends_at = state.tokens.get(token)
        if ends_at is None:
            return errors.unauthorized(), 401
        if ends_at <= now:
            return errors.expired(now - ends_at), 401
    if call.operation in state.options.denied:
        return errors.lacks_scope(call.operation, plural), 403
    if body := _limit(state, call.operation, now):
        world.journal.refused["hubspot", "429"] += 1
        return body, 429
    return None


def by_developer_key(world: World, call: Call, plural: str) -> Refusal | None:
    """The key of the developer account, as `hapikey`."""
    key = request.args.get("hapikey", "")
    world.journal.name_token(call, masked(key))
    if key != world.hubspot.options.developer_key:
        return errors.unauthorized(), 401
    return None


def by_body(world: World, call: Call, plural: str) -> Refusal | None:
    """The body has what shows who calls."""
    return None


def bearer() -> str:
    """The token of the request; "" when it has none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def _limit(state: HubSpotState, operation: str, now: float) -> dict[str, Any] | None:
    """What a call over a limit is answered; any other takes its place in the limits.

    Searches have a limit of their own instead of the rolling one.
    """
    options, day = state.options, state.day()
    if options.daily_calls and state.calls_by_day[day] >= options.daily_calls:
        return errors.limited("DAILY")
    if operation == "search":
        used = state.search_window.used(now, 1)
        if options.search_calls and used >= options.search_calls:
            return errors.secondly()
        state.search_window.add(now)
    else:
        used = state.window.used(now, options.burst_seconds)
        if options.burst_calls and used >= options.burst_calls:
            return errors.limited("TEN_SECONDLY_ROLLING")
        state.window.add(now)
    state.calls_by_day[day] += 1
    return None


def limit_headers(state: HubSpotState, now: float) -> dict[str, str]:
    """The headers of the limits in force; the caller holds the lock."""
    options, name = state.options, "X-HubSpot-RateLimit-"
    told: dict[str, int] = {}
    if options.burst_calls:
        used = state.window.used(now, options.burst_seconds)
        told["Max"] = options.burst_calls
        told["Remaining"] = max(0, options.burst_calls - used)
        told["Interval-Milliseconds"] = int(options.burst_seconds * 1000)
    if options.daily_calls:
        used = state.calls_by_day[state.day()]
        told["Daily"] = options.daily_calls
        told["Daily-Remaining"] = max(0, options.daily_calls - used)
    return {f"{name}{key}": str(told[key]) for key in told}
