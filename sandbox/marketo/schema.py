"""Describe, in its three forms, and the creation of custom fields."""

from __future__ import annotations

from typing import Any

from flask import Response

from sandbox.marketo import fields
from sandbox.marketo.envelope import success
from sandbox.marketo.reads import Query, page_of
from sandbox.marketo.state import MarketoState
from sandbox.marketo.sync import input_records

MOST_NEW_FIELDS = 100


def describe(marketo: MarketoState) -> Response:
    """describe.json: every field in the recorded form."""
    return success([field.as_describe() for field in marketo.fields.values()])


def describe2(marketo: MarketoState) -> Response:
    """describe2.json: fields, and the legal filterType and lookupField values."""
    known = marketo.fields.values()
    entry = {
        "name": "API Lead",
        "searchableFields": [[field.name] for field in known if field.searchable],
        "fields": [field.as_describe2() for field in known],
    }
    return success([entry])


def schema_fields(marketo: MarketoState, query: Query) -> Response:
    """schema/fields.json, up to 300 a page."""
    rows = [field.as_schema() for field in marketo.fields.values()]
    return page_of(rows, query, "fields")


def create_fields(marketo: MarketoState, body: dict[str, Any]) -> Response:
    """Create up to 100 custom fields; one result for each, in the order given.

    Raises:
        Refused: 1003 without `input`, or for more than 300 entries.
    """
    results = []
    for place, wanted in enumerate(input_records(body)):
        try:
            if place >= MOST_NEW_FIELDS:
                raise ValueError(f"Too many fields: more than {MOST_NEW_FIELDS}")
            if not isinstance(wanted, dict):
                raise ValueError("Invalid record")
            field = fields.created(marketo.fields, wanted)
        except ValueError as error:
            reason = {"code": "1003", "message": str(error)}
            results.append({"status": "skipped", "reasons": [reason]})
            continue
        marketo.fields[field.name] = field
        results.append({"name": field.name, "status": "created"})
    return success(results)
