"""What the last events lacked of what a mapping reads."""

from app.mapping.events import unsent
from tests.mapping_parts import FULL, load

MAPPING = load(
    "score: {value: 1, when: {lead.score: {above: 5}}}\nname: {from: lead.name}",
    "skip_when: {any: [{lead.unsubscribed: {is: true}}, {lead.name: {is: x}}]}\n"
    f"lookups: {{sixsense: {{api: {FULL}, send: {{email: lead.email}}}}}}",
)


def test_what_no_event_had_is_told_with_where_it_is_read_first():
    events = [{"id": 1, "email": "", "name": None}, {"id": 2}]
    told = unsent(MAPPING, events)
    assert [one.message for one in told] == [
        "the last 2 events had no lead.unsubscribed, which skip_when reads",
        "the last 2 events had no lead.score, which fields → score reads",
    ]
    first = told[0]
    assert (first.code, first.is_warning, first.line) == ("W211", True, 5)
    assert first.fix == "Add it to the webhook."


def test_an_input_of_a_lookup_is_named_whole():
    told = unsent(MAPPING, [{"id": 1, "score": 1, "name": 1, "unsubscribed": 0}])
    assert [one.message for one in told] == [
        "the last event had no lead.email, which lookups → sixsense → send → email "
        "reads"
    ]


def test_without_events_nothing_is_known():
    assert unsent(MAPPING, []) == []
