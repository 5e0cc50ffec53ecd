"""`/oauth/.../token`: access tokens that end, for three kinds of grant."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import Failed

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState
    from sandbox.state import World

SCOPES = [
    f"crm.{area}.{plural}.{verb}"
    for area in ("objects", "schemas")
    for plural in ("contacts", "companies")
    for verb in ("read", "write")
]
#: HubSpot's words of v1; whether the later versions say the same is unconfirmed.
_WORDS = {
    "BAD_CLIENT_ID": "missing or unknown client id",
    "BAD_CLIENT_SECRET": "missing or invalid client secret",
    "BAD_GRANT_TYPE": "missing or unknown grant type",
    "BAD_REFRESH_TOKEN": "missing or invalid refresh token",
    "BAD_AUTH_CODE": "missing or unknown auth code",
}


def token(world: World, kind: str, asked: Any) -> tuple[Any, int]:
    """A new access token; those given before live on until they end."""
    state, form = world.hubspot, asked["body"]
    options = state.options
    if form.get("client_id") != options.client_id:
        raise _refused("BAD_CLIENT_ID")
    if form.get("client_secret") != options.client_secret:
        raise _refused("BAD_CLIENT_SECRET")
    grant = form.get("grant_type")
    _check_grant(state, grant, form)
    made = f"sandbox-{uuid.uuid4().hex}"
    state.tokens[made] = state.clock.now() + options.token_lifetime_s
    body = {
        "token_type": "bearer",
        "access_token": made,
        "expires_in": options.token_lifetime_s,
        "hub_id": options.portal_id,
        "scopes": SCOPES,
    }
    if grant != "client_credentials":
        body["refresh_token"] = options.refresh_token
    return body, 200


def _check_grant(state: HubSpotState, grant: Any, form: dict[str, str]) -> None:
    options = state.options
    if grant == "refresh_token":
        if form.get("refresh_token") != options.refresh_token:
            raise _refused("BAD_REFRESH_TOKEN")
    elif grant == "authorization_code":
        code = form.get("code", "")
        if code != options.authorization_code or code in state.used_codes:
            raise _refused("BAD_AUTH_CODE")
        state.used_codes.add(code)
    elif grant != "client_credentials":
        raise _refused("BAD_GRANT_TYPE")


def _refused(status: str) -> Failed:
    own = str(uuid.uuid4())
    return Failed({"status": status, "message": _WORDS[status], "correlationId": own})
