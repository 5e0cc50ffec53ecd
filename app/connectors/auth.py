"""Who may send, and as whom we call: shared secrets in, access tokens out."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from app.connectors.guide import Variables
from app.errors import ConfigurationError, SignatureInvalid

#: An access token is replaced this long before it ends.
_EARLY_S: Final = 60.0
#: Wait before asking again for a token that ends this very moment.
_EXPIRED_WAIT_S: Final = 1.0


class Secrets(tuple[str, ...]):
    """One secret, or two during a rotation; shown to nobody."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} secrets>"

    @classmethod
    def of(cls, text: str) -> Secrets:
        """Those of a setting: comma-separated, blanks around them apart."""
        return cls(one for part in text.split(",") if (one := part.strip()))


class SharedSecret:
    """One secret, or two during a rotation; an empty one is none."""

    def __init__(self, secrets: str) -> None:
        self._secrets = tuple(one.encode() for one in Secrets.of(secrets))

    def __repr__(self) -> str:
        return f"<SharedSecret of {len(self._secrets)}>"

    def verify(self, given: str | None) -> None:
        """SignatureInvalid unless `given` is one of the secrets.

        Every secret is compared, whichever fits: the time tells nothing.
        """
        # Header values come decoded as Latin-1, or with surrogates in their place.
        offered = (given or "").strip().encode("utf-8", "backslashreplace")
        fits = [hmac.compare_digest(offered, secret) for secret in self._secrets]
        if not (offered and any(fits)):
            raise SignatureInvalid("The secret is missing or wrong.")


def sending_secret(variables: Variables, key: str) -> str:
    """The first secret of a setting, to send a webhook with; "" if none is wanted.

    Raises:
        ConfigurationError: it is not set, or the source takes no webhooks.
    """
    word = variables.get("WEBHOOK_AUTH") or "secret"
    if word == "off":
        raise ConfigurationError(
            f"{variables.name('WEBHOOK_AUTH')} is off: no webhook is taken."
        )
    secret = next(iter(Secrets.of(variables.get(key))), "")
    if word == "secret" and not secret:
        raise ConfigurationError(
            f"{variables.name(key)} is not set: webhooks are known by it."
        )
    return secret if word == "secret" else ""


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token as the other side gave it."""

    token: str = field(repr=False)
    #: Seconds it still lives; 0 is possible.
    expires_in_s: float


@dataclass(frozen=True, slots=True)
class _Held:
    token: str = field(repr=False)
    #: On the caller's clock.
    refresh_at: float


class AccessToken:
    """Holds the access token of one source; many threads ask, one fetches.

    `fetch` asks the identity endpoint once and raises RemoteErrors; `now` and
    `sleep` are the caller's clock and patience.
    """

    def __init__(
        self,
        fetch: Callable[[], Issued],
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._fetch = fetch
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._held: _Held | None = None

    def __repr__(self) -> str:
        return "<AccessToken held>" if self._held else "<AccessToken none yet>"

    def current(self) -> str:
        """A token that lives; fetched if there is none or it is about to end."""
        held = self._held
        if held is None or self._now() >= held.refresh_at:
            with self._lock:
                held = self._held
                if held is None or self._now() >= held.refresh_at:
                    held = self._renew(held)
        return held.token

    def replace(self, refused: str) -> str:
        """Another token than `refused`, which the other side no longer takes.

        Whoever comes second gets what the first one fetched.
        """
        with self._lock:
            if self._held is None or self._held.token == refused:
                self._held = self._renew(None)
            return self._held.token

    def _renew(self, old: _Held | None) -> _Held:
        issued = self._fetch()
        if issued.expires_in_s <= 0:
            # The token of this second is handed out once more; the next one is new.
            self._sleep(_EXPIRED_WAIT_S)
            issued = self._fetch()
        # Some give the same token until it ends: asking early brings no other one,
        # so the last minute is used up without asking at every call.
        is_same = old is not None and old.token == issued.token
        lead_s = 0.0 if is_same else min(_EARLY_S, issued.expires_in_s)
        self._held = _Held(issued.token, self._now() + issued.expires_in_s - lead_s)
        return self._held
