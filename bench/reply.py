"""What a reply with values takes beyond the 6sense call inside it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import requests

from bench.installation import SECRET, Ground, Installation
from bench.scale import Scale
from bench.table import Row

MAPPING = """\
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
reply: {values: {within: 8 s}}
outcome: {result: sixsenseResult, at: sixsenseCheckedAt}
lookups: {sixsense: {api: lead-scoring-and-firmographics, send: {email: lead.email}}}
fields:
  sixsenseIntent:
    from: sixsense.scores[product=Platform].company_intent_score
    write: always
  sixsenseEmployees: {from: sixsense.company.employee_count}
  sixsenseIndustry: {from: sixsense.company.industry, write: if-empty}
  sixsenseSegments:
    from: sixsense.segments.names
    join: "; "
    max: 255
    cut: items
    write: always
"""


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """One webhook at a time; the call's own time is the one in the ledger."""
    folder = ground.folder / "reply-mappings"
    folder.mkdir()
    (folder / "marketo.yaml").write_text(MAPPING)
    with ground.installation(
        MAPPINGS_DIR=str(folder), SIXSENSE_RATE_LIMIT="1000000"
    ) as box:
        box.start_web()
        ground.upstreams("reset", sixsense_ms=150)
        took = sorted(_beyond(box, scale.replies))
    p50, p95 = took[len(took) // 2], took[min(len(took) - 1, int(len(took) * 0.95))]
    say(f"reply: p50 {p50:.1f} ms, p95 {p95:.1f} ms beyond the call")
    yield Row(
        "sync reply beyond the 6sense call",
        f"p50 {p50:.1f} ms, p95 {p95:.1f} ms",
        f"{len(took)} webhooks, one at a time, 6sense at 150 ms",
        "p50 10 ms",
        "p50 5 ms",
        p50 <= 10,
    )


def _beyond(box: Installation, count: int) -> list[float]:
    """Milliseconds of each reply that 6sense had no part in."""
    whole: list[float] = []
    with requests.Session() as sender:
        # The first ones open connections, in each of the processes.
        for lead_id in range(1, count + 9):
            body = {
                "id": lead_id,
                "email": f"p{lead_id}@c{lead_id}.example",
                "sixsenseEmployees": "",
                "sixsenseIndustry": "",
            }
            started = time.perf_counter()
            answer = sender.post(
                box.web_url,
                data=json.dumps(body),
                headers={"X-Leadbridge-Secret": SECRET},
                timeout=30,
            )
            whole.append((time.perf_counter() - started) * 1000)
            if answer.json()["status"] != "matched":
                raise RuntimeError(f"no values in the reply: {answer.text}")
    calls = box.query("select ms from enrichments order by id")
    return [one - row.ms for one, row in zip(whole, calls, strict=True)][8:]
