"""What can be paused, by the names that people give it."""

import click
import pytest

from app.cli.scopes import scope_named
from app.sixsense.client import SixsenseClient
from tests.stack import ROOT, TOKEN

OWN = "another-token-for-scores-0123456789"


@pytest.fixture(autouse=True)
def environ(monkeypatch):
    """The settings of an installation with two tokens."""
    monkeypatch.setenv("MAPPINGS_DIR", str(ROOT / "mappings"))
    monkeypatch.setenv("SIXSENSE_TOKEN", TOKEN)
    monkeypatch.setenv("SIXSENSE_TOKEN_LEAD_SCORING", OWN)
    return monkeypatch


def test_a_token_is_paused_under_the_name_that_pumps_look_for():
    client = SixsenseClient({"default": TOKEN, "lead-scoring": OWN})
    assert scope_named("token", "lead-scoring") == client.token_limit_name(
        "lead-scoring"
    )
    full = "lead-scoring-and-firmographics"
    assert scope_named("token", "Default") == client.token_limit_name(full)


def test_a_product_goes_by_its_name_or_its_path():
    assert scope_named("product", "people/score") == "lead-scoring"
    assert scope_named("product", "Lead-Scoring") == "lead-scoring"


@pytest.mark.parametrize(
    ("kind", "name", "told"),
    [
        ("source", "marketto", "there is no source 'marketto'. Did you mean marketo?"),
        ("product", "lead-scorin", "Did you mean lead-scoring?"),
        ("token", "defautl", "Did you mean default?"),
        ("pool", "enrichmnt", "Did you mean enrichment?"),
    ],
)
def test_what_is_not_there_is_refused_with_what_was_meant(kind, name, told):
    with pytest.raises(click.BadParameter) as refused:
        scope_named(kind, name)
    assert told in str(refused.value)


def test_a_token_that_cannot_be_told_is_refused_unless_it_is_named_as_listed(environ):
    environ.delenv("SIXSENSE_TOKEN")
    environ.delenv("SIXSENSE_TOKEN_LEAD_SCORING")
    with pytest.raises(click.BadParameter, match="which token default is cannot be"):
        scope_named("token", "default")
    assert scope_named("token", "6sense:0a1b2c") == "6sense:0a1b2c"
