"""Names of what can be paused, as people say them and as the ledger has them."""

from __future__ import annotations

import click

from app.errors import ConfigurationError
from app.mapping.findings import did_you_mean
from app.sixsense import PRODUCTS

#: What a source does beside reading and writing, and what may be paused alone.
ASIDE = ("search", "campaigns", "waits")
KINDS = ("source", "token", "pool", "product")


def scope_named(kind: str, name: str) -> str:
    """The name under which the pumps look for this pause.

    Where mapping files or settings cannot be read, a name is taken as it is, with a
    note; but a token that nobody knows would hold nothing.

    Raises:
        BadParameter: there is no such source, token, pool or product.
    """
    try:
        known = scopes_known(kind)
    except ConfigurationError as error:
        if kind == "token" and not name.startswith("6sense:"):
            message = f"which token {name} is cannot be told here: {error}"
            raise click.BadParameter(message, param_hint="NAME") from None
        click.echo(f"Not looked up whether there is a {kind} {name}: {error}", err=True)
        return name
    folded = {each.casefold(): scope for each, scope in known.items()}
    found = folded.get(name.casefold())
    if found is None:
        fix = did_you_mean(name, list(known))
        message = f"there is no {kind} '{name}'. {fix}".rstrip()
        raise click.BadParameter(message, param_hint="NAME")
    return found


def scopes_known(kind: str) -> dict[str, str]:
    """Each name of this kind with the ledger's name of it.

    Raises ConfigurationError: mapping files or settings cannot be read.
    """
    if kind == "source":
        from app.cli.mapping import load_reports

        made = [m for report in load_reports([]) for m in report.required()]
        names = {mapping.source for mapping in made}
        parts = [f"{name} {part}" for name in names for part in ASIDE]
        return {name: name for name in sorted([*names, *parts])}
    if kind == "token":
        return _tokens()
    if kind == "pool":
        pools = {product.info.pool for product in PRODUCTS.values()}
        return {pool: pool for pool in sorted(p for p in pools if p is not None)}
    by_path = {p.info.path_alias: name for name, p in PRODUCTS.items()}
    return {name: name for name in PRODUCTS} | by_path


def _tokens() -> dict[str, str]:
    """A pause of a token is of its value: what replaces it starts at once."""
    import os

    from app import runtime
    from app.settings import Settings

    client = runtime.sixsense_of(Settings.load(os.environ))
    return {name: client.limit_name(name) for name in client.token_names}
