"""The root of all commands: what it offers, and how commands end."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from app import __version__, cli
from app.cli import main
from app.domain import Finding
from app.errors import ConfigurationError, RecordRefused

FINDING = Finding(code="M201", message="no such field", file="x.yaml", line=8, column=9)


@pytest.fixture
def command(monkeypatch):
    """Offers `leadbridge try-it`, which does what the test says."""
    module = type(sys)("tried")
    monkeypatch.setitem(sys.modules, "tried", module)
    monkeypatch.setattr(cli, "_is_there", lambda target: True)
    monkeypatch.setitem(cli.COMMANDS, "try-it", ("tried:run", "Try it."))
    monkeypatch.setattr("app.logs.configure", lambda *_: None)

    def does(action):
        module.run = click.command()(lambda: action())

    return does


def raises(error):
    def action():
        raise error

    return action


def test_a_command_ends_with_what_it_returns(command):
    command(lambda: None)
    assert main(["try-it"]) == 0
    command(lambda: 1)
    assert main(["try-it"]) == 1


def test_what_is_wrong_with_the_configuration_is_told_and_ends_with_1(command, capsys):
    command(raises(ConfigurationError("Two to mend.", ["PORT is not set.", FINDING])))
    assert main(["try-it"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "leadbridge: Two to mend.",
        "- PORT is not set.",
        "x.yaml:8:9: error M201: no such field",
    ]


def test_any_error_of_ours_is_a_finding(command, capsys):
    command(raises(RecordRefused("No such lead.")))
    assert main(["try-it"]) == 1
    assert capsys.readouterr().err == "leadbridge: No such lead.\n"


@pytest.mark.parametrize("argv", [["nope"], ["--nope"], ["try-it", "--nope"]])
def test_wrong_usage_ends_with_2(command, argv, capsys):
    command(lambda: None)
    assert main(argv) == 2
    assert "Error: No such" in capsys.readouterr().err


def test_anything_else_is_our_bug_and_tells_where_without_a_traceback(
    command, capsys, monkeypatch
):
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    command(raises(KeyError("jane@corp.example")))
    assert main(["try-it"]) == 3
    err = capsys.readouterr().err
    assert f"leadbridge {__version__} broke at test_cli_root.py:" in err
    assert "This is our bug" in err
    assert "KeyError: '[e-mail]'" in err
    assert "Traceback" not in err


def test_debug_shows_the_way_to_our_bug(command, capsys, monkeypatch):
    monkeypatch.setenv("LOG_LEVEL", "debug")
    command(raises(KeyError("x")))
    assert main(["try-it"]) == 3
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError(), click.Abort()])
def test_the_keyboard_ends_with_130(command, error):
    command(raises(error))
    assert main(["try-it"]) == 130


def test_a_command_that_leaves_by_itself_keeps_its_code(command):
    command(lambda: click.get_current_context().exit(1))
    assert main(["try-it"]) == 1


def test_help_lists_what_is_there_and_only_that(monkeypatch, capsys):
    monkeypatch.setitem(cli.COMMANDS, "gone", ("app.cli.nowhere:gone", "Never seen."))
    monkeypatch.setitem(cli.COMMANDS, "far", ("nowhere.at_all:far", "Never seen."))
    monkeypatch.setitem(cli.COMMANDS, "here", ("app.cli:root", "Seen."))
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "Seen." in out
    assert "Never seen." not in out
    assert main(["gone"]) == 2


def test_the_version_is_told(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"leadbridge, version {__version__}\n"


@pytest.fixture
def offered():
    context = click.Context(cli.root)
    return [(name, cli.root.get_command(context, name)) for name in
            cli.root.list_commands(context)]  # fmt: skip


def test_every_command_that_is_offered_is_one(offered):
    for name, found in offered:
        assert isinstance(found, click.Command), name
        assert found.get_short_help_str(), name


def test_python_m_app_is_the_same_and_help_is_light():
    heavy = ["flask", "sqlalchemy", "requests", "structlog", "rich", "marshmallow"]
    program = (
        "import sys\n"
        "from app.cli import main\n"
        "main(['--help'])\n"
        f"print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
    )
    light = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert light.stderr == "[]\n"
    same = subprocess.run(
        [sys.executable, "-m", "app", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert same.stdout == light.stdout


def test_a_reader_that_goes_away_is_not_complained_about():
    program = (
        "import sys, click\n"
        "from app import cli\n"
        "@click.command()\n"
        "def flood():\n"
        "    while True: click.echo('x' * 1000)\n"
        "cli._is_there = lambda target: True\n"
        "cli.COMMANDS['flood'] = ('__main__:flood', '')\n"
        "sys.exit(cli.main(['flood']))\n"
    )
    flood = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with flood:
        flood.stdout.read(10)
        flood.stdout.close()
        assert flood.stderr.read() == b""
    assert flood.returncode == 141
