"""Marketo's envelope: `requestId`, `result`, `success`, and its refusals."""

from __future__ import annotations

import gzip
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from flask import Response, request

from sandbox.journal import Call

if TYPE_CHECKING:
    from sandbox.marketo.state import MarketoOptions
    from sandbox.state import World

#: Bodies of this size and more are compressed when the caller asks.
GZIP_FROM_BYTES = 1024

#: code → words on the wire
MESSAGES = {
    "600": "Empty access token",
    "601": "Access token invalid",
    "602": "Access token expired",
    "603": "Access denied",
    "604": "Request timed out",
    "605": "Request method '{}' not supported",
    "606": "Max rate limit '{}' exceeded with in '{}' secs",
    "607": "Daily quota '{}' reached",
    "608": "API Temporarily Unavailable",
    "609": "Invalid JSON",
    "610": "Requested resource not found",
    "611": "System error",
    "612": "Invalid Content Type",
    "613": "Invalid Multipart Request",
    "614": "Invalid Subscription",
    "615": "Concurrent access limit '{}' reached",
    "713": "Transient Error",
    "719": "Lock wait timeout",
    "1003": "Invalid data",
    "1004": "Lead not found",
    "1005": "Lead already exists",
    "1006": "Field '{}' not found",
    "1007": "Multiple lead match lookup criteria",
    "1021": "Company update not allowed",
}


class Refused(Exception):
    """The whole call is refused: HTTP 200, `success` false, one error."""

    def __init__(self, code: str, message: str | None = None) -> None:
        self.code = code
        self.message = message or MESSAGES.get(code, "Error")
        super().__init__(f"{code} {self.message}")


def request_id() -> str:
    """Random hex, `#`, epoch milliseconds in hex, as recorded."""
    return f"{secrets.randbelow(0x20000):x}#{int(time.time() * 1000):x}"


class Answer(Response):
    """A response that remembers its Marketo code for the journal."""

    code = ""


def success(result: list[Any] | None, **more: Any) -> Answer:
    """`requestId`, `result`, `success`, then paging keys; no empty lists of errors."""
    body: dict[str, Any] = {"requestId": request_id()}
    if result is not None:
        body["result"] = result
    return wire({**body, "success": True, **more})


def failed(code: str, message: str | None = None, status: int = 200) -> Answer:
    """HTTP 200 with `success` false; the code is a string in `errors[0]`."""
    words = message or MESSAGES.get(code, "Error")
    error = {"code": code, "message": words}
    body = {"requestId": request_id(), "success": False, "errors": [error]}
    answer = wire(body, status)
    answer.code = code
    return answer


def wire(body: dict[str, Any], status: int = 200) -> Answer:
    """A JSON answer with the recorded headers."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    # Half a surrogate pair can come in by JSON, but not go out by UTF-8.
    raw = text.encode(errors="replace")
    return Answer(raw, status, content_type="application/json;charset=UTF-8")


def page(status: int, reason: str) -> Response:
    """What nginx says in front of Marketo."""
    body = (
        f"<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {reason}</h1></center>\r\n<hr><center>nginx</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    return Response(body, status, content_type="text/html")


def dressed(options: MarketoOptions, response: Response) -> Response:
    """The recorded headers: nginx, `Connection: close`, gzip from 1 KB on, not bulk."""
    response.headers["Server"] = "nginx"
    if not options.keep_alive:
        response.headers["Connection"] = "close"
    content = response.get_data()
    asked = "gzip" in request.headers.get("Accept-Encoding", "")
    is_bulk = request.path.startswith("/bulk")
    if options.gzip and asked and not is_bulk and len(content) >= GZIP_FROM_BYTES:
        response.set_data(gzip.compress(content, compresslevel=1))
        response.headers["Content-Encoding"] = "gzip"
    return response


class Words:
    """`exchange.Dialect` for Marketo."""

    def __init__(self, world: World) -> None:
        self.world = world

    def status(self, status: int) -> Response:
        reason = {413: "Request Entity Too Large", 414: "Request-URI Too Large",
                  500: "Internal Server Error", 502: "Bad Gateway",
                  503: "Service Temporarily Unavailable",
                  504: "Gateway Time-out"}.get(status, "Error")  # fmt: skip
        return page(status, reason)

    def code(self, code: str, message: str | None) -> Response:
        options = self.world.marketo.options
        words = {
            "606": (options.rate_calls, f"{options.rate_seconds:g}"),
            "607": (options.daily_quota,),
            "615": (options.in_flight,),
        }.get(code, ("",))
        return failed(code, message or MESSAGES.get(code, "Error").format(*words))

    def policy(self, call: Call, policy: str) -> Response:
        raise NotImplementedError("Marketo has codes for its limits")

    def expired_token(self, call: Call) -> Response:
        with self.world.lock:
            self.world.marketo.token.end()
        return failed("602")
