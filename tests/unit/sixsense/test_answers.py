"""6sense's answers for people, and calls in turn."""

from __future__ import annotations

import csv
import io

import pytest

from app.cli import answers
from app.cli.turns import OwnTurns
from app.domain import Unreadable
from app.sixsense import PRODUCTS


def test_paths_are_those_of_mapping_files() -> None:
    spec = PRODUCTS["company-identification"]
    data = spec.canonical(
        {
            "company": {"name": "Acme", "industry_v2": {"industry": "Retail"}},
            "scores": [{"product": "Core", "intent_score": 0, "is_6qa": False}],
            "segments": {"ids": [1, 2], "names": ["a", "b"]},
            "confidence": "Low",
        }
    )
    assert dict(answers.paths_of(spec.info.fields, data)) == {
        "company.name": "Acme",
        "company.industry_v2[0].industry": "Retail",
        "scores[product=Core].is_6qa": False,
        "scores[product=Core].company_intent_score": 0,
        "segments.ids": [1, 2],
        "segments.names": ["a", "b"],
        "confidence": "Low",
    }


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+49 89 5550100", "'+49 89 5550100"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "' =1"),
        ("\r=1", "' =1"),
        (["=a", "b"], "'=a; b"),
        (Unreadable("=1"), "'=1"),
        ("a=b", "a=b"),
        (-5, "-5"),
        (0, "0"),
        (True, "yes"),
        (None, ""),
        ('a,"b"\nc', 'a,"b" c'),
    ],
)
def test_a_cell_is_no_formula(
    capsys: pytest.CaptureFixture[str], value: object, cell: str
) -> None:
    answers.print_csv(("path",), [[value], ["end"]])
    (heading,), *rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert heading == "path"
    assert rows == [[cell], ["end"]]


def test_a_terminal_is_told_nothing_but_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers.print_table(("path", "value"), [("a", "\x1b[2J[red]x[/red] \u202eevil")])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[red]x[/red]" in shown


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


def test_without_a_database_a_command_keeps_the_limit_itself() -> None:
    clock, told = Clock(), list[float]()
    turns = OwnTurns(3, 60.0, told.append, now=clock.now, sleep=clock.sleep)
    ends = []
    for _ in range(7):
        with turns.turn():
            clock.at += 1.0
        ends.append(clock.at)
    assert clock.slept == [58.0, 58.0]
    assert told == clock.slept
    for first, fourth in zip(ends, ends[3:], strict=False):
        assert fourth - 1.0 - first >= 60.0


def test_no_limit_means_no_wait() -> None:
    clock = Clock()
    turns = OwnTurns(0, 60.0, lambda _: None, now=clock.now, sleep=clock.sleep)
    for _ in range(300):
        with turns.turn():
            pass
    assert clock.slept == []
