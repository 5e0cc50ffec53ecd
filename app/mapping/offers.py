"""What a mapping file may ask of its source's system: objects, replies, campaigns."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from app.domain import system_of
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
    name, node = system_of(source, known or {}), tree.get("object")
    if not known or name is None or node is None:
        return
    offer = known[name]
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
