"""A source for a command: its connector, by that source's own settings alone."""

from __future__ import annotations

from collections.abc import Mapping

import click

from app.connectors import CONNECTORS, connector_for
from app.connectors.base import Connector
from app.domain import CrmField
from app.environment import is_secret, prefix_of, read_source
from app.errors import (
    ConfigurationError,
    CredentialsRefused,
    QuotaSpent,
    RateLimited,
    RemoteError,
    RequestRefused,
)
from app.mapping.findings import did_you_mean


def kind_named(source: str) -> type[Connector]:
    """The connector's class; BadParameter if there is none for such a source."""
    kind = connector_for(source)
    if kind is None:
        near = did_you_mean(source.partition("-")[0], CONNECTORS)
        message = f"there is no connector for '{source}'. {near}".rstrip()
        raise click.BadParameter(message, param_hint="SOURCE")
    return kind


def connector_of(source: str, environ: Mapping[str, str]) -> Connector:
    """The source's connector, for calls only.

    Raises:
        BadParameter: there is no such connector.
        ConfigurationError: every setting of the source that is missing or wrong.
    """
    kind = kind_named(source)
    # No webhook comes in here, so what webhooks need may be missing.
    given = {**environ, f"{prefix_of(source)}WEBHOOK_AUTH": "none"}
    settings, problems = read_source(source, kind.settings, given)
    if problems:
        raise ConfigurationError(f"Source {source} has settings to mend.", problems)
    return kind(source, settings)


def live_fields(connector: Connector, object_name: str) -> dict[str, CrmField]:
    """The fields of an object as the CRM tells them now, by name.

    Raises:
        ConfigurationError: it could not be asked; says what to look at.
    """
    source = connector.source
    try:
        found = connector.fields(object_name)
    except RemoteError as error:
        message = f"The schema of {source} could not be read: {error}."
        raise ConfigurationError(message, [what_to_do(connector, error)]) from error
    if not found:
        raise ConfigurationError(
            f"{source} tells no field of {object_name}.",
            [f"Look at what the user of {_secrets(connector)} may see."],
        )
    return {field.name: field for field in found}


def what_to_do(connector: Connector, error: RemoteError) -> str:
    """Where a person has to look after this error of a source."""
    prefix = prefix_of(connector.source)
    if isinstance(error, CredentialsRefused):
        return f"Look at {_secrets(connector)}, and at what their user may do."
    if isinstance(error, RateLimited | QuotaSpent):
        return "Its calls are used up for now. Try again later."
    if isinstance(error, RequestRefused):
        return f"Look at what the user of {_secrets(connector)} may do."
    return f"Look at {prefix}URL, and whether this machine may call it."


def _secrets(connector: Connector) -> str:
    """The settings with which it signs in, by their variables."""
    prefix = prefix_of(connector.source)
    shape = connector.settings()
    names = [
        prefix + (part.data_key or name)
        for name, part in shape.fields.items()
        if part.required and is_secret(name, part)
    ]
    return " and ".join(names) or f"the settings {prefix}…"
