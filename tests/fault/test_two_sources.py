"""Two accounts of one system: what stops the one does not hold up the other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import requests

from tests.stack import (
    ROOT,
    SECRET,
    UNLIMITED,
    Stack,
    assert_values,
    email_of,
    until,
)

STATES = "select source, state, count(*) as n from runs group by source, state"


def with_second_account(folder: Path) -> Path:
    """The mapping files we ship, and the same one for a second account."""
    mappings = folder / "mappings"
    (mappings / "shared").mkdir(parents=True)
    for path in (ROOT / "mappings").rglob("*.*"):
        (mappings / path.relative_to(ROOT / "mappings")).write_bytes(path.read_bytes())
    text = (mappings / "marketo.yaml").read_text(encoding="utf-8")
    second = text.replace("source: marketo\n", "source: marketo-eu\n")
    assert second != text
    (mappings / "marketo-eu.yaml").write_text(second, encoding="utf-8")
    return mappings


def states_of(box: Stack, source: str) -> dict[str, int]:
    """Runs of one source by state."""
    rows = box.query(STATES)
    return {row.state: row.n for row in rows if row.source == source}


def test_a_storm_of_606_on_one_account_does_not_hold_up_the_other(
    stack: Callable[..., Stack], tmp_path: Path
) -> None:
    box = stack(mappings=with_second_account(tmp_path), **UNLIMITED)
    box.start_sandbox(sixsense={"rate_calls": 0})
    other = box.run("sandbox-eu", "-m", "sandbox", "--port", "0")
    other_url = other.await_line(r"listening on (http://\S+)")[1]
    box.environ |= {
        "MARKETO_EU_URL": other_url,
        "MARKETO_EU_CLIENT_ID": "sandbox-client",
        "MARKETO_EU_CLIENT_SECRET": "sandbox-secret",
        "MARKETO_EU_WEBHOOK_SECRET": SECRET,
        "MARKETO_EU_CALL_LIMIT": "0",
    }
    box.start_web()
    box.start_worker()
    ids = box.seed(200)
    leads = [{"id": n, "email": email_of(n)} for n in ids]
    url = f"{other_url}/_sandbox/leads"
    assert requests.post(url, json={"leads": leads}, timeout=30).ok
    box.fault("marketo", "code", code="606", times="forever")
    assert box.post(leads).ok
    until(lambda: bool(box.query("select 1 from pauses")), "the first source to pause")
    assert box.post(leads, path="/webhooks/marketo-eu").ok
    until(
        lambda: states_of(box, "marketo-eu") == {"written": len(ids)},
        "all leads of the second account",
    )
    assert "written" not in states_of(box, "marketo")
    found = requests.get(
        f"{other_url}/_sandbox/state", params={"ids": "all"}, timeout=30
    ).json()["leads"]
    assert_values({int(key): lead for key, lead in found.items()}, ids)
    # A storm is waited out, not answered with calls.
    assert box.state()["marketo"]["codes"].get("606", 0) <= 4
    box.end_faults()
    box.let_waits_end()
    box.await_final(2 * len(ids))
    box.assert_right(ids)
    assert box.refused() == {"sixsense": {}, "marketo": {}}
