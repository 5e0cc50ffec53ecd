"""`leadbridge`, also `python -m app`: the root of all commands, and their exits.

Commands are imported when they are run: `--help` needs neither Flask nor a database.
Exit codes: 0 fine, 1 findings, 2 usage, 3 our bug; 130 stopped by the keyboard.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from app import __version__
from app.errors import AppError, ConfigurationError

FINDINGS, OUR_BUG, INTERRUPTED, PIPE_CLOSED = 1, 3, 130, 141

#: Name → where it is, and its line in --help. A command whose module is not there
#: is not offered.
COMMANDS: dict[str, tuple[str, str]] = {
    "up": ("app.cli.serve:up", "Run everything on this machine, supervised."),
    "web": ("app.cli.serve:web", "Run the web server alone."),
    "worker": ("app.cli.serve:worker", "Run the worker alone."),
    "sandbox": (
        "app.cli.serve:sandbox",
        "Play 6sense and each connector's system on one port.",
    ),
    "demo": ("app.cli.demo:demo", "Show a lead's whole way, on this machine alone."),
    "db": ("app.cli.serve:db", "Bring the database up to date."),
    "check": ("app.cli.mapping:check", "Check mapping files."),
    "test": ("app.cli.trials:test", "Run the tests inside mapping files."),
    "preview": ("app.cli.preview:preview", "Show what a mapping makes of an event."),
    "schema": ("app.cli.schema:schema", "Pull a CRM's own schema."),
    "adopt": ("app.cli.adopt:adopt", "Let present values count as ours."),
    "mapping": ("app.cli.first_mapping:mapping", "Start a mapping file."),
    "setup": ("app.cli.setup:setup", "Say what to set up in a source's system."),
    "send": ("app.cli.send:send", "Send a test event as a source's system would."),
    "doctor": ("app.cli.doctor:doctor", "Look at everything, and say what to mend."),
    "sixsense": ("app.cli.sixsense:sixsense", "Ask 6sense by hand."),
    "pause": ("app.cli.pauses:pause", "Stop a source, token, pool or product."),
    "resume": ("app.cli.pauses:resume", "End a pause."),
    "runs": ("app.cli.runs:runs", "List runs and where they are."),
    "credits": ("app.cli.credits:credits", "Credits used, left and to come."),
    "replay": ("app.cli.replay:replay", "Start runs again that have ended."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported one by one, when they are run."""

    def __init__(
        self, *args: object, table: dict[str, tuple[str, str]], **options: object
    ) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the table's order: what one needs first comes first."""
        return [name for name, (target, _) in self.table.items() if _is_there(target)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        target, _ = self.table.get(cmd_name, ("", ""))
        if not target or not _is_there(target):
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{target} is not a command")
        return command

    def invoke(self, ctx: click.Context) -> object:
        """As click's own, but a closed pipe is not click's to end with 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            ctx.exit(_leave_quietly())

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """The list in --help, from the table alone."""
        rows = [(name, self.table[name][1]) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _is_there(target: str) -> bool:
    try:
        return importlib.util.find_spec(target.partition(":")[0]) is not None
    except ModuleNotFoundError:
        return False


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 findings, 2 usage, 3 a bug of ours.",
)
@click.version_option(__version__, prog_name="leadbridge")
def root() -> None:
    """Turn "a new lead arrived" into "the lead carries 6sense's scores"."""
    from app import logs

    # Services set their own up from their settings; the others only say what is odd.
    level = os.environ.get("LOG_LEVEL", "").strip().upper()
    known = level in ("DEBUG", "INFO", "WARNING", "ERROR")
    logs.configure(level if known else "WARNING")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. A command may return one, or raise."""
    try:
        answer = root.main(argv, prog_name="leadbridge", standalone_mode=False)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt, EOFError):
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except AppError as error:
        return _say_findings(error)
    except BrokenPipeError:
        return _leave_quietly()
    except Exception as error:  # noqa: BLE001  the last place where one can be told
        return _say_our_bug(error)
    return answer if type(answer) is int else 0


def _say_findings(error: AppError) -> int:
    click.echo(f"leadbridge: {error}", err=True)
    problems = error.problems if isinstance(error, ConfigurationError) else ()
    for problem in problems:
        # A finding is several lines, and begins with its place in a file.
        mark = "- " if isinstance(problem, str) else ""
        click.echo(f"{mark}{problem}", err=True)
    if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
        click.echo("".join(traceback.format_exception(error)), err=True)
    return FINDINGS


def _say_our_bug(error: Exception) -> int:
    """Where it broke, in a line that can be copied into a report."""
    from app import sentry
    from app.redaction import redact_text

    sentry.report(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
    what = redact_text(f"{type(error).__name__}: {error}")
    click.echo(f"leadbridge {__version__} broke{place}. This is our bug.", err=True)
    click.echo(f"  {what}", err=True)
    if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
        click.echo(redact_text("".join(traceback.format_exception(error))), err=True)
    else:
        click.echo("LOG_LEVEL=DEBUG shows the way there. Please report it.", err=True)
    return OUR_BUG


def _leave_quietly() -> int:
    """The reader went away (`leadbridge runs | head`): nobody to tell."""
    # Python flushes stdout once more on its way out, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return PIPE_CLOSED
