"""Whatever comes in, the sandbox answers as the vendor would, never with a bug."""

from __future__ import annotations

import json
from typing import Any

import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.server import Sandbox

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(
    ["id", "email", "sixsenseIntent", "sixsenseHot", "sixsenseRevenue", "sixsenseNote",
     "sixsenseCheckedAt", "company", "updatedAt", "nope", "leadPartitionId"]
)  # fmt: skip
records = st.dictionaries(names, json_values, max_size=4) | json_values
bodies = st.fixed_dictionaries(
    {"input": st.lists(records, min_size=1, max_size=4)},
    optional={
        "action": st.sampled_from(["updateOnly", "createOnly", "createDuplicate"])
        | json_values,
        "lookupField": names | json_values,
    },
)
UNLIMITED = {"rate_calls": 0, "daily_quota": 0}


@settings(max_examples=150, deadline=None)
@given(body=bodies)
def test_sync_leads_answers_in_its_envelope(
    running: Sandbox, http: requests.Session, body: Any
) -> None:
    running.world.configure({"marketo": UNLIMITED})
    with running.world.lock:
        now = running.world.clock.now()
        token, _ = running.world.marketo.token.current(now, 3600)
    answer = http.post(
        f"{running.url}/rest/v1/leads.json",
        data=_loose_json(body),
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        },
    )
    assert answer.status_code == 200
    found = answer.json()
    if found["success"]:
        assert len(found["result"]) == len(body["input"])
    else:
        assert found["errors"][0]["code"].isdigit()


@settings(max_examples=60, deadline=None)
@given(body=json_values | st.lists(st.dictionaries(names, json_values, max_size=3)))
def test_control_refuses_in_words(
    running: Sandbox, http: requests.Session, body: Any
) -> None:
    raw = _loose_json(body)
    for path in ("faults", "config", "leads", "marketo/call-webhook"):
        answer = http.post(f"{running.url}/_sandbox/{path}", data=raw)
        assert answer.status_code in (200, 400), answer.text
        assert answer.json()


def _loose_json(body: Any) -> bytes:
    """JSON as sloppy clients write it: NaN and lone surrogates included."""
    return json.dumps(body).encode()
