"""What people do to records, by the control API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sandbox.hubspot.merges import DELETED, merge
from sandbox.options import RequestInvalid

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState, Record


def change(state: HubSpotState, body: object) -> str:
    """{id} with one of: values, merge_into, archive, forget; the id that stays.

    Raises:
        RequestInvalid: no such record, or nothing to do.
    """
    given: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    record = state.records.get(str(given.get("id", "")))
    if record is None:
        raise RequestInvalid("id must be that of a record")
    if isinstance(given.get("values"), Mapping):
        values = {name: str(v) for name, v in given["values"].items()}
        state.change(record, values, by_app=False)
    elif "merge_into" in given:
        winner = state.records.get(str(given["merge_into"]))
        if winner is None or winner is record or winner.kind != record.kind:
            raise RequestInvalid("merge_into must be the id of another such record")
        return merge(state, record, winner, by_app=False).id
    elif isinstance(given.get("archive"), bool):
        _archive(state, record, is_archived=given["archive"])
    elif given.get("forget") is True:
        # As the law demands: two events, and nothing left.
        del state.records[record.id]
        state.tell(record, "privacyDeletion", by_app=False)
        state.tell(record, "deletion", DELETED, by_app=False)
    else:
        raise RequestInvalid("say values, merge_into, archive or forget")
    return record.id


def _archive(state: HubSpotState, record: Record, *, is_archived: bool) -> None:
    if record.is_archived == is_archived:
        return
    record.is_archived = is_archived
    if is_archived:
        state.tell(record, "deletion", DELETED, by_app=False)
    else:
        state.tell(record, "restore", by_app=False)
