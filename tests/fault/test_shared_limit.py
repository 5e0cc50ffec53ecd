"""Four processes under one token: two that answer with values, and two workers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack import NO_LIMITS, Stack, email_of

MAPPING = """\
mapping: 1
source: marketo
object: lead
match: {by: id, from: lead.id}
reply: {values: {within: 8 s}}
lookups: {sixsense: {api: lead-scoring-and-firmographics, send: {email: lead.email}}}
fields:
  sixsenseIntent:
    from: sixsense.scores[product=Platform].company_intent_score
    write: always
"""


def play(box: Stack, count: int, *, seconds: float, within_s: float) -> None:
    """Leads for several windows, from twenty callers; nobody is refused by 6sense."""
    limits = {**NO_LIMITS, "sixsense": {"rate_calls": 100, "rate_seconds": seconds}}
    box.start_sandbox(**limits)
    box.start_web()
    box.start_worker()
    box.start_worker()
    ids = box.seed(count)

    def post(lead_id: int) -> str:
        lead = {"id": lead_id, "email": email_of(lead_id)}
        return str(box.post(lead).json()["status"])

    with ThreadPoolExecutor(20) as pool:
        said = set(pool.map(post, ids))
    assert said == {"accepted", "matched"}
    counts = box.await_final(count, within_s=within_s)
    assert set(counts) == {"replied", "written"}
    assert box.refused()["sixsense"] == {}
    assert box.state()["sixsense"]["calls"] == count


@pytest.fixture
def mappings(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("mappings")
    (folder / "marketo.yaml").write_text(MAPPING)
    return str(folder)


@pytest.mark.prove
@pytest.mark.timeout(300)
def test_six_windows_ten_times_shorter(
    stack: Callable[..., Stack], mappings: str
) -> None:
    box = stack(MAPPINGS_DIR=mappings, SIXSENSE_RATE_LIMIT="100", RATE_WINDOW_S="6.05")
    play(box, 600, seconds=6, within_s=90)


@pytest.mark.prove
@pytest.mark.timeout(400)
def test_three_minutes_of_the_real_clock(
    stack: Callable[..., Stack], mappings: str
) -> None:
    box = stack(MAPPINGS_DIR=mappings, SIXSENSE_RATE_LIMIT="100", RATE_WINDOW_S="60.5")
    play(box, 390, seconds=60, within_s=300)
