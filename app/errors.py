"""The error tree: the class says what to do, the attributes say why.

    AppError                       disposition
    ├ Broken                       RETRY   our own fault, met by one run
    ├ ConfigurationError           HOLD    a person must change something
    ├ WebhookRefused               –       an answer to the sender of a webhook
    │ ├ SignatureInvalid                   401, whatever exactly was wrong
    │ └ PayloadInvalid                     400; the body is kept to be looked at
    ├ RemoteError                  another system
    │ ├ Unreachable                RETRY   no answer: the outcome is unknown
    │ ├ RateLimited                RETRY   `retry_after` if the answer said so
    │ ├ RemoteFault                RETRY   5xx and its likes
    │ │ └ TookTooLong                      the same, half of it at a time
    │ ├ AnswerUnexpected           RETRY   not understood; five in a row HOLD
    │ │ └ AnswerTooLarge                   the same, half of it at a time
    │ ├ RequestRefused             FAIL    4xx; five alike HOLD
    │ ├ QuotaSpent                 HOLD    credits or a daily quota, until a time
    │ └ CredentialsRefused         HOLD    a person must look at them
    └ RecordError                  FAIL    this record, never its batch
      ├ RecordRefused                      `field` if one field was to blame
      ├ RecordMissing                      deleted or merged away
      └ ConversionFailed                   a value that does not convert

A message never holds a body, a token or a person's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum


class Disposition(StrEnum):
    """What the pumps do with an error; they know no vendor."""

    RETRY = "retry"
    FAIL = "fail"
    #: Pauses the scope; counts no attempt.
    HOLD = "hold"


class AppError(Exception):
    """Everything this service raises on purpose."""

    disposition = Disposition.FAIL


class Broken(AppError):
    """A fault of our own, met by one run: tried again, then that run has failed."""

    disposition = Disposition.RETRY


class ConfigurationError(AppError):
    """A person must change something; every problem at once.

    `problems` are findings or plain sentences, each printable with str().
    """

    disposition = Disposition.HOLD

    def __init__(self, message: str, problems: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        for problem in self.problems:
            self.add_note(str(problem))


class WebhookRefused(AppError):
    """A webhook that gets no 2xx; `status` is the HTTP answer."""

    status = 400


class SignatureInvalid(WebhookRefused):
    """Not authenticated. The sender learns nothing more than that."""

    status = 401


class PayloadInvalid(WebhookRefused):
    """Authenticated, but unreadable: stored once and listed as a problem."""

    status = 400


class RemoteError(AppError):
    """Another system did not do what it was asked.

    `system` and `operation` are ours ("marketo", "leads.sync"); `status` is the
    HTTP status, `code` the vendor's own, `retry_after` seconds from the answer.
    """

    def __init__(
        self,
        message: str,
        *,
        system: str = "",
        operation: str = "",
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.system = system
        self.operation = operation
        self.status = status
        self.code = code
        self.request_id = request_id
        self.retry_after = retry_after

    @property
    def cause(self) -> str:
        """One word for grouping: the class and the vendor's code or status."""
        detail = self.code or self.status
        name = type(self).__name__
        return f"{name} {detail}" if detail else name


class Unreachable(RemoteError):
    """No answer came: refused, reset or timed out. The outcome is unknown."""

    disposition = Disposition.RETRY


class RateLimited(RemoteError):
    """Too many calls; nothing was done."""

    disposition = Disposition.RETRY


class RemoteFault(RemoteError):
    """The other side broke (5xx). The outcome is unknown."""

    disposition = Disposition.RETRY


class TookTooLong(RemoteFault):
    """The other side ran out of time; half as much at once may do."""


class AnswerUnexpected(RemoteError):
    """An answer that cannot be understood: a maintenance page, a 202."""

    disposition = Disposition.RETRY


class AnswerTooLarge(AnswerUnexpected):
    """More than is read of an answer; half as much at once may do."""


class RequestRefused(RemoteError):
    """The request itself was refused (4xx); sending it again will not help."""

    disposition = Disposition.FAIL


class QuotaSpent(RemoteError):
    """Credits or a daily quota are used up; calls stop until it reopens."""

    disposition = Disposition.HOLD


class CredentialsRefused(RemoteError):
    """The other side does not accept who we are, or what we may do."""

    disposition = Disposition.HOLD


class RecordError(AppError):
    """One record; its neighbours in the batch are not touched by it."""

    disposition = Disposition.FAIL

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        once: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        #: One more try is enough: then it has failed.
        self.once = once
        #: The field to blame, in the vendor's spelling, where it is known.
        self.field = field

    @property
    def cause(self) -> str:
        """One word for grouping: the class and the vendor's code."""
        name = type(self).__name__
        return f"{name} {self.code}" if self.code else name


class RecordRefused(RecordError):
    """The other side refused this record, or one field of it."""


class RecordRetriable(RecordError):
    """This record could not be written now; later it may."""

    disposition = Disposition.RETRY


class RecordMissing(RecordError):
    """There is no such record: deleted, or merged into another."""


class ConversionFailed(RecordError):
    """A value that a converter cannot read; the message says why."""
