"""Sync Leads and the three forms of delete: the writes."""

from __future__ import annotations

from typing import Any

from sandbox.faults import Fault
from sandbox.journal import Call
from sandbox.marketo import values
from sandbox.marketo.envelope import MESSAGES, Refused
from sandbox.marketo.fields import COMPANY_FIELDS, Field
from sandbox.marketo.leads import Lead
from sandbox.marketo.state import MarketoState
from sandbox.state import World

#: A call with more records is refused as a whole (the code is unconfirmed).
MOST_RECORDS = 300
ACTIONS = ("createOrUpdate", "updateOnly", "createOnly", "createDuplicate")

#: Actions that make new leads; these know no `id`.
_CREATING = frozenset({"createOrUpdate", "createOnly", "createDuplicate"})


class _Skipped(Exception):
    """One record is not written; the others are."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(code)
        self.reason = {"code": code, "message": message or MESSAGES.get(code, "Error")}


def sync_leads(world: World, call: Call, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Write up to 300 records; one result for each, in the order given.

    Raises:
        Refused: 1003 for a bad action or more than 300 records, 1006 for an
            unknown lookup field, 1011 for one that cannot be looked up.

    Source: Marketo, "Sync Leads".
    """
    records = input_records(body)
    action = body.get("action") or "createOrUpdate"
    if action not in ACTIONS:
        raise Refused("1003", f"Invalid value for attribute 'action': '{action}'")
    lookup = body.get("lookupField") or "email"
    with world.lock:
        sync = _Sync(world, call, action, lookup)
        sync.check(records)
        return [sync.write(record) for record in records]


def input_records(body: dict[str, Any]) -> list[Any]:
    """The `input` list of a call.

    Raises:
        Refused: 1003 when it is missing, empty, no list or too long.
    """
    records = body.get("input")
    if not isinstance(records, list) or not records:
        raise Refused("1003", "Missing required attribute 'input'")
    if len(records) > MOST_RECORDS:
        raise Refused("1003", f"Too many records: more than {MOST_RECORDS}")
    return records


def delete_leads(
    world: World, call: Call, body: dict[str, Any]
) -> list[dict[str, Any]]:
    """Delete by id; one result for each record, in the order given."""
    results = []
    with world.lock:
        for record in input_records(body):
            wanted = record.get("id") if isinstance(record, dict) else None
            for lead in (found := world.marketo.store.find("id", [wanted])):
                world.marketo.store.delete(lead["id"])
                results.append({"id": lead["id"], "status": "deleted"})
            if not found:
                results.append(_skipped("1004", None))
    return results


class _Sync:
    """One Sync Leads call under the world's lock."""

    def __init__(self, world: World, call: Call, action: str, lookup: str) -> None:
        self.world, self.call = world, call
        self.marketo: MarketoState = world.marketo
        self.action, self.lookup = action, lookup

    def check(self, records: list[Any]) -> None:
        """Refuse the call as a whole where Marketo does."""
        fields, lookup = self.marketo.fields, self.lookup
        if not isinstance(lookup, str) or lookup not in fields:
            raise Refused("1006", f"Lookup field '{lookup}' not found")
        if not fields[lookup].searchable:
            raise Refused("1011", f"Field '{lookup}' not supported for lookup")
        if lookup == "id" and self.action != "updateOnly":
            words = f"Lookup field 'id' is not allowed with {self.action}"
            raise Refused("1003", words)
        if self.marketo.options.unknown_field == "response":
            names = [
                n for record in records if isinstance(record, dict) for n in record
            ]
            for name in names:
                if name not in fields:
                    raise Refused("1006", f"Field '{name}' not found")

    def write(self, record: Any) -> dict[str, Any]:
        """The result of one record: created, updated, or skipped with a reason."""
        try:
            if not isinstance(record, dict):
                raise _Skipped("1003", "Invalid record")
            self._strike(record)
            return self._write(record)
        except _Skipped as skipped:
            code, words = skipped.reason["code"], skipped.reason["message"]
            return _skipped(code, words)

    def _write(self, record: dict[str, Any]) -> dict[str, Any]:
        lead = self._target(record)
        new = self._stored(record, is_update=lead is not None)
        if lead is None:
            created = self.marketo.store.create(new)
            return {"id": created["id"], "status": "created"}
        self.marketo.store.update(lead, new)
        return {"id": lead["id"], "status": "updated"}

    def _target(self, record: dict[str, Any]) -> Lead | None:
        """The lead to update, or None to create one."""
        if "id" in record and self.lookup != "id":
            raise _Skipped("1003", f"Field 'id' is not allowed with {self.action}")
        key = record.get(self.lookup)
        if key in (None, ""):
            raise _Skipped(
                "1002", f"Missing value for the required parameter '{self.lookup}'"
            )
        if self.action == "createDuplicate":
            return None
        found = self.marketo.store.find(self.lookup, [key])
        if self.action == "createOnly":
            if found:
                raise _Skipped("1005")
            return None
        if len(found) > 1:
            raise _Skipped("1007")
        if not found and self.action == "updateOnly":
            raise _Skipped("1004")
        return found[0] if found else None

    def _stored(self, record: dict[str, Any], *, is_update: bool) -> dict[str, Any]:
        """The values to write; one bad field skips the whole record."""
        options, found = self.marketo.options, {}
        for name, value in record.items():
            if name == self.lookup and (is_update or name == "id"):
                continue
            field = self.marketo.fields.get(name)
            if field is None:
                raise _Skipped("1006", f"Field '{name}' not found")
            if field.read_only:
                if options.read_only_field == "ignore":
                    continue
                raise _Skipped("1003", f"Field '{name}' is read-only")
            self._check_company(field, is_update=is_update)
            try:
                found[name] = values.stored(
                    field, value,
                    lenient=options.lenient_types,
                    truncate=options.string_overflow == "truncate",
                )  # fmt: skip
            except values.ValueRefused as refused:
                raise _Skipped("1003", str(refused)) from refused
        return found

    def _check_company(self, field: Field, *, is_update: bool) -> None:
        # A new lead may bring its company along; an existing one belongs to it.
        refused = self.marketo.options.company_fields == "refuse" and is_update
        if refused and field.name in COMPANY_FIELDS:
            raise _Skipped("1021")

    def _strike(self, record: dict[str, Any]) -> None:
        fault = self.world.faults.strike_record(self.call, subjects(record))
        if fault is not None:
            raise _Skipped(fault.settings["code"], _words(fault, record))


def subjects(record: Any) -> list[str]:
    """E-mail and id of a record, in lower case, for faults to match."""
    if not isinstance(record, dict):
        return []
    given = (record.get("email"), record.get("id"))
    return [str(value).lower() for value in given if value not in (None, "")]


def _words(fault: Fault, record: dict[str, Any]) -> str | None:
    """What Marketo would say for the scripted code."""
    settings = fault.settings
    name = settings.get("field")
    if settings.get("message") or name is None:
        return settings.get("message")
    if settings["code"] == "1006":
        return f"Field '{name}' not found"
    return f"Invalid value for field '{name}' and value '{record.get(name)}'"


def _skipped(code: str, message: str | None) -> dict[str, Any]:
    words = message or MESSAGES.get(code, "Error")
    return {"status": "skipped", "reasons": [{"code": code, "message": words}]}
