"""Every recipe of the cookbook, and every mapping of the migration page, runs."""

import re
from pathlib import Path

import pytest

from app.cli.mapping import canonical
from app.connectors import CONNECTORS
from app.mapping.load import check_folder
from app.mapping.trial_run import run_trial
from app.sixsense import PRODUCTS

DOCS = Path(__file__).parents[2] / "docs"
#: A heading and all below it; a fenced block, and the name that may stand before it.
SECTION = re.compile(r"^### (.*?)\n(.*?)(?=^##|\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(
    r"(?:^`([\w./-]+)`:\n\n)?^```(yaml|csv|text)\n(.*?)^```", re.S | re.M
)
INFOS = {name: product.info for name, product in PRODUCTS.items()}

RECIPES = {
    title: text
    for page in ("cookbook.md", "migration.md")
    for title, text in SECTION.findall((DOCS / page).read_text())
    if "```yaml" in text
}


def test_the_cookbook_has_recipes_and_numbers_them():
    titles = [t for t, _ in SECTION.findall((DOCS / "cookbook.md").read_text())]
    assert len(titles) >= 25
    assert [int(t.partition(".")[0]) for t in titles] == [*range(1, len(titles) + 1)]


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_loads_without_a_complaint_and_passes_its_tests(title, tmp_path):
    for name, _, text in BLOCK.findall(RECIPES[title]):
        path = tmp_path / (name or "marketo.yaml")
        path.parent.mkdir(exist_ok=True)
        assert not path.exists(), f"two blocks are {path.name}"
        path.write_text(text)
    report = check_folder(tmp_path, INFOS, sources=CONNECTORS)
    told = "\n".join(map(str, (*report.errors, *report.warnings)))
    assert not told, told
    assert report.mappings
    for mapping in report.mappings:
        assert mapping.trials, f"{mapping.name} has no tests"
        for trial in mapping.trials:
            failed = run_trial(mapping, trial, canonical)
            assert not failed, "\n".join(map(str, failed))
