"""`leadbridge demo` takes everything with it when it is told to stop."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.one_box import is_alive
from tests.stack import Process, until

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


@pytest.mark.parametrize(
    ("line", "number"),
    [("# a known company", signal.SIGHUP), ("Everything stays up", signal.SIGTERM)],
)
def test_a_stopped_demo_leaves_no_process_and_no_folder(
    tmp_path: Path, line: str, number: int
) -> None:
    environ = {name: os.environ[name] for name in INHERITED if name in os.environ}
    arguments = ["-u", "-m", "app", "demo", "--stay", "--port", "0"]
    demo = Process("demo", arguments, environ, tmp_path / "demo.log")
    try:
        demo.await_line(line, within_s=60)
        family = family_of(demo)
        names = {word for each in family for word in each.cmdline()}
        assert {"sandbox", "web", "worker"} <= names
        folder = folder_of(family)
        demo.popen.send_signal(number)
        assert demo.popen.wait(30) == 128 + number
        until(lambda: not any(map(is_alive, family)), "every process to go")
        # Long enough for a lock file to be made anew.
        time.sleep(0.2)
        assert not folder.exists()
    finally:
        demo.kill()


def family_of(demo: Process) -> list[psutil.Process]:
    """Everything that the demo started; the database is no child of its."""
    children = psutil.Process(demo.popen.pid).children(recursive=True)
    text = (folder_of(children) / "postgres" / "postmaster.pid").read_text()
    postmaster = psutil.Process(int(text.split("\n", 1)[0]))
    return [*children, postmaster, *postmaster.children(recursive=True)]


def folder_of(family: list[psutil.Process]) -> Path:
    """The demo's folder, from where its worker's database is."""
    (worker,) = (each for each in family if "worker" in each.cmdline())
    found = re.search(r"host=(.+)/postgres", worker.environ()["DATABASE_URL"])
    assert found
    return Path(found[1])
