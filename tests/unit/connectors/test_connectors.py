"""Which connector a source has, and what all connectors share."""

from __future__ import annotations

import pytest

from app.connectors import CONNECTORS, connector_for
from app.connectors.marketo import Marketo, MarketoSettings
from app.domain import CrmField
from app.errors import ConfigurationError

GIVEN = {
    "URL": "https://123-abc-456.mktorest.com",
    "CLIENT_ID": "id",
    "CLIENT_SECRET": "hidden",
    "WEBHOOK_SECRET": "secret",
}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("marketo", "marketo"),
        ("marketo-eu", "marketo"),
        ("marketo-eu-2", "marketo"),
        ("marketoeu", None),
        ("eu-marketo", None),
        ("", None),
        ("-", None),
    ],
)
def test_a_source_is_found_by_the_beginning_of_its_name(
    source: str, name: str | None
) -> None:
    found = connector_for(source)
    assert (found.name if found else None) == name


def test_the_longest_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    class MarketoEngage(Marketo):
        name = "marketo-engage"

    monkeypatch.setitem(CONNECTORS, "marketo-engage", MarketoEngage)
    assert connector_for("marketo-engage-eu") is MarketoEngage
    assert connector_for("marketo-eu") is Marketo


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"WEBHOOK_SECRET": ""}, "_schema"),
        ({"WEBHOOK_SECRET": " , "}, "_schema"),
        ({"WEBHOOK_SECRET": "sëcret"}, "WEBHOOK_SECRET"),
        ({"WEBHOOK_AUTH": "maybe"}, "WEBHOOK_AUTH"),
        ({"URL": "http://123-abc-456.mktorest.com"}, "URL"),
        ({"QUOTA": "a quarter"}, "QUOTA"),
    ],
)
def test_a_wrong_setting_is_told_by_its_key(changed: dict[str, str], key: str) -> None:
    problems = MarketoSettings().validate({**GIVEN, **changed})
    assert list(problems) == [key]
    assert "hidden" not in str(problems)


@pytest.mark.parametrize("ending", ["", "/", "/rest", "/rest/", "/identity"])
def test_both_endpoints_of_the_admin_page_are_taken(ending: str) -> None:
    made = Marketo("marketo", {**GIVEN, "URL": GIVEN["URL"] + ending})
    assert made._rest._remote.base_url == GIVEN["URL"]


def test_an_unsafe_address_does_not_get_past_the_constructor() -> None:
    with pytest.raises(ConfigurationError):
        Marketo("marketo", {**GIVEN, "URL": "http://crm.example"})


@pytest.mark.parametrize(
    ("kind", "sent", "read", "is_same"),
    [
        ("integer", 41, "41", True),
        ("integer", 41, 42, False),
        ("string", "041", "41", False),
        ("string", "Acme ", "Acme", True),
        ("string", "Acme", "ACME", False),
        ("float", 123456.7, 123457.0, True),
        ("float", 1.5, 1.6, False),
        ("currency", 104000000, 104000000.0, True),
        ("boolean", True, "true", True),
        ("boolean", False, None, False),
        ("datetime", "2026-11-02T09:15:00Z", "2026-11-02T10:15:00+01:00", True),
        ("date", "2026-11-02", "2026-11-02", True),
        (None, 41, "41", True),
        ("string", None, "", True),
    ],
)
def test_same_as_marketo_gives_it_back(
    kind: str | None, sent: object, read: object, is_same: bool
) -> None:
    made = Marketo("marketo", GIVEN)
    field = CrmField("x", kind) if kind else None
    assert made.same(field, sent, read) is is_same
