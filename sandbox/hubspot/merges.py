"""Two records become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot.errors import bad, not_there

if TYPE_CHECKING:
    from sandbox.hubspot.state import HubSpotState, Record
    from sandbox.state import World

#: What the event of a deletion has besides.
DELETED = {"changeFlag": "DELETED"}
MORE_EMAILS, MERGED_IDS = "hs_additional_emails", "hs_merged_object_ids"


def merge_records(world: World, kind: str, asked: Any) -> tuple[Any, int]:
    """Merge by the API: {primaryObjectId, objectIdToMerge}; the one that stays."""
    body = asked["body"] if isinstance(asked["body"], dict) else {}
    ids = [str(body.get(key, "")) for key in ("primaryObjectId", "objectIdToMerge")]
    if not all(ids):
        raise bad("Some required fields were not set: [primaryObjectId]")
    if ids[0] == ids[1]:
        raise bad("An object can not be merged with itself")
    records = [world.hubspot.find(kind, "id", own) for own in ids]
    winner, loser = records
    if winner is None or loser is None or winner.is_archived or loser.is_archived:
        raise not_there()
    merge(world.hubspot, loser, winner, by_app=True)
    return winner.as_json(world.hubspot.known(kind, winner.properties)), 200


def merge(
    state: HubSpotState, loser: Record, winner: Record, *, by_app: bool
) -> Record:
    """Merge `loser` into `winner`, which stays; under a new id, if options say so.

    What only the loser had is the winner's, without an event. The caller holds
    the world's lock.
    """
    primary, gone = winner.id, [loser.id]
    moved = [
        name
        for name, value in loser.properties.items()
        if value and not winner.properties.get(name)
        if name not in (MORE_EMAILS, MERGED_IDS)
    ]
    emails = [*additional_emails(winner)]
    emails += [loser.properties.get("email") or "", *additional_emails(loser)]
    former = [winner.properties.get(MERGED_IDS), loser.properties.get(MERGED_IDS)]
    winner.properties.update({name: loser.properties[name] for name in moved})
    del state.records[loser.id]
    if state.options.merge_id == "new":
        gone.append(primary)
        del state.records[primary]
        winner.id = state.new_id()
        state.records[winner.id] = winner
    for earlier, into in state.merged.items():
        if into in gone:
            state.merged[earlier] = winner.id
    state.merged.update(dict.fromkeys(gone, winner.id))
    winner.updated = state.clock.today()
    for name in moved:
        winner.note(name, "MERGE_OBJECTS", "")
    own_email = (winner.properties.get("email") or "").casefold()
    rest = {one.casefold(): one for one in emails if one}
    rest.pop(own_email, None)
    if rest:
        winner.properties[MORE_EMAILS] = ";".join(rest.values())
    winner.properties[MERGED_IDS] = ";".join([*filter(None, former), *gone])
    state.tell(
        winner,
        "merge",
        {
            "primaryObjectId": int(primary),
            "mergedObjectIds": [int(loser.id)],
            "newObjectId": int(winner.id),
            "numberOfPropertiesMoved": len(moved),
        },
        by_app=by_app,
        # The id that was: what has a new one is found by `newObjectId` only.
        object_id=primary,
    )
    if state.options.merge_deletion:
        state.tell(loser, "deletion", DELETED, by_app=by_app)
    return winner


def additional_emails(record: Record) -> list[str]:
    """The addresses that a contact has from merges, besides its own."""
    listed = record.properties.get(MORE_EMAILS) or ""
    return listed.split(";") if listed else []
