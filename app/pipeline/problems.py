"""What a person does about failures of one cause."""

from __future__ import annotations

#: By what a cause begins with: the class of the error, or a word of our own.
_ADVICE = {
    "RecordRefused": "The CRM refused the values. See one run for the field; mend the "
    "mapping or the field over there, then replay.",
    "RecordRetriable": "The CRM could not write the record for days. See what locks "
    "it over there, then replay.",
    "RecordMissing": "The record was deleted or merged into another: nothing to do, "
    "unless the mapping's `match` finds the wrong one.",
    "ConversionFailed": "A value cannot be converted. Let the mapping say what is to "
    "be done with it, then replay.",
    "RequestRefused": "The request itself was refused. See one run for what was asked; "
    "mend the mapping or what the webhook sends, then replay.",
    "CredentialsRefused": "Set the right token or credentials, and their rights; then "
    "replay.",
    "QuotaSpent": "Wait for new credits or calls, or buy some; then replay.",
    "RateLimited": "Too many calls for days: see who else uses them, then replay.",
    "Unreachable": "No answer for days. See whether address and network are right, "
    "then replay.",
    "RemoteFault": "The other side was broken for days. Once it works, replay.",
    "TookTooLong": "The other side took too long for days, for one record too. Once it "
    "works, replay.",
    "AnswerTooLarge": "The answer about this record alone is too large to be read: let "
    "the mapping read less of it, then replay.",
    "AnswerUnexpected": "Answers were not understood: see whether the address is right "
    "and the other side works, then replay.",
    "ConfigurationError": "Something is not set as it must be: leadbridge check "
    "--settings tells what. Then replay.",
    "Broken": "This is a fault of ours. The log has it as an ERROR: please report it. "
    "Replay after the next version.",
    "mapping missing": "The mapping file is gone. Put it back and replay, or leave it.",
    "mapping": "The mapping says to fail here, by `on_error` or `else`. See one run "
    "for the value; mend the file, then replay.",
    "loop": "Something changes this record again and again. See what calls the "
    "webhook; then replay one run of it.",
    "key too long": "No record has such a key: see what the webhook sends for it.",
}
_ELSE = "See one run for the reason; then replay."


def what_to_do(cause: str | None) -> str:
    """A sentence for a cause as runs have it: `RecordRefused 1003`."""
    text = cause or ""
    # The longest first: `mapping missing` is not `mapping`.
    for word in sorted(_ADVICE, key=len, reverse=True):
        if text == word or text.startswith(f"{word} "):
            return _ADVICE[word]
    return _ELSE
