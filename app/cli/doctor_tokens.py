"""The doctor's checks of 6sense: each token on what it is meant for, for no credit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Final

from app.cli.sixsense import variable_of, what_to_do
from app.domain import LookupResult
from app.errors import (
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RequestRefused,
    Unreachable,
)
from app.ledger import Ledger
from app.mapping.findings import did_you_mean
from app.mapping.model import MappingFile
from app.pipeline.diagnosis import Check, ok, problem, untested, warning
from app.pipeline.scored import Absent, compared
from app.sixsense import PRODUCTS
from app.sixsense.client import SixsenseClient

#: Inputs that belong to nobody, so that no answer can cost: a name under `.invalid`,
#: and an address of the block that was never given out.
NOBODY: Final[Mapping[str, str]] = {
    "email": "nobody@nomatch.leadbridge.invalid",
    "domain": "nomatch.leadbridge.invalid",
    "ip": "240.0.0.1",
}
#: So many days of answers are looked at for the share of matches.
DAYS: Final = 30
#: Fewer answers than this say nothing of it.
LEAST: Final = 20

#: The turn of one API for one source.
Turn = Callable[[str, str], AbstractContextManager[None]]


def check_forms(client: SixsenseClient) -> Iterator[Check]:
    """Tokens that do not look like 6sense's; they are used all the same."""
    for token in client.odd_tokens:
        said = f"{variable_of(token)} is not of 40 letters and digits, as 6sense's are"
        yield warning(f"6sense {token}", said, "Is it whole, and nothing but it?")


def check_tokens(
    client: SixsenseClient,
    meant: Mapping[str, Sequence[tuple[str, str]]],
    turn: Turn,
) -> Iterator[Check]:
    """Each token, once for each API that it is meant for."""
    for token, uses in meant.items():
        if not uses:
            said = f"{variable_of(token)}: no mapping file asks under it"
            yield untested(f"6sense {token}", said)
        for api, source in uses:
            yield _token(client, token, api, source, turn)


def harmless(api: str) -> dict[str, str] | None:
    """Inputs of this API that match nobody; None: it has no such input."""
    found: dict[str, str] = {}
    for group in PRODUCTS[api].info.required:
        name = next((one for one in group if one in NOBODY), None)
        if name is None:
            return None
        found[name] = NOBODY[name]
    return found


def _token(
    client: SixsenseClient, token: str, api: str, source: str, turn: Turn
) -> Check:
    name = f"6sense {token}"
    inputs = harmless(api)
    if inputs is None:
        return untested(name, f"{api}: there is no call of it that costs nothing")
    try:
        with turn(api, source):
            answered = client.call(api, inputs, source=source)
    except RemoteError as error:
        return _refused(name, token, api, error)
    if answered.result is LookupResult.MATCHED:
        said = f"{api} works, but knew somebody who is not there"
        fix = "A credit may have been taken (estimated). Please report it."
        return warning(name, said, fix)
    return ok(name, f"{api} works, {answered.ms:,.0f} ms, 0 credits (estimated)")


def _refused(name: str, token: str, api: str, error: RemoteError) -> Check:
    fix = what_to_do(api, token, error)
    said = f"{api}: {error}"
    if isinstance(error, CredentialsRefused):
        is_wrong = error.status == 401
        said += ". The token is wrong" if is_wrong else ". It is not for this API"
        return problem(name, said, fix)
    if isinstance(error, RateLimited | RequestRefused):
        return untested(name, said, fix)
    if isinstance(error, QuotaSpent):
        return problem(name, f"{said}. The credits are spent", fix)
    if isinstance(error, Unreachable):
        # Nothing was asked that could cost.
        fix = "Look at SIXSENSE_URL, and whether this machine may call 6sense."
    return problem(name, said, fix)


def check_products(
    ledger: Ledger, client: SixsenseClient, mappings: Sequence[MappingFile]
) -> Iterator[Check]:
    """Products that mappings ask for by name, against those of the last answers."""
    for one in compared(ledger, client, mappings):
        names = ", ".join(sorted(one.asked))
        under = f"{one.api} ({one.token})"
        if not one.answers:
            said = f"{names}: no answer of {under} with scores is kept yet"
            yield untested("6sense products", said)
        elif not one.absent:
            said = f"{names}: in the last answers of {under}"
            yield ok("6sense products", said)
        for gone in one.absent:
            yield _gone(gone, under, sorted(one.asked[gone.product]))


def _gone(gone: Absent, under: str, readers: Sequence[str]) -> Check:
    said = (
        f"'{gone.product}' is in none of the last {gone.answers} answers of {under}; "
        f"they have {', '.join(gone.has) or 'none'}"
    )
    where = " and ".join(readers)
    fix = f"Mend scores[product={gone.product}] in {where}, or its name in 6sense."
    near = did_you_mean(gone.product, gone.has)
    return warning("6sense products", said, f"{near} {fix}".strip())


def check_matches(ledger: Ledger, now: datetime | None = None) -> Iterator[Check]:
    """How many of the leads that 6sense was asked about it knew, by API."""
    since = (now or datetime.now(UTC)).date() - timedelta(days=DAYS)
    counts: dict[str, list[int]] = {}
    for day in ledger.usage.days(since):
        of = counts.setdefault(day.product, [0, 0])
        of[0] += day.asked
        of[1] += day.matched
    for api, (asked, matched) in sorted(counts.items()):
        said = f"{api}: {matched:,} of {asked:,} answers in {DAYS} days"
        said += f" ({100 * matched / asked:.0f} %)" if asked else ""
        if asked >= LEAST and not matched:
            fix = "See what is sent: leadbridge runs show ID"
            yield warning("6sense matches", said, fix)
        else:
            yield ok("6sense matches", said)
