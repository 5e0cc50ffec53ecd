"""`leadbridge pause` and `resume`: stop a scope by hand, and let it go on."""

from __future__ import annotations

import json

import click

from app.cli.runs import open_database
from app.cli.scopes import KINDS, scope_named, scopes_known
from app.cli.story import local_time
from app.errors import ConfigurationError
from app.ledger.pauses import Pauses, Scope


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.argument("name", required=False)
@click.option("--reason", default="paused by hand", help="For whoever looks next.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def pause(kind: str | None, name: str | None, reason: str, as_json: bool) -> None:
    """Stop calls of a source, 6sense token, credit pool or product.

    A token is named by the product it is for, or default. Webhooks are still taken:
    their runs wait. Without arguments, lists what is paused.
    """
    if kind is not None and name is None:
        raise click.UsageError(f"Say which {kind}: {_names(kind)}.")
    scope = Scope(kind, scope_named(kind, name)) if kind and name else None
    with open_database() as database:
        pauses = Pauses(database)
        if scope is None:
            _list(pauses, as_json=as_json)
            return
        pauses.begin(scope, reason, cause="by hand", is_for_good=True)
    click.echo(f"{kind} {name} is paused. leadbridge resume {kind} {name} ends that.")


@click.command()
@click.argument("kind", type=click.Choice(KINDS), required=False)
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Whatever is paused.")
def resume(kind: str | None, name: str | None, everything: bool) -> None:
    """End a pause now, without waiting for its next try."""
    if everything == (kind is not None):
        raise click.UsageError("Say what to resume: KIND NAME, or --all.")
    if kind is not None and name is None:
        raise click.UsageError(f"Say which {kind}: {_names(kind)}.")
    with open_database() as database:
        pauses = Pauses(database)
        active = pauses.active()
        if not everything:
            # As it is listed, though its mapping file or token is gone; or as named.
            chosen = Scope(kind or "", name or "")
            if chosen not in active:
                chosen = Scope(chosen.kind, scope_named(chosen.kind, chosen.name))
        lifted = pauses.lift(list(active) if everything else [chosen])
    if not lifted and not everything:
        raise click.ClickException(
            f"{kind} {name} is not paused. leadbridge pause lists what is."
        )
    click.echo(f"{lifted} resumed; waiting runs go on within seconds.")


def _names(kind: str) -> str:
    try:
        return ", ".join(scopes_known(kind))
    except ConfigurationError:
        return "NAME"


def _list(pauses: Pauses, *, as_json: bool) -> None:
    active = pauses.active().values()
    if as_json:
        for one in active:
            row = {
                "kind": one.scope.kind,
                "name": one.scope.name,
                "reason": one.reason,
                "cause": one.cause,
                "since": one.since.isoformat(),
                "until": one.until.isoformat() if one.until else None,
            }
            click.echo(json.dumps(row))
        return
    if not active:
        click.echo("Nothing is paused.")
    for one in active:
        again = f"tried again at {local_time(one.until)}"
        until = again if one.until else "until resumed"
        since = f"since {local_time(one.since)}, {until}"
        click.echo(f"{_called(one.scope)}  {since}: {one.reason}")


def _called(scope: Scope) -> str:
    """Its kind and name; a token with the names that people give it."""
    said = f"{scope.kind} {scope.name}"
    if scope.kind != "token":
        return said
    try:
        known = scopes_known("token")
    except ConfigurationError:
        return said
    names = [name for name, ring in known.items() if ring == scope.name]
    return f"{said} ({', '.join(names)})" if names else f"{said} (not set any more)"
