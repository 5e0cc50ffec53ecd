"""What an error does to its scope: nothing, a pause, or one more in a row."""

from __future__ import annotations

import structlog

from app.errors import (
    AnswerUnexpected,
    AppError,
    Disposition,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RequestRefused,
)
from app.ledger.pauses import Scope
from app.pipeline.parts import Parts, Source
from app.pipeline.retry import cause_of
from app.sixsense import PRODUCTS

log = structlog.get_logger()

#: A rate limit that does not say when it is over, in seconds.
RATE_PAUSE_S = 5.0


def is_closed(parts: Parts, *scopes: Scope) -> bool:
    """Whether a pause forbids calls in any of these scopes now."""
    active = parts.ledger.pauses.active()
    return any(
        scope in active and not active[scope].may_probe for scope in scopes
    )


def scopes_of(api: str) -> tuple[Scope, ...]:
    """The scopes besides the token that a call of this API depends on."""
    pool = PRODUCTS[api].info.pool
    product = Scope("product", api)
    return (product, Scope("pool", pool)) if pool else (product,)


def scope_of(token: Scope, api: str, error: AppError) -> Scope:
    """Spent credits close their pool, a refusal its product, the rest the token."""
    pool = PRODUCTS[api].info.pool
    if isinstance(error, QuotaSpent) and pool:
        return Scope("pool", pool)
    if error.disposition is Disposition.FAIL or isinstance(error, QuotaSpent):
        return Scope("product", api)
    return token


def is_free_of_charge(error: AppError) -> bool:
    """Whether this failure counts as no attempt of the run that met it.

    A hold is about its scope, and a rate limit did nothing at all: a lead must not
    fail for having come on a busy day.
    """
    return error.disposition is Disposition.HOLD or isinstance(error, RateLimited)


def note_failure(
    parts: Parts, scope: Scope, error: AppError, *, is_in_a_row: bool = True
) -> None:
    """Pause `scope`, or count what may become a pause.

    `is_in_a_row`: no call has gone through since this one failed.
    """
    if parts.stopping.is_set():
        # What fails while we are leaving tells nothing of the other side.
        return
    parts.struggling.add(scope)
    pauses = parts.ledger.pauses
    retry_after = error.retry_after if isinstance(error, RemoteError) else None
    cause = cause_of(error)
    if isinstance(error, RateLimited):
        wait = RATE_PAUSE_S if retry_after is None else retry_after
        pauses.begin(scope, str(error), cause=cause, for_s=wait)
    elif error.disposition is Disposition.HOLD:
        pauses.begin(scope, str(error), cause=cause, for_s=retry_after)
        # A person should act, whatever the probes may find later.
        log.error("paused", kind=scope.kind, scope=scope.name, reason=str(error))
    elif (
        is_in_a_row
        and _is_telling(error)
        and pauses.refused(scope, str(error), cause=cause)
    ):
        log.error("paused", kind=scope.kind, scope=scope.name, reason=str(error))


def aside(source: Source, part: str) -> Scope:
    """What a source does beside reading and writing, as a scope of its own.

    A search that lacks a permission must not stop the writes.
    """
    return Scope("source", f"{source.name} {part}")


def note_aside(parts: Parts, source: Source, part: str, error: AppError) -> None:
    """As `note_failure`; but only spent calls are everything's business."""
    is_shared = isinstance(error, RateLimited | QuotaSpent)
    note_failure(parts, source.scope if is_shared else aside(source, part), error)


def note_success(parts: Parts, scope: Scope) -> None:
    """A call went through: lift the pause that was probed, end a streak."""
    if scope not in parts.struggling and scope not in parts.ledger.pauses.active():
        return
    parts.ledger.pauses.taken(scope)
    if parts.ledger.pauses.lift([scope], if_probed=True):
        log.info("resumed", kind=scope.kind, scope=scope.name)
    parts.struggling.discard(scope)


def _is_telling(error: AppError) -> bool:
    """Whether five of these in a row mean that something is set up wrong."""
    if isinstance(error, RequestRefused):
        # Refused by us before it was sent: that is about one lead.
        return error.status is not None or error.code is not None
    return isinstance(error, AnswerUnexpected)
