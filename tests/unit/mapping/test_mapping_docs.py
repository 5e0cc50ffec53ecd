"""docs/mapping.md has every word of the language, and its examples load."""

import re
from pathlib import Path

import pytest

from app.mapping import reasons, rules, schema, trial_schema
from app.mapping.comparisons import COMPARISONS
from app.mapping.converters import CONVERTERS
from app.mapping.fragments import KEYS
from app.mapping.load import check_text
from app.mapping.shape import Strict
from app.mapping.trial_run import run_trial
from tests.mapping_parts import PRODUCT_INFOS, canonical

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "mapping.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def keys(module):
    """The keys of every schema in a module."""
    shapes = [each for each in vars(module).values() if isinstance(each, type)]
    return {
        field.data_key or name
        for shape in shapes
        if issubclass(shape, Strict)
        for name, field in shape().fields.items()
    }


CODES = {
    code
    for path in (ROOT / "app" / "mapping").glob("*.py")
    for code in re.findall(r'"([MW][0-9]{3})"', path.read_text())
}
WORDS = sorted(
    {*keys(schema), *keys(trial_schema), *KEYS, *COMPARISONS, *CONVERTERS, *CODES,
     *rules.WORDS, *trial_schema.TYPES, *reasons.SENTENCES}
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_is_in_the_reference(word):
    assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", PAGE)


def test_every_reason_has_its_row():
    codes = {
        value
        for name, value in vars(reasons).items()
        if name.isupper() and isinstance(value, str)
    }
    for code in codes:
        assert re.search(rf"^\| `{code}` \| \S", PAGE, re.MULTILINE), code


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_loads_and_its_tests_pass(text):
    report = check_text(text, "example.yaml", PRODUCT_INFOS)
    assert not report.errors, "\n".join(map(str, report.errors))
    (mapping,) = report.mappings
    for trial in mapping.trials:
        assert not run_trial(mapping, trial, canonical)
