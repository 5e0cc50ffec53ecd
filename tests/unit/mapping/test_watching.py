"""`leadbridge test --watch`: again after each change, until ^C."""

import os
import signal

import pytest

from app import cli
from app.cli import watch as watching
from tests.mapping_parts import mapping_text
from tests.stack import Process, until

GOOD = mapping_text(
    "score: {from: lead.s}",
    "tests: [{name: a score, lead: {id: 1, email: a@t.example, s: 5}, "
    "sixsense: no-match, expect: {writes: {score: 5}}}]",
).replace("source: acme", "source: marketo")
BAD = GOOD.replace("{score: 5}", "{score: 6}")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "shared" / "list.txt").write_text("a\n")
    return tmp_path


def played(folder, *moves):
    """What is told when each look at the files finds one more move made."""
    told = []
    steps = list(moves)

    def sleep(_):
        if not steps:
            raise KeyboardInterrupt
        move = steps.pop(0)
        if move is not None:
            move()

    with pytest.raises(KeyboardInterrupt):
        watching.watch([folder], lambda: told.append("ran"), sleep=sleep)
    return told


def test_runs_once_and_again_only_when_something_has_changed(folder, capsys):
    change = lambda: (folder / "good.yaml").write_text(BAD)  # noqa: E731
    assert played(folder, None, None) == ["ran"]
    assert played(folder, None, change, None, None) == ["ran", "ran"]
    assert f"{folder / 'good.yaml'} changed" in capsys.readouterr().out


def test_a_file_that_came_and_one_that_went_are_named(folder, capsys):
    def change():
        (folder / "new.yaml").write_text(GOOD)
        (folder / "shared" / "list.txt").unlink()

    assert played(folder, change, None) == ["ran", "ran"]
    said = capsys.readouterr().out
    assert f"{folder / 'new.yaml'} is new; {folder / 'shared/list.txt'} is gone" in said


def test_a_file_that_is_taken_away_and_put_back_is_one_change(folder, capsys):
    path = folder / "good.yaml"
    back = lambda: path.write_text(BAD)  # noqa: E731
    assert played(folder, path.unlink, back, None, None) == ["ran", "ran"]
    assert "is gone" not in capsys.readouterr().out


def test_what_editors_leave_beside_a_file_is_no_change(folder):
    def change():
        (folder / ".good.yaml.swp").write_text("x")
        (folder / "good.yaml~").write_text("x")

    assert played(folder, change, None) == ["ran"]


def test_watching_as_a_process_ends_with_130(folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("log") / "watch.log"
    arguments = ("-m", "app", "test", "--watch", str(folder / "good.yaml"))
    process = Process("test --watch", arguments, os.environ, log)
    try:
        process.await_line(rf"1 test, all passed.\nWatching {folder}. \^C ends it.")
        (folder / "good.yaml").write_text(BAD)
        process.await_line(r"good.yaml changed\n.*score: expected 6, got 5")
        until(lambda: "1 test, 1 failed." in process.say(), "the second run")
        os.kill(process.popen.pid, signal.SIGINT)
        assert process.popen.wait(30) == 130
    finally:
        process.kill()


def test_watching_does_not_go_with_json(folder, capsys):
    assert cli.main(["test", str(folder), "--watch", "--json"]) == 2
    assert "--watch is for people, and --json is not" in capsys.readouterr().err
