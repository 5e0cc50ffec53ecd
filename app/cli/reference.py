"""The pages that are made from the code: `make docs`; a test compares them.

python -m app.cli.reference docs
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from app.cli import root
from app.settings import reference

_HEAD = """\
# Commands

<!-- Made from app/cli by `make docs`: edit there. -->

`leadbridge` and `python -m app` are the same. Results go to stdout, log lines and
complaints to stderr. Exit codes: 0 fine, 1 findings, 2 usage, 3 a bug of ours.
"""


def pages() -> dict[str, str]:
    """File name in docs/ → its text."""
    return {"settings.md": settings_page(), "cli.md": cli_page()}


def settings_page() -> str:
    """All settings, those of every connector included."""
    connectors = getattr(importlib.import_module("app.connectors"), "CONNECTORS", {})
    return reference({name: one.settings for name, one in connectors.items()})


def cli_page() -> str:
    """Each command with what its --help says, in the order of the root's list."""
    context = click.Context(root, info_name="leadbridge", **root.context_settings)
    return "\n".join([_HEAD, *_sections(root, context)])


def _sections(group: click.Group, above: click.Context) -> Iterator[str]:
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is None or command.hidden:
            continue
        context = click.Context(
            command, info_name=name, parent=above, terminal_width=80
        )
        yield f"## {context.command_path}\n\n```\n{command.get_help(context)}\n```\n"
        if isinstance(command, click.Group):
            yield from _sections(command, context)


def main(folder: str) -> None:
    """Write the pages into `folder`."""
    for name, page in pages().items():
        Path(folder, name).write_text(page, encoding="utf-8")
        click.echo(f"{folder}/{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
