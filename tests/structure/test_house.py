"""The house's own files: they are there, agree with each other, and tell no place."""

import json
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from app import cli
from app.cli import reference
from app.connectors import CONNECTORS
from app.environment import prefix_of
from app.settings import Settings

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-embedded.txt", "requirements-test.txt")
FILES = (
    *LOCKS, "README.md", "LICENSE", "CHANGELOG.md", "Makefile", "Procfile",
    "Dockerfile", ".dockerignore", ".python-version", "compose.yaml", "app.json",
    "pyproject.toml", ".ci/run", "docs/deploy.md", "docs/settings.md", "docs/cli.md",
)  # fmt: skip
# Put together here, or this file would be the first to contain them.
REGISTRIES = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org",
              "deb." + "debian.org", "conda" + ".anaconda")  # fmt: skip
MACHINE_PATHS = ("/wo" + "rk/", "/op" + "t/wheels", "/op" + "t/pypi", "/ro" + "ot/",
                 "../sh" + "ared", "/home" + "/runner")  # fmt: skip
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """Files of the project; without git, whatever lies in its folders."""
    listing = ["git", "ls-files", "-z"]
    try:
        done = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True)
        paths = [ROOT / name for name in done.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ("app", "sandbox", "mappings", "tests", "bench", "docs")
        paths = [ROOT / name for name in FILES]
        paths += [path for one in folders for path in (ROOT / one).rglob("*")]
    return [path for path in paths if path.is_file() and path.suffix != ".pyc"]


@pytest.mark.parametrize("name", FILES)
def test_a_house_file_is_there(name):
    assert text(name).strip()


def test_no_file_names_a_registry_or_a_path_of_some_machine():
    found = []
    for path in tracked():
        content = path.read_bytes().decode("utf-8", "replace")
        found += [
            f"{path.relative_to(ROOT)} contains {word}"
            for word in (*REGISTRIES, *MACHINE_PATHS)
            if word in content
        ]
    assert not found, "\n".join(found)


# Lock files


def pins(name: str) -> dict[str, str]:
    found = re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text(name), re.M
    )
    return {canonicalize_name(package): version for package, version in found}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_pins_with_hashes_and_says_nothing_of_where_from(name):
    content = text(name)
    blocks = re.split(r"^(?=[A-Za-z0-9])", content, flags=re.M)
    for block in blocks[1:]:
        assert re.match(r"\S+==\S+", block), block
        assert "--hash=sha256:" in block, block
    for word in ("index", "trusted", "find-links", "://", " @ ", "file:", "/"):
        lines = [line for line in content.splitlines() if word in line]
        assert [line for line in lines if "build/" not in line] == []


def test_lock_files_agree_on_what_they_share():
    first = pins(LOCKS[0])
    for name in LOCKS[1:]:
        for package, version in pins(name).items():
            assert first.setdefault(package, version) == version, package


@pytest.mark.parametrize(
    ("lock", "lines"),
    [
        (LOCKS[0], PROJECT["dependencies"]),
        (LOCKS[1], PROJECT["optional-dependencies"]["embedded"]),
        (LOCKS[2], PROJECT["optional-dependencies"]["test"]),
    ],
)
def test_a_lock_file_has_what_pyproject_asks_for(lock, lines):
    pinned = pins(lock)
    for line in lines:
        asked = Requirement(line)
        version = pinned.get(canonicalize_name(asked.name))
        assert version is not None, f"{asked.name} is not locked: make lock"
        assert asked.specifier.contains(version), f"{asked} is locked at {version}"


def test_test_tools_do_not_reach_production():
    assert not {"pytest", "mypy", "ruff", "hypothesis", "playwright"} & set(
        pins(LOCKS[0])
    )


# Make


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", text("Makefile"), re.M))


