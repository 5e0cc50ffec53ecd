"""HubSpot's error bodies."""

from __future__ import annotations

import json
import uuid
from typing import Any

#: operation → the last part of the scope that it needs.
_NEEDS = {
    "batch_read": "read",
    "search": "read",
    "get": "read",
    "properties": "read",
    "property": "read",
}
_SCHEMAS = ("properties", "property", "create_property")
_LINK = "https://developers.hubspot.com/scopes"
#: HubSpot's words for the statuses that faults bring; their bodies are unconfirmed.
_STATUSES = {
    423: "This resource is locked by another operation. Try again in a moment.",
    477: "This account is being moved between data centers. Try again later.",
}


class Failed(Exception):
    """A refusal of a whole call."""

    def __init__(self, body: Any, status: int = 400) -> None:
        super().__init__(str(status))
        self.body = body
        self.status = status


def error(message: str, category: str, **more: Any) -> dict[str, Any]:
    """An error body; what is None among `more` is left out."""
    return {
        "status": "error",
        "message": message,
        "correlationId": str(uuid.uuid4()),
        "category": category,
        **{name: value for name, value in more.items() if value is not None},
    }


def bad(message: str, **more: Any) -> Failed:
    """The refusal of a call that makes no sense."""
    return Failed(error(message, "VALIDATION_ERROR", **more))


def not_there() -> Failed:
    """The refusal of a call about one thing that is not there."""
    return Failed(error("resource not found", "OBJECT_NOT_FOUND"), 404)


def unauthorized() -> dict[str, Any]:
    """The body of a 401."""
    return error(
        "Authentication credentials not found. This API supports OAuth 2.0 "
        "authentication and you can find more details at "
        "https://developers.hubspot.com/docs/methods/auth/oauth-overview",
        "INVALID_AUTHENTICATION",
    )


def expired(seconds: float) -> dict[str, Any]:
    """The body of a 401 for a token by OAuth that ended so long ago."""
    return error(
        "The OAuth token used to make this call expired "
        f"{int(seconds // 60)} minute(s) ago.",
        "EXPIRED_AUTHENTICATION",
    )


def lacks_scope(operation: str, plural: str) -> dict[str, Any]:
    """The body of a 403, with the scope that the operation needs."""
    area = "schemas" if operation in _SCHEMAS else "objects"
    scope = f"crm.{area}.{plural}.{_NEEDS.get(operation, 'write')}"
    return error(
        "This app hasn't been granted all required scopes to make this call. "
        f"Read more about required scopes here: {_LINK}.",
        "MISSING_SCOPES",
        errors=[
            {
                "message": "One or more of the following scopes are required.",
                "context": {"requiredGranularScopes": [scope]},
            }
        ],
        links={"scopes": _LINK},
    )


def limited(policy: str) -> dict[str, Any]:
    """The body of a 429 by one of the policies."""
    own = str(uuid.uuid4())
    return {
        "status": "error",
        "message": f"You have reached your {policy.lower()} limit.",
        "errorType": "RATE_LIMIT",
        "correlationId": own,
        "policyName": policy,
        "requestId": own,
    }


def secondly() -> dict[str, Any]:
    """The body of a 429 to a search."""
    return error("You have reached your secondly limit.", "RATE_LIMITS")


def of_status(status: int) -> dict[str, Any]:
    """The body that goes with a status that a fault brings."""
    if status == 401:
        return unauthorized()
    if status == 403:
        return lacks_scope("batch_update", "contacts")
    if status == 404:
        return error("resource not found", "OBJECT_NOT_FOUND")
    if status == 429:
        return limited("TEN_SECONDLY_ROLLING")
    words = _STATUSES.get(status, "Something went wrong. Please try again.")
    return error(words, f"HTTP_{status}")


def missing(
    kind: str, ids: list[str], traces: list[str] | None = None
) -> list[dict[str, Any]]:
    """The one error of a batch that names every id that is not there; or none."""
    if not ids:
        return []
    context = {"ids": ids, **({"objectWriteTraceId": traces} if traces else {})}
    said = (
        f"Could not get some {kind.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid."
    )
    return [
        {
            "status": "error",
            "category": "OBJECT_NOT_FOUND",
            "message": said,
            "context": context,
        }
    ]


def invalid(problems: list[dict[str, Any]], error_list: str = "whole") -> Failed:
    """The refusal of values: all of them in the message, and in `errors` so many."""
    listed = json.dumps(problems, separators=(",", ":"), ensure_ascii=False)
    errors: list[dict[str, Any]] | None = [
        {
            "message": one["message"],
            "code": one["error"],
            "context": {"propertyName": [one["name"]]},
        }
        for one in problems
    ]
    if error_list != "whole":
        errors = errors[:1] if errors and error_list == "first" else None
    return bad(f"Property values were not valid: {listed}", errors=errors)


def traced(problem: dict[str, Any], trace: str) -> dict[str, Any]:
    """The error of one record of a batch, told by its trace id."""
    return {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "code": problem["error"],
        "message": problem["message"],
        "context": {
            "objectWriteTraceId": [trace],
            "propertyName": [problem["name"]],
        },
    }
