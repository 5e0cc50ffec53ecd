"""YAML as a tree: places, YAML 1.2, and what is refused with which words."""

import pytest

from app.mapping.nodes import plain
from app.mapping.tree import MAX_CHARACTERS, UnreadableFile, parse


def refused(text):
    with pytest.raises(UnreadableFile) as error:
        parse(text, "m.yaml")
    return error.value.finding


def problems(text):
    return parse(text, "m.yaml")[1]


def test_words_and_dates_stay_text():
    text = (
        "[NO, off, yes, on, 2026-11-02, 2026-11-02T10:00:00Z, 00Q1, 01067, 1_000, 0x1F]"
    )
    assert plain(parse(text, "m.yaml")[0]) == [
        "NO", "off", "yes", "on", "2026-11-02", "2026-11-02T10:00:00Z", "00Q1",
        "01067", "1_000", "0x1F",
    ]  # fmt: skip


def test_numbers_flags_and_null_are_such():
    text = "[0, -7, 1.5, .5, true, False, null, ~, \"1\", 'true', 1.0.185.47]"
    values = plain(parse(text, "m.yaml")[0])
    assert values == [
        0,
        -7,
        1.5,
        0.5,
        True,
        False,
        None,
        None,
        "1",
        "true",
        "1.0.185.47",
    ]
    assert [type(value) for value in values[:4]] == [int, int, float, float]


def test_every_value_knows_its_place():
    tree, _ = parse("a:\n  b: [x, {c: 'déjà'}]\n", "m.yaml")
    inner = tree.entries["a"].entries["b"].items[1].entries["c"]
    place = inner.place
    assert (place.line, place.column, place.width) == (2, 14, 6)
    assert inner.at == ("a", "b", "c")


def test_tabs_are_refused_with_the_fix():
    finding = refused("a:\n\tb: 1\n")
    assert (finding.code, finding.line, finding.column) == ("M101", 2, 1)
    assert "this is not readable YAML" in finding.message
    assert finding.fix == "Tabs are not indentation: use blanks."


def test_a_path_with_brackets_inside_braces_needs_quotes():
    finding = refused("f: {from: sixsense.scores[0].grade}\n")
    assert finding.fix == "Put the path in quotes: inside { } a [ ends the text."
    assert str(finding).splitlines()[2].endswith("^")


def test_a_key_that_stands_twice_is_told_at_the_second():
    (finding,) = problems("industry: 1\nb: 2\nindustry: 3\n")
    assert str(finding) == (
        "m.yaml:3:1: error M102: 'industry' stands twice\n"
        "    3 | industry: 3\n"
        "      | ^^^^^^^^\n"
        "  Keep one of the two."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\n", "'&x' is a YAML anchor"),
        ("a: &x [1]\n", "'&x' is a YAML anchor"),
        ("a: &x 1\nb: *x\n", "'*x' is a YAML alias"),
        ("a: !!python/object:os.system x\n", "is a YAML tag"),
    ],
)
def test_anchors_aliases_and_tags_are_refused(text, words):
    found = problems(text)
    assert words in found[-1].message
    assert found[-1].code == "M104"
    assert found[0].fix in ("Use include or each.", "Leave it out.")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("# only a comment\n", "the file is empty"),
        ("a: 1\n---\nb: 2\n", "a second document begins here"),
        ("[" * 500, "more than 24 deep"),
        ("a: " + "{a: " * 100 + "1" + "}" * 100, "more than 24 deep"),
        ("? [a, b]\n: 1\n", "a key of a map has to be one value"),
        ("a: 'x", "this is not readable YAML"),
        ("a: \x00", "cannot be read as text"),
        ("a" * (MAX_CHARACTERS + 1), "more than 1,000,000 characters"),
    ],
)
def test_what_is_no_mapping_is_told_and_not_raised_as_something_else(text, words):
    finding = refused(text)
    assert finding.code == "M101"
    assert words in finding.message


def test_a_very_long_number_is_text():
    assert plain(parse("9" * 5000, "m.yaml")[0]) == "9" * 5000
