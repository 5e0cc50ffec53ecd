"""How long a start takes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import requests

from bench.installation import ROOT, Ground
from bench.scale import Scale
from bench.table import Row

_LONGEST_S = 30.0


def measure(ground: Ground, scale: Scale, say: Callable[[str], None]) -> Iterator[Row]:
    """Web from its start to an accepted webhook; and the help text."""
    took = [_first_webhook_s(ground) for _ in range(scale.starts)]
    say("cold start: " + ", ".join(f"{one:.2f} s" for one in took))
    middle = median(took)
    yield Row(
        "cold start to the first accepted webhook",
        f"{middle:.2f} s",
        f"median of {len(took)}, database up, its schema current",
        "2 s",
        "1 s",
        middle <= 2,
    )
    helped = [_help_s() for _ in range(scale.starts + 2)]
    yield Row(
        "leadbridge --help", f"{median(helped):.2f} s", f"median of {len(helped)}"
    )


def _first_webhook_s(ground: Ground) -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with ground.installation(PORT=str(port)) as box:
        box.web_url = f"http://127.0.0.1:{port}/webhooks/marketo"
        started = time.monotonic()
        box.web = box.start("web")
        while time.monotonic() - started < _LONGEST_S:
            try:
                box.post()
            except requests.ConnectionError:
                time.sleep(0.005)
            else:
                return time.monotonic() - started
    raise RuntimeError(f"web accepted nothing within {_LONGEST_S:g} s")


def _help_s() -> float:
    started = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "app", "--help"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=30,
    )
    return time.monotonic() - started
