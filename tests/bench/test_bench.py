"""The bench runs; what it measures is nobody's business here."""

from __future__ import annotations

import pytest

from bench import __main__ as bench
from bench import table, wire
from bench.scale import TINY
from bench.table import Row


def test_the_smallest_rows_run() -> None:
    names = ["accept", "calls", "reply", "mapping"]
    said: list[str] = []
    rows = bench.run(names, TINY, said.append)
    assert [row.name for row in rows][:2] == [
        "accept, rate against the floor",
        "accept, p99 against the floor",
    ]
    assert len(rows) == 10
    assert all(row.measured and row.sample for row in rows)
    assert said


def test_the_table_tells_what_was_missed() -> None:
    rows = [Row("a", "1", "x", "2", "", True), Row("b", "3", "x", "2", "", False)]
    text = table.as_text([*rows, Row("c", "4", "x")])
    assert [line.split("|")[5].strip() for line in text.splitlines()[2:]] == [
        "met",
        "missed",
        "",
    ]
    assert '"verdict": "missed"' in table.as_json(rows)


@pytest.mark.parametrize("cut", [0, 5, 40])
def test_a_message_is_taken_only_when_it_is_whole(cut: int) -> None:
    whole = wire.post("/x", "h.example", b'{"a": 1}')
    buffer = bytearray(whole[:cut])
    assert wire.take_message(buffer) is None
    buffer += whole[cut:] + b"POST"
    taken = wire.take_message(buffer)
    assert taken is not None
    assert taken[1] == b'{"a": 1}'
    assert buffer == b"POST"


def test_an_unknown_row_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        bench.main(["nothing"])
    assert left.value.code == 2
    assert "no row nothing; there are: accept" in capsys.readouterr().err
