"""One installation for most tests of this folder; each test finds it empty."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hubspot_stack import emptied, installed
from tests.stack import ROOT, SECRET, Stack, new_database

#: During a change of the secret both are taken.
NEXT_SECRET = "the-secret-after-it"
#: The limits of both systems are tested elsewhere; here nobody waits for them.
UNLIMITED = {"sixsense": {"rate_calls": 0}, "marketo": {"rate_calls": 0}}


@pytest.fixture(scope="session")
def installation(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Sandbox, web and worker with four Marketo accounts."""
    folder = tmp_path_factory.mktemp("installation")
    with new_database(server_url, "integration") as url:
        stack = Stack(
            folder,
            url,
            mappings=all_mappings(folder / "mappings"),
            SIXSENSE_RATE_LIMIT="0",
            SIXSENSE_TIMEOUT_S="2",
            CRM_TIMEOUT_S="1",
            SETTLE_EVERY_S="0.2",
            MAX_BODY_BYTES="100000",
            CREDITS_PER_MONTH="1000000",
            SIXSENSE_TOKEN_MARKETO_FIVE="f" * 40,
            METRICS_TOKEN="a-token-for-metrics",
            MARKETO_WEBHOOK_SECRET=f"{SECRET},{NEXT_SECRET}",
        )
        try:
            stack.start_sandbox(**UNLIMITED)
            stack.environ |= {
                name.replace("MARKETO_", f"MARKETO_{number}_"): value
                for name, value in stack.environ.items()
                if name.startswith("MARKETO_")
                for number in ("TWO", "THREE", "FOUR", "FIVE")
            }
            stack.start_web()
            stack.start_worker()
            yield stack
        finally:
            stack.close()


@pytest.fixture
def box(installation: Stack) -> Stack:
    """That installation, without a lead, a pause or a fault."""
    installation.clear(**UNLIMITED)
    return installation


def all_mappings(folder: Path) -> Path:
    """The mapping files we ship, and those of the tests, in one folder."""
    shutil.copytree(ROOT / "mappings", folder)
    shutil.copytree(Path(__file__).parent / "mappings", folder, dirs_exist_ok=True)
    return folder


def sender(box: Stack, template: str, encoding: str = "JSON") -> dict[str, Any]:
    """A webhook as the sandbox's Marketo is set up to send it."""
    return {
        "url": f"{box.web_url}/webhooks/marketo",
        "headers": {"X-Leadbridge-Secret": SECRET},
        "template": template,
        "encoding": encoding,
    }


@pytest.fixture(scope="session")
def hubspot_installation(
    server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Sandbox, web and worker with one HubSpot account."""
    with installed(server_url, tmp_path_factory.mktemp("hubspot")) as stack:
        yield stack


@pytest.fixture
def hubspot(hubspot_installation: Stack) -> Stack:
    """That installation, without a contact; its webhooks fire by themselves."""
    return emptied(hubspot_installation)
