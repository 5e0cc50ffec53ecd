"""`python -m sandbox --port 9100 --host 127.0.0.1`."""

from __future__ import annotations

import argparse
import sys

from sandbox.server import serve


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 after SIGTERM, 1 when the port is taken, 2 for bad usage."""
    parser = argparse.ArgumentParser(
        prog="sandbox", description="6sense and Marketo as a local stand-in."
    )
    parser.add_argument("--port", type=int, default=9100, help="0 picks a free one")
    parser.add_argument("--host", default="127.0.0.1")
    asked = parser.parse_args(arguments)
    try:
        serve(asked.port, asked.host)
    except OSError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
