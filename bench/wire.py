"""As much of HTTP/1.1 as two programs on one machine need, and no more."""

from __future__ import annotations


def take_message(buffer: bytearray) -> tuple[bytes, bytes] | None:
    """Take the first whole message out of `buffer`: its head and its body."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(buffer[:end])
    size = end + 4 + _length(head)
    if len(buffer) < size:
        return None
    body = bytes(buffer[end + 4 : size])
    del buffer[:size]
    return head, body


def _length(head: bytes) -> int:
    small = head.lower()
    at = small.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(small[at + 17 :].split(b"\r\n", 1)[0])


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with a JSON body; the connection stays open."""
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    ) % (status, len(body), body)


def post(target: str, host: str, body: bytes, headers: bytes = b"") -> bytes:
    """A POST of JSON; `headers` are whole lines."""
    return (
        b"POST %b HTTP/1.1\r\nHost: %b\r\nContent-Type: application/json\r\n"
        b"%bContent-Length: %d\r\n\r\n%b"
    ) % (target.encode(), host.encode(), headers, len(body), body)
