"""docs/6sense.md: every promise of 6sense's document, with tests that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from app.sixsense import PRODUCTS
from sandbox.server import Sandbox
from sandbox.sixsense.operations import OPERATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "6sense.md").read_text("utf-8")
PROMISES = re.findall(
    r"^\| (S\d+) \| (.*?) \| L?\d*",
    (ROOT / "tests" / "contract" / "sixsense" / "features.md").read_text("utf-8"),
    re.MULTILINE,
)
ROWS = re.findall(r"^\| (S\d+) \| (.*?) \| ([\w ]+) \| (.*?) \|$", PAGE, re.MULTILINE)
CURLS = re.findall(r"^\$ curl .*", PAGE, re.MULTILINE)
TOKEN = "d4" * 20


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox() as found:
        yield found


def test_every_promise_has_its_row_once_and_in_order() -> None:
    assert [row for row, *_ in ROWS] == [f"S{n}" for n in range(1, 152)]
    assert [(row, what) for row, what, *_ in ROWS] == PROMISES


def test_every_row_is_proved_by_tests_that_exist_or_says_why_not() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^\s*def (test_\w+)\(", path.read_text("utf-8"), re.M)
    }
    for row, _, state, proof in ROWS:
        named = re.findall(r"`(test_\w+)`", proof)
        assert not set(named) - there, row
        words = re.sub(r"`.*?`|[,;. ]", "", proof)
        if state == "true":
            assert named, row
            assert not words, f"{row} is true, and says more: {words}"
        else:
            assert state in ("not applicable", "not yet"), row
            assert len(words) > 20, f"{row} does not say why"


def test_every_contradiction_has_its_row() -> None:
    rows = re.findall(r"^\| (I\d+) \| \S.*? \| \S.*? \|$", PAGE, re.MULTILINE)
    assert rows == [f"I{n}" for n in range(1, 53)]


def test_every_product_stands_on_the_page_with_its_call() -> None:
    for name, product in PRODUCTS.items():
        (line,) = (
            line
            for line in PAGE.splitlines()
            if line.startswith("| ") and f"| `{product.info.path_alias}` |" in line
        )
        assert f"`{name}`" in line
        assert f".6sense.com{product.path}`" in line
        pool = (product.info.pool or "none").replace("-", " ")
        assert pool in line.lower().replace("-", " ")
        for given in product.info.inputs:
            assert f"`{given}`" in PAGE


def test_the_page_names_what_6sense_once_called_its_products() -> None:
    for former in ("Company Details", "Lead Enrichment", "Lead Enrichment and Scoring"):
        assert former in PAGE


def test_the_page_says_where_tokens_come_from() -> None:
    text = " ".join(PAGE.split())
    for said in (
        "Company Identification is made on 6sense's API Token Management page",
        "the others come from 6sense support",
        "the one for Lead Scoring is generated for you",
        "Credits are arranged with your customer success manager",
        "Scores and segments appear only if they are switched on in 6sense",
    ):
        assert said in text


def test_curl_shows_every_operation() -> None:
    paths = {urlsplit(f"//{_parts(line)[0]}").path for line in CURLS}
    assert paths == {operation.path for operation in OPERATIONS}


@pytest.mark.parametrize("line", CURLS, ids=range(len(CURLS)))
def test_every_curl_line_of_the_page_is_answered(box: Sandbox, line: str) -> None:
    address, headers, body = _parts(line)
    url = box.url + address.removeprefix("localhost:9100")
    form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    method = "POST" if body else "GET"
    answer = requests.request(
        method, url, data=body, headers={**form, **headers}, timeout=10
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    known = ("acme.example", "Munich", '"product": "Platform"')
    assert any(word in answer.text for word in known)


def _parts(line: str) -> tuple[str, dict[str, str], str | None]:
    """Address, headers and body of a curl line."""
    words = iter(shlex.split(line)[2:])
    address, headers, body = "", {}, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-s":
            address = word
    return address, headers, body


def test_the_python_of_the_page_runs(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIXSENSE_TOKEN", TOKEN)
    monkeypatch.setenv("SIXSENSE_URL", box.url)
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(text, names)  # noqa: S102  the page's own words
    answers = names["answers"]
    assert isinstance(answers, dict)
    assert set(answers) == set(PRODUCTS)
    assert {answer.result for answer in answers.values()} == {"matched"}
    # Of the last of three pages.
    assert len(names["names"]) == 30  # type: ignore[arg-type]
