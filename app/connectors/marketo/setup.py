"""What to click, paste and grant in Marketo, for the mapping files of one account.

Source: Adobe, "Webhooks", "Response Mappings", "Custom Services"
(docs/connectors/marketo.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from app.connectors.auth import sending_secret
from app.connectors.guide import (
    Block,
    Guide,
    Rehearsal,
    Route,
    Section,
    Steps,
    Table,
    Variables,
    Words,
)
from app.connectors.marketo import template
from app.connectors.marketo.webhooks import munchkin_id
from app.errors import ConfigurationError

#: As people write the header; Marketo sends it as it is written.
SECRET_HEADER: Final = "X-Leadbridge-Secret"  # noqa: S105  a header's name
_SECRET: Final = "WEBHOOK_SECRET"  # noqa: S105  a setting's name
_FORM: Final = "application/x-www-form-urlencoded"
_TRIGGERS: Final[Mapping[str, str]] = {
    "created": "*Person is Created* (or *Fills Out Form*, *Added to List* ...)",
    "updated": "*Data Value Changes*",
}


def guide(routes: Sequence[Route], variables: Variables) -> Guide:
    """The whole set-up; nothing is called, and no secret's value is in it."""
    source = routes[0].source if routes else "marketo"
    sections = [
        *(part for route in routes for part in _of_route(route, variables)),
        _role(routes),
    ]
    return Guide(f"Marketo, source {source}", tuple(sections))


def _of_route(route: Route, variables: Variables) -> Iterator[Section]:
    if variables.get("WEBHOOK_AUTH") == "off":
        said = (
            f"None: {variables.name('WEBHOOK_AUTH')} is off, so no webhook is taken. "
            "People are found by the activity log instead."
        )
        yield Section(f"Webhook for {route.mapping}", (Words(said),))
    elif not route.events:
        said = f"None: the mapping wants no event of {route.object}."
        yield Section(f"Webhook for {route.mapping}", (Words(said),))
    else:
        for event in route.events:
            yield Section(_name(route, event), tuple(_webhook(route, event, variables)))
    yield Section(f"Smart campaigns for {route.mapping}", tuple(_campaigns(route)))


def _name(route: Route, event: str) -> str:
    """Of the webhook: one of several for a mapping says for which event."""
    of = f", {event}" if len(route.events) > 1 else ""
    return f"Webhook Leadbridge {route.mapping}{of}"


def _webhook(
    route: Route, event: str, variables: Variables
) -> Iterator[Words | Steps | Table | Block]:
    name = _name(route, event).removeprefix("Webhook ")
    mapped = "below" if route.is_answered else "none: values are written by REST"
    yield Table(
        "Admin > Integration > Webhooks > New Webhook",
        ("field", "value"),
        (
            ("Webhook Name", name),
            ("URL", route.url),
            ("Request Type", "POST"),
            ("Payload Template", "below"),
            ("Request Token Encoding", "JSON"),
            ("Response type", "JSON"),
            ("Response Mappings", mapped),
        ),
    )
    yield Block("Payload Template", template.text_of(template.pairs(route, event)))
    yield Words(
        "No quotation marks around tokens: with JSON encoding Marketo brings them. "
        "No default values: an invented country gives wrong matches."
    )
    unknown = template.to_fill(route)
    if unknown:
        yield Words(_fill(route, unknown))
    yield from _headers(variables)
    if route.is_answered:
        yield from _mappings(route)


def _fill(route: Route, names: Sequence[str]) -> str:
    listed = ", ".join(names)
    if not route.fields:
        return (
            f"To fill in: the display names of {listed}. `leadbridge schema pull "
            f"{route.source}` fetches them; then this template has them."
        )
    return (
        f"To fill in: the display names of the fields that hold {listed}. The pulled "
        "schema has none of these names, so for people who come without a webhook "
        "they cannot be fetched: better let the mapping read the REST names."
    )


def _headers(variables: Variables) -> Iterator[Words | Table]:
    rows = [("Content-Type", "application/json")]
    said = ""
    if variables.get("WEBHOOK_AUTH") != "none":
        name = variables.name(_SECRET)
        rows.insert(0, (SECRET_HEADER, f"the value of {name}"))
        if not variables.get(_SECRET):
            said = f"{name} is not set here. Make a long random text of ASCII letters."
    yield Table(
        "Webhooks Actions > Set Custom Header", ("header", "value"), tuple(rows)
    )
    if said:
        yield Words(said)


