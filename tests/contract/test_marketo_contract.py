"""Marketo keeps the contract of a connector."""

from __future__ import annotations

from typing import ClassVar

from connector_contract import SECRET, ConnectorContract

from app.connectors.marketo import Marketo


class TestMarketo(ConnectorContract):
    connector_class = Marketo
    url = "https://123-abc-456.mktorest.com"
    raw_settings: ClassVar = {
        "URL": url,
        "CLIENT_ID": "client-id-11111111",
        "CLIENT_SECRET": "client-secret-22222222",
        "WEBHOOK_SECRET": SECRET,
    }
    secret_keys = ("CLIENT_ID", "CLIENT_SECRET", "WEBHOOK_SECRET")
    not_offered = ()
    object = "lead"
    by = "id"
    keys = ("318581", "318582")
    field = "sxStage"

    @staticmethod
    def sign(body: bytes, secret: str) -> dict[str, str]:
        """Marketo signs nothing: an admin sets a header with a secret."""
        return {"X-Leadbridge-Secret": secret}
