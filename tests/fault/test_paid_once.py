"""What 6sense has been paid for it is not paid again: its own count, and ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.stack import NO_LIMITS, SECRET, UNLIMITED, Stack

MARKETO = {
    "MARKETO_CLIENT_ID": "sandbox-client",
    "MARKETO_CLIENT_SECRET": "sandbox-secret",
    "MARKETO_WEBHOOK_SECRET": SECRET,
}

#: Three mapping files for each account, and what each writes. Every file reads the
#: title, so that another title is another event.
HEAD = """\
mapping: 1
source: {source}
object: lead
match: {{by: id, from: lead.id}}
skip_when: {{lead.title: {{is: nobody}}}}
lookups:
  asked: {lookup}
fields:
  {field}
"""
INTENT = "{from: 'asked.scores[product=Platform].company_intent_score', write: always}"
SCORES = "api: lead-scoring-and-firmographics"
ONE_PRODUCT = (
    (f"{{{SCORES}, send: {{email: lead.email}}}}", f"sixsenseIntent: {INTENT}"),
    # Another question about the same record, and one that is always asked anew.
    (
        f"{{{SCORES}, send: {{email: lead.email, title: lead.title}}}}",
        "sixsenseRegion: {from: asked.company.region, write: always}",
    ),
    (
        f"{{{SCORES}, send: {{email: lead.email}}, reuse: {{for: 0 days}}}}",
        "sixsenseDomain: {from: asked.company.domain, write: always}",
    ),
)
THREE_PRODUCTS = (
    ONE_PRODUCT[0],
    (
        "{api: company-firmographics, send: {email: lead.email}}",
        "sixsenseRegion: {from: asked.company.region, write: always}",
    ),
    (
        "{api: people-enrichment, send: {email: lead.email}}",
        "sixsenseDomain: {from: asked.company.domain, write: always}",
    ),
)
ACCOUNTS = {"marketo": ONE_PRODUCT, "marketo-two": THREE_PRODUCTS}

def write_mappings(folder: Path) -> Path:
    folder.mkdir()
    for source, files in ACCOUNTS.items():
        for n, (lookup, line) in enumerate(files, 1):
            text = HEAD.format(source=source, lookup=lookup, field=line)
            (folder / f"{source}-{n}.yaml").write_text(text)
    return folder


def post(box: Stack, people: int, events: int) -> None:
    """So many events of each account, each for one of its three mapping files."""
    # Two people of a company each: a company is not what is paid for.
    ids = range(1001, 1001 + people)
    leads = [{"id": n, "email": f"p{n}@c{n // 2}.example"} for n in ids]
    box.sandbox("leads", {"leads": leads})

    def send(n: int) -> bool:
        lead = {**leads[n % people], "title": f"title {n // people}"}
        return all(
            box.post(lead, path=f"/webhooks/{source}/{source}-{n % 3 + 1}").ok
            for source in ACCOUNTS
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(send, range(events)))


def play(
    stack: Callable[..., Stack],
    folder: Path,
    people: int,
    events: int,
    *,
    within_s: float,
) -> None:
    """The whole case: a credit for each person and account, and no more."""
    box = stack(
        mappings=write_mappings(folder / "mappings"),
        SIXSENSE_TOKEN_MARKETO_TWO="2" * 40,
        **{
            name.replace("MARKETO_", "MARKETO_TWO_"): value
            for name, value in MARKETO.items()
        },
        **UNLIMITED,
    )
    box.start_sandbox(**NO_LIMITS)
    box.environ["MARKETO_TWO_URL"] = box.sandbox_url
    box.start_web()
    box.start_worker()
    post(box, people, events)
    # Of two events of a record that wait at once, one run is made.
    made = sum(box.counts().values())
    assert made > events
    counts = box.await_final(made, within_s=within_s)
    assert set(counts) <= {"written", "kept", "skipped"}, counts
    tokens = box.state()["sixsense"]["tokens"].values()
    assert [one["credits_used"] for one in tokens] == [people, people]
    # They were asked about far more often.
    assert all(one["calls"] > 2 * people for one in tokens)
    said = json.loads(box.command("credits", "--by", "token", "--json"))
    assert said["is_estimated"]
    ours = {one["token"]: one["last_30_days"] for one in said["credits"]}
    assert ours == {"default": people, "marketo-two": people}
    by_product = json.loads(box.command("credits", "--by", "product", "--json"))
    sums = {one["product"]: one["last_30_days"] for one in by_product["credits"]}
    assert len(sums) == 3
    assert sum(sums.values()) == 2 * people
    text = box.command("credits")
    assert "Credits, estimated: counted here since" in text
    assert f"{2 * people:,}" in text


def test_a_person_is_paid_for_once_whatever_asks_of_whom(
    stack: Callable[..., Stack], tmp_path: Path
) -> None:
    play(stack, tmp_path, 50, 500, within_s=60)


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_five_thousand_events_of_five_hundred_people_cost_five_hundred_credits(
    stack: Callable[..., Stack], tmp_path: Path
) -> None:
    play(stack, tmp_path, 500, 5000, within_s=600)
