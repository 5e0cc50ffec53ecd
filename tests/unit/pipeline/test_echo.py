"""The loop guard: which events are our own writes coming back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from app.domain import LeadEvent
from app.ledger.written import HashedValue, digest
from app.pipeline.echo import is_echo

KEY = b"a-key-of-tests"
#: What the mapping reads of the lead.
READS = SimpleNamespace(lead_fields=frozenset({"email", "country"}))


def written(**values: Any) -> dict[str, HashedValue]:
    """Our last values."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return {
        name: HashedValue(at, "text", digest(KEY, "text", value), KEY)
        for name, value in values.items()
    }


@pytest.mark.parametrize(
    ("changed", "is_ours", "last", "expected"),
    [
        ({"score": "7"}, False, {"score": "7"}, True),
        ({"score": "8"}, False, {"score": "7"}, False),
        ({"score": "7", "country": "DE"}, False, {"score": "7"}, False),
        ({"score": "7"}, False, {}, False),
        # Marked as ours: what the mapping reads is an input all the same.
        ({"score": "9"}, True, {}, True),
        ({"country": "DE"}, True, {}, False),
        ({"country": "DE"}, True, {"country": "DE"}, True),
        # An event that does not say what changed is none.
        (None, True, {"score": "7"}, False),
        ({}, True, {"score": "7"}, False),
    ],
)
def test_an_echo_is_what_we_wrote_or_what_is_no_input(
    changed: Mapping[str, Any] | None,
    is_ours: bool,
    last: dict[str, Any],
    expected: bool,
) -> None:
    event = LeadEvent("lead", "1", "updated", {}, changed=changed, is_ours=is_ours)
    assert is_echo(READS, event, written(**last)) is expected  # type: ignore[arg-type]
