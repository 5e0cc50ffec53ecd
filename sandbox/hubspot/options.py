"""Every switch of the HubSpot stand-in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from sandbox import options
from sandbox.options import Count, Delay, Flag, Seconds, Text, Texts

#: Options that are shown to nobody.
SECRETS = (
    "access_token",
    "client_secret",
    "refresh_token",
    "authorization_code",
    "developer_key",
)


def _number(value: object) -> str | None:
    """Check: a number in quotes."""
    good = isinstance(value, str) and value.isdecimal()
    return None if good else 'a number in quotes, such as "7315529"'


def _places(value: object) -> str | None:
    """Check: a whole number above 0."""
    good = options.count(value) is None and value != 0
    return None if good else "a whole number above 0"


def _whole(value: object) -> str | None:
    """Check: a whole number, which may be negative."""
    good = isinstance(value, int) and not isinstance(value, bool)
    return None if good else "a whole number of seconds"


@dataclass(frozen=True)
class HubSpotOptions:
    """Every switch of the HubSpot stand-in; docs/sandbox.md has one line each.

    What HubSpot leaves unsaid has a switch; its default is what was seen, or else
    the stricter answer.
    """

    access_token: Text = "sandbox-hubspot-token"  # noqa: S105  public, in the docs
    client_secret: Text = "sandbox-hubspot-secret"  # noqa: S105
    client_id: Text = "sandbox-hubspot-client"
    refresh_token: Text = "sandbox-hubspot-refresh"  # noqa: S105
    authorization_code: Text = "sandbox-hubspot-code"
    developer_key: Text = "sandbox-hubspot-developer"
    token_lifetime_s: Count = 1800
    app_id: Annotated[str, _number] = "7315529"
    portal_id: Count = 48210077
    burst_calls: Count = 190
    burst_seconds: Seconds = 10
    search_calls: Count = 5
    daily_calls: Count = 625_000
    denied: Texts = field(default_factory=list)
    latency_ms: Delay = 0
    #: So long after its making a record is not there for reads and writes.
    visible_after_ms: Count = 0

    shuffle: Flag = True
    trace_errors: Flag = False
    merge_id: Literal["winner", "new"] = "winner"
    merge_deletion: Flag = False
    merged: Literal["absent", "missing", "follow"] = "absent"
    error_list: Literal["whole", "first", "none"] = "whole"
    null_values: Literal["refuse", "clear"] = "refuse"
    stage_back: Literal["ignore", "refuse"] = "ignore"

    #: Milliseconds after which a webhook that failed is sent again, doubled each time.
    retry_ms: Count = 200
    retries: Count = 10
    timeout_s: Seconds = 5
    max_concurrent: Annotated[int, _places] = 10
    #: The time that a delivery is signed with lies so far back; negative: ahead.
    signed_ago_s: Annotated[int, _whole] = 0
    duplicates: Flag = False
    reorder: Flag = False
    object_events: Flag = False
    creation_changes: Flag = False
    creation_flag: Literal["CREATED", "NEW"] = "CREATED"
    workflow_nulls: Literal["empty", "null", "absent"] = "empty"
