"""The examples of docs/sandbox.md work as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "sandbox.md"
EXAMPLES = re.findall(
    r"curl -s '?localhost:9100(/[^' ]*)'?((?:[^$`])*)", PAGE.read_text(encoding="utf-8")
)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize(("path", "rest"), EXAMPLES, ids=lambda text: text[:40].strip())
def test_an_example_of_the_page_is_answered(control: Any, path: str, rest: str) -> None:
    found = re.search(r"-d '(.*)'", rest, re.DOTALL)
    form = re.search(r"-d ([^'\s]+)", rest)
    headers = dict(re.findall(r"-H '([\w-]+): (.*?)'", rest))
    if found:
        answer = control.session.post(control.url + path, json=json.loads(found[1]))
    elif form and headers:
        answer = control.session.post(
            control.url + path,
            data=dict([form[1].split("=")]),
            headers=headers,
        )
        assert rest.strip().splitlines()[-1].startswith(answer.text[:50])
    else:
        answer = control.session.get(control.url + path, headers=headers)
    assert answer.status_code == 200, answer.text
