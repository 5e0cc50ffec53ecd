"""Loading a folder: all files or none, and what each of them wants."""

from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.mapping.load import check_folder, load_mappings, load_text
from tests.mapping_parts import PRODUCT_INFOS, load, mapping_text

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path):
    """Writes files into a mappings folder."""

    def write(**files):
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            path = tmp_path / name.replace("__", "/").replace("_yaml", ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return tmp_path

    return write


def refused(path):
    with pytest.raises(ConfigurationError) as error:
        load_mappings(path, PRODUCT_INFOS)
    return error.value


def test_all_routes_of_a_folder_are_loaded_by_name(folder):
    path = folder(
        b_yaml=mapping_text("b: {value: 1}"),
        a_yaml=mapping_text("a: {value: 1}"),
        shared__f_yaml="fragment: 1\n",
        _draft_yaml="not: [a mapping",
    )
    mappings = load_mappings(path, PRODUCT_INFOS)
    assert [mapping.name for mapping in mappings] == ["a", "b"]
    assert mappings[0].path == path / "a.yaml"
    assert mappings[0].text == mapping_text("a: {value: 1}")


def test_one_bad_file_means_that_none_is_loaded(folder):
    path = folder(
        a_yaml=mapping_text("a: {value: 1}"), b_yaml=mapping_text("b: {from: x.y}"),
        c_yaml=b"\xff\xfe", d_yaml="- a list", e_yaml="fragment: 1\n",
    )  # fmt: skip
    error = refused(path)
    assert [Path(finding.file).name for finding in error.problems] == [
        "b.yaml", "c.yaml", "d.yaml", "e.yaml",
    ]  # fmt: skip
    assert str(error) == (
        "4 findings in 4 files. Nothing was loaded; the running mapping is unchanged."
    )
    messages = [finding.message for finding in error.problems]
    assert messages[1:] == [
        "c.yaml is not text in UTF-8",
        "a mapping file is a map of keys",
        "e.yaml is a fragment",
    ]
    assert len(error.__notes__) == 4


def test_a_folder_that_is_missing_or_empty_says_what_to_do(tmp_path):
    (finding,) = refused(tmp_path / "gone").problems
    assert "does not exist" in finding.message
    assert "MAPPINGS_DIR" in finding.fix
    (finding,) = refused(tmp_path).problems
    assert finding.message == "there is no mapping file in this folder"


def test_one_field_has_one_owner(folder):
    text = mapping_text("Industry: {value: 1}\nx: {value: 1}")
    path = folder(base_yaml=text, other_yaml=text.replace("x:", "y:"))
    (finding,) = refused(path).problems
    assert finding.code == "M501"
    assert finding.message == "base.yaml writes Industry of lead as well"
    assert finding.line == 7
    assert "join the two with `when` or `cases`" in finding.fix


def test_files_that_want_other_events_may_share_a_field(folder):
    text = mapping_text("Industry: {value: 1}")
    updated = mapping_text("Industry: {value: 1}", "on: [updated]")
    account = text.replace("object: lead", "object: Account")
    other = text.replace("source: acme", "source: acme-eu")
    path = folder(a_yaml=text, b_yaml=updated, c_yaml=account, d_yaml=other)
    assert len(load_mappings(path, PRODUCT_INFOS)) == 4


def test_two_mappings_of_a_source_cannot_share_a_name(folder):
    path = folder(
        a_yaml=mapping_text("a: {value: 1}", "name: same"),
        b_yaml=mapping_text("b: {value: 1}", "name: same"),
    )
    (finding,) = refused(path).problems
    assert (finding.code, finding.message) == (
        "M502",
        "acme has two mappings named same",
    )


def test_wants_the_events_it_says():
    mapping = load("a: {value: 1}")
    assert mapping.wants("Lead", "created")
    assert not mapping.wants("lead", "updated")
    assert not mapping.wants("contact", "created")
    mapping = load(
        "a: {value: 1}", "on: {Contact: [created, updated], lead: [updated]}"
    )
    assert mapping.wants("contact", "updated")
    assert mapping.wants("LEAD", "updated")
    assert not mapping.wants("lead", "created")


def test_a_mapping_in_memory_is_loaded_or_refused_alike():
    assert load_text(mapping_text(), "m.yaml", PRODUCT_INFOS).name == "m"
    with pytest.raises(ConfigurationError):
        load_text("mapping: 1", "m.yaml", PRODUCT_INFOS)


def test_a_byte_order_mark_and_windows_line_ends_are_read(folder):
    text = mapping_text().replace("\n", "\r\n")
    path = folder(a_yaml=b"\xef\xbb\xbf" + text.encode())
    assert load_mappings(path, PRODUCT_INFOS)


def test_the_mappings_that_come_with_the_service_are_right():
    from app.connectors import CONNECTORS

    report = check_folder(ROOT / "mappings", PRODUCT_INFOS, sources=CONNECTORS)
    assert not report.errors, "\n".join(map(str, report.errors))
    assert not report.warnings, "\n".join(map(str, report.warnings))
    assert report.mappings