def _mappings(route: Route) -> Iterator[Words | Table]:
    yield Table(
        "Response Mappings",
        ("Response Attribute", "Marketo Field (SOAP API name)"),
        tuple((name, _soap(name, route)) for name in route.writes),
    )
    yield Words(
        "A missing attribute leaves its field as it is. What the answer could not "
        "bring, because 6sense took longer, is written by REST."
    )


def _soap(name: str, route: Route) -> str:
    if not route.fields:
        return f"? `leadbridge schema pull {route.source}` fetches it"
    field = route.fields.get(name)
    if field is None:
        return "? no such field when the schema was pulled"
    return field.soap_name or "none: such a field cannot be filled by an answer"


def _campaigns(route: Route) -> Iterator[Words | Steps]:
    steps = [
        f"Trigger {_TRIGGERS[event]}{_only_read(route) if event == 'updated' else ''}; "
        f"flow step *Call Webhook* {_name(route, event).removeprefix('Webhook ')}; "
        "activate it. It has to be a trigger campaign: in a batch campaign Marketo "
        "refuses the webhook with error 1000."
        for event in route.events
    ]
    if route.campaign:
        steps.append(
            f"Campaign {route.campaign} goes on after the write: its trigger is "
            "*Campaign is Requested*, Source *Web Service API*. It has to be active."
        )
    elif route.result:
        label = template.display_name(route.result, route.fields) or route.result
        steps.append(
            f"A second one goes on when 6sense has answered: trigger *Data Value "
            f"Changes*, Attribute *{label}*; branch on its new value: matched, "
            "no-match, spent, failed, waiting. Not with a Wait step after *Call "
            "Webhook*: values come when they come."
        )
    if steps:
        yield Steps(tuple(steps))
    if not (route.campaign or route.result):
        yield Words(
            "To go on when 6sense has answered, give the mapping a field to trigger "
            "on: `outcome: {result: yourField}`."
        )


def _only_read(route: Route) -> str:
    """Which changes to trigger on, by their display names."""
    skipped = {*route.writes, *(n for n in route.reads if template.is_ours(n))}
    names = [name for name in route.reads if name not in skipped]
    labels = [template.display_name(name, route.fields) or name for name in names]
    listed = f" of {', '.join(labels)}" if labels else ""
    return (
        f"{listed}, never of a field that is written here (if one has to be, with "
        "*Source is not Web service API*)"
    )


def _role(routes: Sequence[Route]) -> Section:
    rows = [
        (
            "Read-Write Person (older accounts: Read-Write Lead)",
            "reading current values, writing, describing fields",
        ),
        (
            "Read-Only Activity",
            "finding people who came without a webhook; not with RECONCILE_EVERY_S=0",
        ),
    ]
    if any(route.campaign for route in routes):
        rows.append(("Execute Campaign", "requesting the campaign after the write"))
    source = routes[0].source if routes else "marketo"
    rows.append(
        (
            "Read-Write Schema Custom Field",
            f"`leadbridge setup {source} --create-fields` alone; take it away after",
        )
    )
    title = "Admin > Users & Roles > Roles > New Role, group Access API"
    said = (
        "Then an API Only user with this role, and in Admin > Integration > "
        "LaunchPoint a Custom service of that user: it shows Client Id and Secret."
    )
    return Section(
        "Role and API user",
        (Table(title, ("permission", "for"), tuple(rows)), Words(said)),
    )


def rehearse(
    route: Route,
    event: str,
    lead: Mapping[str, Any],
    variables: Variables,
    mark: str,
) -> list[Rehearsal]:
    """The webhook of one person, in each of the three encodings.

    Raises:
        ConfigurationError: a key that the template does not have, or no secret.
    """
    plan = template.pairs(route, event)
    keys = template.keys_of([plan])
    unknown = [key for key in lead if key not in keys]
    if unknown:
        raise ConfigurationError(
            f"The template of {route.mapping} has no key {unknown[0]}.",
            [f"It has: {', '.join(keys)}."],
        )
    secret = sending_secret(variables, _SECRET)
    # Marketo's own spelling; an account that we do not know cannot be a wrong one.
    account = (munchkin_id(variables.get("URL")) or "").upper()
    values = template.values_of(plan, lead, route.fields, account)
    made = []
    for encoding in template.ENCODINGS:
        marked = template.pairs(route, event, f"{mark}-{encoding}")
        text = template.rendered(template.text_of(marked, encoding), values, encoding)
        headers = {"Content-Type": _FORM if encoding == "Form" else "application/json"}
        if secret:
            headers[SECRET_HEADER] = secret
        private = {SECRET_HEADER: f"the value of {variables.name(_SECRET)}"}
        made.append(Rehearsal(encoding, headers, private, text.encode()))
    return made
