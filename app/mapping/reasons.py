"""Why a field is kept: the codes of the reference and their sentences."""

from __future__ import annotations

from collections.abc import Collection

from app.domain import LookupResult
from app.mapping.readers import Scope

NO_VALUE = "no-value"
NO_LOOKUP = "no-lookup"
NOT_APPLICABLE = "not-applicable"
BAD_VALUE = "bad-value"
NO_TRANSLATION = "no-translation"
TOO_LONG = "too-long"
NOT_ALLOWED = "not-allowed"
READ_ONLY = "read-only"
UNCHANGED = "unchanged"
NOT_EMPTY = "not-empty"
EDITED = "edited-by-someone"
NOT_HIGHER = "not-higher"
NOT_ALONE = "not-alone"
#: Given by the send step, when the CRM answers.
REFUSED = "refused"

#: The whole sentence, for those that need no detail.
SENTENCES = {
    NO_VALUE: "6sense has nothing for this field.",
    NO_LOOKUP: "6sense was not asked, or could not answer, so nothing is known.",
    NO_TRANSLATION: "The value is not in the table.",
    READ_ONLY: "The CRM does not let anyone write this field.",
    UNCHANGED: "The record already says so.",
    NOT_EMPTY: "The field has a value, and the mapping fills blanks only.",
}

#: `on_error: fail` makes these fail the run.
FAULTS = frozenset({BAD_VALUE, TOO_LONG, NOT_ALLOWED})


class Keep(Exception):
    """A step says why its field is kept.

    `value` is what would have been sent, where that is known.
    """

    def __init__(self, reason: str, sentence: str = "", value: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sentence = sentence or SENTENCES.get(reason, "")
        self.value = value
        self.origin = ""


class FailRun(Exception):
    """A field says that the whole run has to wait for a person."""


def unknown(scope: Scope, lookups: Collection[str]) -> Keep:
    """Keep a field because 6sense could not be asked, with what is known of why."""
    answers = [scope.answers[name] for name in lookups if name in scope.answers]
    results = {answer.result for answer in answers}
    if "current" in lookups:
        return Keep(NO_LOOKUP, "The record was not read, so nothing is known.")
    sentence = SENTENCES[NO_LOOKUP]
    if LookupResult.SPENT in results:
        sentence = f"{sentence} (budget spent)"
    elif LookupResult.FAILED in results:
        sentence = f"{sentence} (6sense refused the question)"
    elif results & {LookupResult.MATCHED, LookupResult.NO_MATCH}:
        apis = ", ".join(sorted({answer.api for answer in answers}))
        sentence = f"{sentence} (only {apis} was asked, or names are switched off)"
    return Keep(NO_LOOKUP, sentence)
