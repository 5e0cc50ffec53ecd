"""Converters: every example of the reference, and the words of each refusal."""

from zoneinfo import ZoneInfo

import pytest

from app.errors import ConversionFailed
from app.mapping.converters import CONVERTERS

BERLIN = ZoneInfo("Europe/Berlin")

READ = [
    ("integer", "12,500", 12500),
    ("integer", "12 500", 12500),
    ("integer", "12'500", 12500),
    ("integer", "12\u00a0500", 12500),
    ("integer", "$12,603,100", 12603100),
    ("integer", "-$5", -5),
    ("integer", "41.0", 41),
    ("integer", 41.0, 41),
    ("integer", "1.5M", 1500000),
    ("integer", "3K", 3000),
    ("integer", "45%", 45),
    ("number", "1,234.50", 1234.5),
    ("number", "1.234", 1.234),
    ("number", "45%", 45),
    ("currency", "$1,234.565", 1234.57),
    ("currency", "12,603,100 USD", 12603100),
    ("range-low", "1,000 - 4,999", 1000),
    ("range-low", "1,000 \u2013 4,999", 1000),
    ("range-low", "10,000+", 10000),
    ("range-low", "$5B+", 5000000000),
    ("range-low", "$10M - $25M", 10000000),
    ("range-low", "1192", 1192),
    ("range-low", 1192, 1192),
    ("range-high", "1,000 - 4,999", 4999),
    ("range-high", "$100M - $250M", 250000000),
    ("range-high", "0 - 9", 9),
    ("boolean", "YES", True),
    ("boolean", "off", False),
    ("boolean", 1, True),
    ("date", "2026-11-02", "2026-11-02"),
    ("date", "1793577600000", "2026-11-02"),
    ("datetime", "2026-03-01 14:28:16", "2026-03-01T14:28:16Z"),
    ("datetime", "2026-03-01", "2026-03-01T00:00:00Z"),
    ("text", 12.0, "12"),
    ("text", True, "true"),
    ("text", " a ", "a"),
]

REFUSED = [
    ("integer", "41.5", "'41.5' has a fraction and is not a whole number."),
    ("integer", "10,000+", "'10,000+' is open-ended, not a whole number."),
    ("integer", "$5B+", "'$5B+' is open-ended, not a whole number."),
    ("integer", "1,000 - 4,999", "'1,000 - 4,999' is a range, not a whole number."),
    ("integer", "12,5", "decimal comma?"),
    ("integer", "1.234,56", "decimal comma?"),
    ("integer", "1,23,456", "is not grouped by threes."),
    ("integer", "about 50", "'about 50' is not a whole number."),
    ("integer", True, "'true' is yes or no, not a whole number."),
    ("integer", "1e3", "is not a whole number."),
    ("integer", float("nan"), "is not a whole number."),
    ("integer", float("inf"), "is not a whole number."),
    ("integer", "9" * 70, "is not a whole number."),
    ("integer", 10**400, "is not a whole number."),
    ("number", "1e3", "is not a number."),
    ("currency", "EUR 1,200", "'EUR 1,200' is not in USD."),
    ("range-low", "10 - 25M", "does the M belong to both?"),
    ("range-low", "< 10", "is not a range like 1,000 - 4,999."),
    ("range-low", "250 to 499", "is not a range like 1,000 - 4,999."),
    ("range-low", "500 - 100", "is a range that runs backwards."),
    ("range-low", True, "is yes or no"),
    ("range-high", "10,000+", "'10,000+' has no upper end."),
    ("boolean", "maybe", "'maybe' is neither yes nor no."),
    ("boolean", "ja", "'ja' is neither yes nor no."),
    ("date", "11/02/2026", "day or month first?"),
    ("date", "2026-02-30", "is not in the calendar."),
    ("date", "tomorrow", "is not a date like 2026-11-02."),
    ("datetime", 1793577600, "is not a time in milliseconds since 1970."),
]


@pytest.mark.parametrize(("name", "value", "wanted"), READ)
def test_reads(name, value, wanted):
    read = CONVERTERS[name](value)
    assert read == wanted
    assert type(read) is type(wanted)


@pytest.mark.parametrize(("name", "value", "words"), REFUSED)
def test_refuses_what_could_mean_two_things(name, value, words):
    with pytest.raises(ConversionFailed) as refused:
        CONVERTERS[name](value)
    assert words in str(refused.value)


def test_currency_reads_the_one_that_is_named():
    to_currency = CONVERTERS["currency"]
    assert to_currency("€1,200.505", currency="EUR") == 1200.51
    assert to_currency("EUR 1,200", currency="EUR") == 1200
    assert to_currency("1,200 CHF", currency="CHF") == 1200
    with pytest.raises(ConversionFailed, match="is not in EUR"):
        to_currency("$5", currency="EUR")


def test_times_are_read_and_told_in_the_mappings_zone():
    assert CONVERTERS["date"]("2026-11-02T23:30:00Z", zone=BERLIN) == "2026-11-03"
    assert CONVERTERS["datetime"]("2026-03-01 14:28:16", zone=BERLIN) == (
        "2026-03-01T13:28:16Z"
    )


def test_every_converter_has_its_reference_entry():
    for convert in CONVERTERS.values():
        assert "→" in (convert.__doc__ or "")
