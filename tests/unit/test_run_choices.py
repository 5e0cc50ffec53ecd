"""Which runs are meant, and what to do about a cause."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from app import errors
from app.cli.filters import moment
from app.pipeline.problems import what_to_do
from app.pipeline.retry import cause_of


@pytest.mark.parametrize(
    ("text", "hours"),
    [("2h", 2), ("90 min", 1.5), ("3 days", 72), ("1W", 168), ("30s", 1 / 120)],
)
def test_a_span_is_that_long_ago(text, hours):
    ago = datetime.now(UTC) - moment(text)
    assert abs(ago - timedelta(hours=hours)) < timedelta(seconds=20)


def test_a_time_without_a_zone_is_local():
    assert moment("2026-11-24T09:30Z") == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    assert moment("2026-11-24") == datetime(2026, 11, 24).astimezone()


@pytest.mark.parametrize("text", ["", "yesterday", "3 months", "-2h", "2", "2026-13-1"])
def test_what_is_no_time_is_refused_with_examples(text):
    with pytest.raises(click.BadParameter, match="say 2h, 3 days or 2026"):
        moment(text)


def kinds(root):
    """Every error below this one that a run can end with."""
    for kind in root.__subclasses__():
        yield from kinds(kind)
        yield kind


RUN_ERRORS = [
    kind
    for kind in kinds(errors.AppError)
    if kind.__module__ == errors.__name__
    and not issubclass(kind, errors.WebhookRefused)
    and kind not in (errors.RemoteError, errors.RecordError)
]


@pytest.mark.parametrize("kind", RUN_ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_says_what_to_do(kind):
    assert what_to_do(cause_of(kind("what happened"))) != what_to_do("another")


def test_the_longest_word_of_a_cause_counts():
    assert "gone" in what_to_do("mapping missing")
    assert "says to fail" in what_to_do("mapping")
    assert what_to_do("RecordRefused 1003") == what_to_do("RecordRefused")
    assert what_to_do("RecordRefusedOtherwise") == what_to_do(None)
