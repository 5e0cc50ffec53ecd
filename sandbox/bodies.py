"""The bodies of control requests, and how a request is answered by a view."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import request

from sandbox import options
from sandbox.options import RequestInvalid

View = Callable[[], Any]
#: (path, method) → a decorator that makes a view answer there.
Route = Callable[[str, str], Callable[[View], View]]


def read_body(default: Any = None) -> Any:
    """The JSON body, whatever the content type.

    Raises:
        RequestInvalid: no body where one is needed, or no JSON.
    """
    raw = request.get_data()
    if not raw.strip():
        if default is None:
            raise RequestInvalid("a JSON body is missing")
        return default
    try:
        return json.loads(raw)
    except ValueError as error:
        raise RequestInvalid(f"the body is not JSON: {error}") from error


def rows_of(body: Any, key: str) -> list[Any]:
    """The records to create: those under `key`, or `count` copies of `like`.

    In texts of `like`, `{n}` is 1, 2, 3 ...; `first_id` numbers the records.
    """
    if not isinstance(body, dict):
        raise RequestInvalid(f"the body must be {{{key}: [...]}} or {{count, like}}")
    if key in body:
        rows: list[Any] = body[key]
        return rows
    for name in body:
        if name not in ("count", "like", "first_id"):
            raise RequestInvalid(
                options.unknown(name, [key, "count", "like", "first_id"], "key")
            )
    count, like = body.get("count", -1), body.get("like")
    if options.count(count) or not isinstance(like, dict):
        raise RequestInvalid("count must be a whole number, and like a record")
    first = body.get("first_id")
    if first is not None and options.count(first):
        raise RequestInvalid("first_id must be a whole number")
    numbered = []
    for n in range(1, count + 1):
        row = {
            name: value.replace("{n}", str(n)) if isinstance(value, str) else value
            for name, value in like.items()
        }
        numbered.append(row if first is None else {"id": first + n - 1, **row})
    return numbered
