"""The files of a mappings folder: read once, remembered for the version."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from app.domain import Finding
from app.mapping.comparisons import FileMissing
from app.mapping.nodes import Node
from app.mapping.tree import MAX_CHARACTERS, parse

_COMMENT = re.compile(r"(^|\s)#.*")

ROUTES = (".yaml", ".yml")


class Files:
    """Texts by their name below the folder, `shared/base.yaml`.

    `texts` are files in memory, which come before those on the disk.
    """

    def __init__(
        self, folder: Path | None = None, texts: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.texts: dict[str, str] = dict(texts or {})
        #: Fragments as trees: many files may include one.
        self.trees: dict[str, tuple[Node, tuple[Finding, ...]]] = {}
        #: How the folder is called in findings.
        self.shown = folder.as_posix() if folder is not None else ""

    def text(self, name: str) -> str:
        """The text of a file.

        Raises:
            FileMissing: it is not there, not text, too long, or outside the folder.
        """
        if name not in self.texts:
            self.texts[name] = self._read(name)
        return self.texts[name]

    def tree(self, name: str) -> tuple[Node, tuple[Finding, ...]]:
        """A file's tree, and what is wrong with it; raises as `text` and `parse`."""
        if name not in self.trees:
            self.trees[name] = parse(self.text(name), self.called(name))
        return self.trees[name]

    def words(self, name: str) -> Sequence[str]:
        """The lines of a list: a value a line, `#` begins a comment."""
        lines = (
            line.partition("#")[0].strip() for line in self.text(name).splitlines()
        )
        return [line for line in lines if line]

    def routes(self) -> tuple[str, ...]:
        """The names of the files directly in the folder that are routes."""
        if self.folder is None:
            return tuple(self.texts)
        found = (path for path in self.folder.iterdir() if path.suffix in ROUTES)
        return tuple(
            sorted(p.name for p in found if p.is_file() and p.name[0] not in "._")
        )

    def path(self, name: str) -> Path | None:
        """Where a file is; None for one in memory."""
        return self.folder / name if self.folder is not None else None

    def called(self, name: str) -> str:
        """The name as findings show it: from where the command was run."""
        return f"{self.shown}/{name}" if self.shown not in ("", ".") else name

    def _read(self, name: str) -> str:
        pure = PurePosixPath(name)
        if pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
            raise FileMissing(f"{name} lies outside the mappings folder")
        if self.folder is None:
            raise FileMissing(f"there is no file {name}")
        try:
            data = (self.folder / pure).read_bytes()
        except OSError:
            raise FileMissing(f"there is no file {self.called(name)}") from None
        return decoded(data, name)


class Recorder:
    """The files one mapping reads, for its version."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.read: dict[str, str] = {}

    def text(self, name: str) -> str:
        """As Files.text."""
        self.read[name] = self.files.text(name)
        return self.read[name]

    def tree(self, name: str) -> tuple[Node, tuple[Finding, ...]]:
        """As Files.tree."""
        self.text(name)
        return self.files.tree(name)

    def words(self, name: str) -> Sequence[str]:
        """As Files.words."""
        self.text(name)
        return self.files.words(name)

    def version(self, text: str) -> str:
        """SHA-256, in hex, of the file and of all that it reads."""
        digest = hashlib.sha256(text.encode("utf-8", "replace"))
        for name in sorted(self.read):
            part = f"\0{name}\0{self.read[name]}"
            digest.update(part.encode("utf-8", "replace"))
        return digest.hexdigest()


def decoded(data: bytes, name: str) -> str:
    """Bytes as text.

    Raises:
        FileMissing: too long, or not UTF-8.
    """
    if len(data) > 4 * MAX_CHARACTERS:
        raise FileMissing(f"{name} is larger than {4 * MAX_CHARACTERS:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileMissing(f"{name} is not text in UTF-8") from None
