"""What a mapping file costs: one record, and checking many files."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from app.connectors import CONNECTORS
from app.domain import LookupAnswer, LookupResult
from app.mapping.apply import Facts, decide
from app.mapping.load import load_mappings
from app.sixsense import PRODUCTS
from bench.installation import ROOT, Ground
from bench.scale import Scale
from bench.table import Row
from sandbox import people

_API = "lead-scoring-and-firmographics"
_MAPPINGS = ROOT / "mappings"
_TESTS_A_FILE = 20


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """`decide` on the worked mapping for Marketo; then `check` and `test`."""
    del ground
    ms = _decide_ms()
    say(f"mapping one record: {ms:.3f} ms")
    yield Row(
        "mapping one record",
        f"{ms:.3f} ms",
        "mappings/marketo.yaml, median of 7 x 300",
        "0.3 ms",
        "0.1 ms",
        ms <= 0.3,
    )
    yield from _check(scale.mapping_files, say)


def _decide_ms() -> float:
    infos = {name: product.info for name, product in PRODUCTS.items()}
    mapping = next(
        each
        for each in load_mappings(_MAPPINGS, infos, sources=CONNECTORS)
        if each.name == "marketo"
    )
    now = datetime.now(UTC)
    data = PRODUCTS[_API].canonical(people.full_answer("jo@tubes.example"))
    answer = LookupAnswer(LookupResult.MATCHED, _API, now, data=data)
    lead = {"id": 7, "email": "jo@tubes.example", "company": "Tubes", "country": "USA"}
    facts = Facts(lead, now, source="marketo", answers={"sixsense": answer})
    current = dict.fromkeys(mapping.current_fields)
    rounds = []
    for _ in range(7):
        started = time.perf_counter()
        for _ in range(300):
            decide(mapping, facts, current=current, last_written={}, now=now)
        rounds.append((time.perf_counter() - started) / 300)
    return 1000 * median(rounds)


def _check(files: int, say: Callable[[str], None]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="leadbridge-bench-") as name:
        folder = Path(name)
        tests = _write_files(folder, files)
        checked = _command_s("check", folder)
        tested = _command_s("test", folder)
    say(f"check {checked:.1f} s, test {tested:.1f} s")
    for command, took in (("check", checked), ("test", tested)):
        yield Row(
            f"{command} of {files} files with {tests:,} tests",
            f"{took:.1f} s",
            "the whole command, its start included",
            "6 s",
            "3 s",
            took <= 6,
        )


def _write_files(folder: Path, files: int) -> int:
    """Copies of the worked mapping, each with its tests several times over."""
    shutil.copytree(_MAPPINGS / "shared", folder / "shared")
    head, _, tests = (_MAPPINGS / "marketo.yaml").read_text().partition("\ntests:\n")
    single = len(re.findall(r"^  - (?:\{)?name:", tests, re.M))
    times = max(1, _TESTS_A_FILE // single)
    numbered = [
        re.sub(r"^(  - (?:\{)?name: )", rf"\g<1>{n} ", tests, flags=re.M)
        for n in range(times)
    ]
    for number in range(files):
        # A source each: one field of one source has one owner.
        own = head.replace("source: marketo\n", f"source: marketo-{number}\n")
        text = f"{own}\ntests:\n{''.join(numbered)}"
        (folder / f"marketo-{number}.yaml").write_text(text)
    return files * single * times


def _command_s(command: str, folder: Path) -> float:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "app", command, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command} found something:\n{done.stdout[-2000:]}")
    return time.monotonic() - started
