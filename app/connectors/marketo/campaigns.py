"""Trigger campaigns that are requested for people.

Source: Adobe, "Request Campaign" (docs/connectors/marketo.md, "Going on").
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from app.connectors.marketo.records import wire_id
from app.connectors.marketo.rest import Rest
from app.errors import RecordMissing, RequestRefused

#: "Lead not found", here for the whole call.
_MISSING_CODES: Final = frozenset({"1004", "1013"})


def request_campaign(
    rest: Rest, campaign_id: str, lead_ids: Sequence[str], timeout_s: float
) -> None:
    """Request a campaign for up to 100 people, in one call.

    Raises:
        RecordMissing: one of them is not there; nothing was started.
        RequestRefused: it is no trigger campaign that can be requested.
    """
    ids = [wire_id(one) for one in lead_ids]
    if None in ids:
        raise RecordMissing("the id is not one of Marketo's", code="id-malformed")
    if not ids:
        return
    body = json.dumps({"input": {"leads": [{"id": number} for number in ids]}})
    try:
        rest.call(
            "POST",
            f"/rest/v1/campaigns/{campaign_id}/trigger.json",
            operation="campaigns.trigger",
            body=body.encode(),
            read_timeout_s=timeout_s,
        )
    except RequestRefused as error:
        if error.code in _MISSING_CODES:
            raise RecordMissing(str(error), code=error.code) from error
        raise
