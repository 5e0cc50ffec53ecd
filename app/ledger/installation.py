"""Facts of this installation that every process has to agree on."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

import sqlalchemy as sa

from app.errors import ConfigurationError
from app.ledger.database import Database

_KEEP = sa.text("""
    insert into installation (name, value) values (:name, :value)
    on conflict (name) do nothing
""")
_READ = sa.text("select value from installation where name = :name")
_TURN = sa.text("""
    insert into installation (name, value) values (:name, now()::text)
    on conflict (name) do update set value = excluded.value
    where installation.value::timestamptz < now() - :every
    returning name
""")
_REMEMBER_MAPPING = sa.text("""
    insert into mapping_versions (version, name, source, text)
    values (:version, :name, :source, :text) on conflict do nothing
""")


def person_key(database: Database, given: str | None) -> bytes:
    """The key of all hashes: PERSON_KEY, or one made at the first start and kept here.

    Raises ConfigurationError if PERSON_KEY is not the key this database was filled
    with: every hash would stop matching, and keep-fresh would forget what we wrote.
    """
    if given is None:
        kept = _keep(database, "person_key", secrets.token_hex(32))
        return kept.encode()
    check = hmac.new(given.encode(), b"leadbridge", hashlib.sha256).hexdigest()
    made_here = database.row(_READ, name="person_key")
    if made_here is not None and made_here[0] != given:
        raise ConfigurationError(
            "PERSON_KEY is set, but this database was filled with a key of its own. "
            "Remove PERSON_KEY, or set it to that key (table installation, person_key)."
        )
    if _keep(database, "person_key_check", check) != check:
        raise ConfigurationError(
            "PERSON_KEY is not the key this database was filled with. Set it back: "
            "with another one, no value that was written could be recognised."
        )
    return given.encode()


def _keep(database: Database, name: str, value: str) -> str:
    """Store `value` unless there is one already; returns what is stored."""
    database.rows(_KEEP, name=name, value=value)
    row = database.row(_READ, name=name)
    return str(row[0]) if row else value


def is_turn(database: Database, name: str, every: timedelta) -> bool:
    """True for one caller in each `every`, whichever process asks."""
    return database.row(_TURN, name=f"turn:{name}", every=every) is not None


def remember_mapping(
    database: Database, *, version: str, name: str, source: str, text: str
) -> None:
    """Keep the text of a mapping, so that a run can show what decided it."""
    database.rows(
        _REMEMBER_MAPPING, version=version, name=name, source=source, text=text
    )
