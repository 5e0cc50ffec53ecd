"""Answers as they were recorded or printed, replayed: keys, order, types, absences.

Each file of recorded/ has its `source`, the `request`, what comes `before` it, and
the `answer`. Ids, counts, times and tokens are compared by their form. `pick`: of the
lists in the answer, only entries that the example has count.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent / "recorded"
EXAMPLES = sorted(FOLDER.glob("*.json"))

FORMS = {
    "request id": r"[0-9a-f]+#[0-9a-f]{11,12}",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "day": r"\d{4}-\d\d-\d\d",
    "token": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:sj",
    "uuid": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "checksum": r"sha256:[0-9a-f]+",
}
#: The same, by the key that it stands under.
KEYED = {"nextPageToken": r"[A-Z2-7]{8,}=*", "marketoGUID": r"\d+"}
#: Numbers of which only the type is compared.
NUMBERS = {"id", "numberOfRecords", "fileSize", "expires_in"}


def formed(value: Any, key: str = "") -> Any:
    """The value with whatever differs from call to call replaced by its form."""
    if isinstance(value, dict):
        return {name: formed(one, name) for name, one in value.items()}
    if isinstance(value, list):
        return [formed(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and key in NUMBERS:
        return "<number>"
    if isinstance(value, str):
        if key in KEYED and re.fullmatch(KEYED[key], value):
            return f"<{key}>"
        for name, form in FORMS.items():
            if re.fullmatch(form, value):
                return f"<{name}>"
    return value


def at(entry: Any, path: str) -> Any:
    for name in path.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


def picked(answer: Any, example: Any, path: str) -> Any:
    """The answer with those entries of its lists that the example has, in its order."""
    if isinstance(example, dict) and isinstance(answer, dict):
        return {
            name: picked(one, example.get(name), path) for name, one in answer.items()
        }
    if not isinstance(example, list) or not isinstance(answer, list):
        return answer
    if not example or not isinstance(example[0], dict):
        return [one for one in example if one in answer]
    by_name = {at(one, path): one for one in answer}
    return [
        picked(by_name.get(at(one, path)), one, path) for one in example
    ]  # fmt: skip


class Player:
    """Sends the steps of an example; remembers what one of them is to `keep`."""

    def __init__(self, control: Any, marketo: Any) -> None:
        self.control, self.marketo = control, marketo
        self.kept: dict[str, str] = {}

    def send(self, step: dict[str, Any]) -> Any:
        if "control" in step:
            self.control.send("POST", step["control"], step["json"])
            return None
        headers = {}
        if "type" in step:
            headers["Content-Type"] = step["type"]
        if "token" in step:
            headers["Authorization"] = f"Bearer {step['token']}".strip()
        query = {n: self.filled(v) for n, v in step.get("query", {}).items()}
        answer = self.marketo.call(
            step["method"], self.filled(step["path"]), params=query,
            json=step.get("json"), data=step.get("form") or step.get("data"),
            headers=headers,
        )  # fmt: skip
        if name := step.get("keep"):
            body = answer.json()
            self.kept[name] = body.get(name) or body["result"][0][name]
        return answer

    def filled(self, text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return re.sub(r"\$(\w+)", lambda found: self.kept[found[1]], text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_answer_has_the_recorded_shape(
    control: Any, marketo: Any, path: Path
) -> None:
    example = json.loads(path.read_text(encoding="utf-8"))
    assert example["source"]
    control.reset(**example.get("config", {}))
    player = Player(control, marketo)
    for step in example.get("before", ()):
        player.send(step)
    answer = player.send(example["request"])
    assert answer.status_code == example.get("status", 200)
    for name, value in example.get("headers", {}).items():
        assert answer.headers[name] == value
    expected, found = example["answer"], answer.json()
    if "pick" in example:
        found = picked(found, expected, example["pick"])
    found, expected = formed(found), formed(expected)
    assert found == expected
    if not example.get("any_order"):
        assert json.dumps(found) == json.dumps(expected)


@pytest.mark.parametrize(
    "kind",
    ["token", "sync", "describe", "describe2", "schema_fields", "leads_", "delete",
     "lead_changes", "paging_token", "error_", "export_"],
)  # fmt: skip
def test_the_examples_cover_what_the_contract_prints(kind: str) -> None:
    assert any(path.stem.startswith(kind) for path in EXAMPLES)


def test_what_differs_from_the_example_is_seen() -> None:
    example = {"id": 1, "at": "2026-11-23T10:02:49Z", "code": "1004"}
    assert formed(example) == formed({**example, "id": 2, "at": "2027-01-01T00:00:00Z"})
    for other in ({"id": "1"}, {"at": "2026-11-23 10:02:49"}, {"code": "1007"}):
        assert formed(example) != formed({**example, **other})