def test_make_alone_lists_every_target_with_what_it_does():
    listed = subprocess.run(
        ["make", "--no-print-directory"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    asked = "install test demo run prove bench lint lock clean".split()  # noqa: SIM905
    for name in asked:
        assert re.search(rf"^make {name} +\S", listed, re.M), name


def test_every_make_command_that_is_written_somewhere_exists():
    for path in [ROOT / "README.md", ROOT / ".ci/run", *(ROOT / "docs").rglob("*.md")]:
        for name in re.findall(r"(?:^\$ |`|^ *)make ([a-z-]+)", path.read_text(), re.M):
            assert name in targets(), f"{path.name}: make {name}"


def test_ci_is_a_script_that_bash_can_read():
    assert os.access(ROOT / ".ci/run", os.X_OK)
    subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=True)
    assert "set -euo pipefail" in text(".ci/run")


# Ways to run it


def is_command(words: list[str]) -> bool:
    """`python -m app web` and `leadbridge web`, for a command of ours."""
    for start in (["python", "-m", "app"], ["leadbridge"]):
        if words[: len(start)] == start:
            return words[len(start)] in cli.COMMANDS
    return False


def test_the_procfile_runs_commands_that_exist():
    lines = dict(line.split(": ", 1) for line in text("Procfile").splitlines())
    assert list(lines) == ["web", "worker", "release"]
    for line in lines.values():
        for command in line.split(" && "):
            assert is_command(shlex.split(command)), command


def test_every_release_step_checks_the_settings():
    services = YAML(typ="safe").load(text("compose.yaml"))["services"]
    for line in (text("Procfile"), services["release"]["command"][2]):
        assert "db upgrade && " in line
        assert line.rstrip().endswith(" check --settings")


@pytest.mark.parametrize("source", ["marketo", "hubspot"])
def test_what_a_source_needs_is_asked_for_and_never_made_up(source):
    env = json.loads(text("app.json"))["env"]
    for name in Settings.load({}).unset(source, CONNECTORS[source].settings):
        # A value that is made for everyone would switch the source half on.
        assert env[name].get("required") is False
        assert not {"value", "generator"} & env[name].keys()
    before_push = text("docs/deploy.md").split("git push", 1)[0]
    for key in ("URL", "CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET"):
        assert f"MARKETO_{key}=" in before_push.split("heroku config:set", 1)[1]


def test_compose_runs_commands_that_exist_on_the_one_image():
    services = YAML(typ="safe").load(text("compose.yaml"))["services"]
    assert set(services) == {"postgres", "release", "web", "worker", "sandbox"}
    for name, service in services.items():
        if name == "postgres":
            continue
        words = service["command"]
        lines = words[2].split(" && ") if words[0] == "sh" else [shlex.join(words)]
        for line in lines:
            assert is_command(shlex.split(line)), line
        assert service["image"] == "leadbridge"
        assert {*service.get("depends_on", ())} <= set(services)
    assert services["sandbox"]["profiles"] == ["sandbox"]
    assert services["web"]["environment"]["DATABASE_URL"].startswith("postgresql://")


def test_app_json_asks_for_settings_that_exist():
    app = json.loads(text("app.json"))
    known = {name.upper() for name in Settings.__dataclass_fields__}
    for name, connector in CONNECTORS.items():
        fields = connector.settings().fields
        known |= {
            prefix_of(name) + (part.data_key or key) for key, part in fields.items()
        }
    for name, entry in app["env"].items():
        assert name in known, name
        assert entry["description"].endswith(".")
    assert app["addons"] == [{"plan": "heroku-postgresql:essential-0"}]
    assert {*app["formation"]} == {"web", "worker"}


def test_the_dockerfile_copies_what_is_there_and_not_as_root():
    content = text("Dockerfile").replace("\\\n", "")
    lines = [line.strip() for line in content.splitlines()]
    ignored = text(".dockerignore").split()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored
    python = text(".python-version").strip()
    stages = [line for line in lines if line.startswith("FROM ")]
    assert all(line.split()[1] == f"python:{python}-slim" for line in stages)
    assert lines.index("USER leadbridge") > lines.index(stages[1])
    (health,) = [line for line in lines if line.startswith("HEALTHCHECK")]
    words = json.loads(health.partition("CMD")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "HEALTHCHECK", "exec")
    assert "/healthz" in words[2]
    (command,) = [json.loads(line[4:]) for line in lines if line.startswith("CMD ")]
    assert is_command(command)


def test_the_changelog_begins_entries_with_whom_they_touch():
    entries = re.findall(r"^- (.*)", text("CHANGELOG.md"), re.M)
    assert entries
    assert all(re.match(r"\*\*[^*]+:\*\* ", entry) for entry in entries)


# Pages made from the code


@pytest.mark.parametrize("name", ["settings.md", "cli.md"])
def test_a_page_that_is_made_from_the_code_is_current(name):
    assert text(f"docs/{name}") == reference.pages()[name], "run: make docs"


def test_every_setting_is_documented():
    page = text("docs/settings.md")
    for name, part in Settings.__dataclass_fields__.items():
        if "kind" in part.metadata:
            assert f"| `{name.upper()}` |" in page


def test_every_link_between_our_pages_leads_somewhere():
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
