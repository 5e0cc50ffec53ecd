"""What README and docs print is what the commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
#: Times differ from run to run; everything else is shown as it is.
TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{3})?Z)?")


def block_after(command: str) -> list[str]:
    """The lines below `$ command` in its block of the README."""
    match = re.search(rf"```\n\$ {re.escape(command)}\n(.*?)```", README, re.DOTALL)
    assert match, f"README has no block that begins with $ {command}"
    return TIME.sub("TIME", match[1]).splitlines()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`leadbridge` with these arguments, without settings of this machine."""
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        check=False,
    )


def test_the_readme_shows_what_the_demo_prints() -> None:
    shown = block_after("make demo")
    done = run("demo")
    assert done.returncode == 0, done.stderr
    printed = TIME.sub("TIME", done.stdout).splitlines()
    assert shown[-1] == "...", "the block ends with what was left out"
    assert printed[: len(shown) - 1] == shown[:-1]


#: The lines of the quick start that need nothing but the files.
COMMAND = re.compile(
    r"^\.venv/bin/leadbridge ((?:check|preview).*?)(?: +#.*)?$", re.MULTILINE
)


@pytest.mark.parametrize("command", COMMAND.findall(README))
def test_commands_of_the_readme_work_as_written(command: str) -> None:
    done = run(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr
