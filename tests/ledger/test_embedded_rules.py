"""Where the embedded server is refused: on disks that a restart empties."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.ledger import embedded

MOUNTS = """\
22 1 0:21 / / rw,relatime - overlay overlay rw,lowerdir=/a
23 22 0:22 / /proc rw - proc proc rw
24 22 8:1 / /data rw,relatime shared:1 - ext4 /dev/sda1 rw
25 22 0:23 / /data/cache rw - tmpfs tmpfs rw
26 22 8:1 / /with\\040blank rw - xfs /dev/sdb1 rw
odd line
"""


@pytest.fixture(autouse=True)
def in_a_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Takes this machine for a container."""
    mark = tmp_path / "mark"
    mark.touch()
    monkeypatch.setattr(embedded, "CONTAINER_MARKS", (tmp_path / "none", mark))
    return mark


def test_a_dyno_is_always_refused() -> None:
    said = embedded.refusal(Path("/data"), {"DYNO": "web.1"}, MOUNTS)
    assert said is not None
    assert "dyno" in said
    assert "DATABASE_URL" in said


@pytest.mark.parametrize("folder", ["/app/data", "/data/cache/x", "/database", "/"])
def test_a_containers_own_disk_is_refused(folder: str) -> None:
    said = embedded.refusal(Path(folder), {}, MOUNTS)
    assert said is not None
    assert folder in said
    assert "ALLOW_EPHEMERAL_DATABASE" in said


@pytest.mark.parametrize("folder", ["/data", "/data/leadbridge", "/with blank/x"])
def test_a_volume_of_a_container_is_taken(folder: str) -> None:
    assert embedded.refusal(Path(folder), {}, MOUNTS) is None


def test_outside_of_containers_every_disk_is_taken(in_a_container: Path) -> None:
    in_a_container.unlink()
    assert embedded.refusal(Path("/app/data"), {}, MOUNTS) is None


def test_a_data_folder_that_is_a_link_counts_by_where_it_leads(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/data")
    assert embedded.refusal(link, {}, MOUNTS) is None
