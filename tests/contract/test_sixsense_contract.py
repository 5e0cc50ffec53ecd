"""The two lead products keep the contract of a product; tables fit the field map."""

from __future__ import annotations

import json

import pytest
from sixsense_contract import FOLDER, SixsenseContract

from app.sixsense import PRODUCTS
from app.sixsense import fields as tables


class TestLeadScoringAndFirmographics(SixsenseContract):
    product = "lead-scoring-and-firmographics"
    api = "lead_scoring_firmographics_v2"


class TestLeadScoring(SixsenseContract):
    product = "lead-scoring"
    api = "lead_scoring_v2"


MAP = json.loads((FOLDER / "sixsense" / "field-map.json").read_text("utf-8"))
TABLES = {
    "company": tables.COMPANY,
    "score": tables.SCORE,
    "segment": tables.SEGMENT,
    "segments": tables.SEGMENTS.members,
}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_is_that_of_the_field_map(name: str) -> None:
    ours = {field.name: field for field in TABLES[name]}
    assert list(ours) == list(MAP[name])
    for field_name, documented in MAP[name].items():
        field = ours[field_name]
        assert list(field.aliases) == documented["aliases"], field_name
        kind, _, enum = documented["type"].partition(":")
        assert field.kind == kind, field_name
        values = field.scale or tables.UNORDERED.get(field_name, ())
        assert sorted(values) == sorted(MAP["enums"].get(enum, [])), field_name


def test_scales_go_from_the_lowest_to_the_highest() -> None:
    # The field map has stages in this order, and the others the other way round.
    assert list(tables.STAGES) == MAP["enums"]["buying_stage"]
    assert list(reversed(tables.FITS)) == MAP["enums"]["fit"]
    assert list(reversed(tables.GRADES)) == MAP["enums"]["grade"]
    assert list(reversed(tables.CONFIDENCES)) == MAP["enums"]["confidence"]
    assert list(reversed(tables.EMAIL_CONFIDENCES)) == MAP["enums"]["email_confidence"]


def test_products_stand_under_their_own_names() -> None:
    assert all(name == product.info.name for name, product in PRODUCTS.items())
    aliases = [product.info.path_alias for product in PRODUCTS.values()]
    assert len(set(aliases)) == len(aliases)
