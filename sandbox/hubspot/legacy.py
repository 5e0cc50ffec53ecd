"""A contact as the API of v1 showed it, which workflows may still send."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.merges import MERGED_IDS, additional_emails

if TYPE_CHECKING:
    from sandbox.hubspot.state import Record


def legacy_contact(record: Record, portal_id: int) -> dict[str, Any]:
    """All properties with every value they had; what of it comes today, who knows."""
    own, updated = int(record.id), int(record.updated.timestamp() * 1000)
    merged = record.properties.get(MERGED_IDS) or ""
    emails = [record.properties.get("email") or "", *additional_emails(record)]
    identities = [
        {"type": "EMAIL", "value": email, "timestamp": updated, "is-primary": n == 0}
        for n, email in enumerate(emails)
        if email
    ]
    return {
        "vid": own,
        "canonical-vid": own,
        "merged-vids": [int(one) for one in merged.split(";") if one],
        "portal-id": portal_id,
        "is-contact": True,
        "properties": {
            name: {
                "value": value,
                "versions": [_version(one) for one in record.history.get(name, ())],
            }
            for name, value in record.properties.items()
            if value
        },
        "form-submissions": [],
        "identity-profiles": [
            {"vid": own, "saved-at-timestamp": updated, "identities": identities}
        ],
        "merge-audits": [],
    }


def _version(one: dict[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(one["timestamp"])
    return {
        "value": one["value"],
        "source-type": one["sourceType"],
        "source-id": one["sourceId"],
        "timestamp": int(at.timestamp() * 1000),
        "selected": False,
    }
