"""Several products for one lead, through the real pumps."""

from __future__ import annotations

from typing import Any

from sandbox import contacts, people, visitors
from tests.stack import Stack

PATH = "/webhooks/marketo-four/four-visitor"


def lookups_of(box: Stack, lead_id: int) -> list[tuple[str, str]]:
    rows = box.query(
        "select l.name, l.result from run_lookups l join runs r on r.id = l.run_id "
        "where r.lead_id = :id order by l.position",
        id=str(lead_id),
    )
    return [(row.name, row.result) for row in rows]


def test_later_lookups_are_fed_by_earlier_ones(box: Stack) -> None:
    ids = box.seed(4)
    sent: list[dict[str, Any]] = [
        {"email": "jane.doe@acme.example", "ipAddress": "203.0.113.9"},
        {"email": "bo@gmail.com", "ipAddress": "198.51.100.7"},
        {"email": "bo@gmail.com", "ipAddress": "2001:db8::1"},
        {"email": "bo@gmail.com", "ipAddress": "198.18.0.1"},
    ]
    for lead_id, fields in zip(ids, sent, strict=True):
        box.post({"id": lead_id, **fields}, path=PATH)
    assert box.await_final(4) == {"written": 2, "kept": 2}
    by_mail, by_ip, no_ip, provider = ids
    assert [box.run_of(one).state for one in (no_ip, provider)] == ["kept"] * 2
    known, unknown, unasked = "matched", "no-match", "not-asked"
    assert [lookups_of(box, lead_id) for lead_id in ids] == [
        [("person", known), ("visitor", unasked), ("account", known)],
        [("person", unknown), ("visitor", known), ("account", known)],
        [("person", unknown), ("visitor", "failed"), ("account", unasked)],
        [("person", unknown), ("visitor", unknown), ("account", unasked)],
    ]
    leads = box.leads(ids)
    assert (leads[by_mail]["sixsenseDomain"], leads[by_ip]["sixsenseDomain"]) == (
        "acme.example",
        "globex.example",
    )
    globex = people.company_for("globex.example") or {}
    assert leads[by_ip]["sixsenseEmployees"] == int(globex["employeeCount"])
    jane = contacts.person_for("jane.doe@acme.example") or {}
    assert leads[by_mail]["sixsenseRegion"] == jane["place"]["region"]
    country = visitors.place_of("198.51.100.7")["geoIP_country"]
    assert leads[by_ip]["sixsenseRegion"] == country
    assert "sixsenseDomain" not in leads[no_ip]
    # A known visitor is not asked about again.
    (again,) = box.seed(1, first_id=5001)
    box.post({"id": again, **sent[1]}, path=PATH)
    assert box.await_final(5) == {"written": 3, "kept": 2}
    assert box.leads([again])[again]["sixsenseDomain"] == "globex.example"
    (token,) = box.state()["sixsense"]["tokens"].values()
    used = token["credits_used"], token["identification_credits_used"]
    ours = {
        row.product: row.n
        for row in box.query(
            "select product, sum(credits) as n from enrichments group by product"
        )
    }
    # Jane, and two domains; one visitor. Ours and 6sense's own count agree.
    assert used == (3, 1)
    assert ours == {
        "people-enrichment": 1,
        "company-identification": 1,
        "company-firmographics": 2,
    }
