"""What a mapping file may ask of its source's system: objects, replies, campaigns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from app.mapping.findings import Findings, did_you_mean
from app.mapping.header import outcome_of, reply_of
from app.mapping.nodes import Table, text_at


class Offer(Protocol):
    """A kind of source, as far as mapping files depend on it."""

    #: The objects whose records can be written, as mapping files call them.
    @property
    def objects(self) -> Collection[str]: ...

    #: Whether its senders read values from the answer to a webhook.
    @property
    def reads_replies(self) -> bool: ...

    #: Whether it has campaigns that can be requested.
    @property
    def has_campaigns(self) -> bool: ...


def check_offer(
    tree: Table, source: str, known: Mapping[str, Offer] | None, findings: Findings
) -> None:
    """Complain about what the source's system does not have.

    `known`: the kinds of source there are, by the beginning of their sources' names;
    None does not check.
    """
    name, offer = _offer_of(source, known or {})
    node = tree.get("object")
    if offer is None or node is None:
        return
    wanted = text_at(node)
    if wanted and wanted.casefold() not in {one.casefold() for one in offer.objects}:
        message = f"{name} has no object '{wanted}' that can be written from here"
        findings.say("M106", message, node, did_you_mean(wanted, offer.objects))
    reply, outcome = tree.get("reply"), tree.get("outcome")
    if reply and reply_of(reply).values_within is not None and not offer.reads_replies:
        message = f"{name} reads nothing from the answer to a webhook"
        findings.say("M404", message, reply, "Take `reply` out.")
    asked = outcome_of(outcome)
    if outcome and asked and asked.request_campaign and not offer.has_campaigns:
        message = f"{name} has no campaigns that can be requested"
        findings.say("M404", message, outcome, "Take `then` out.")


def _offer_of(source: str, known: Mapping[str, Offer]) -> tuple[str, Offer | None]:
    """`crm-eu` → crm: the longest name that the source begins with."""
    parts = source.split("-")
    for length in range(len(parts), 0, -1):
        name = "-".join(parts[:length])
        if name in known:
            return name, known[name]
    return source, None
