"""`python -m app` is `leadbridge`: hosts that install only requirements.txt use it."""

import sys

from app.cli import main

if __name__ == "__main__":
    sys.exit(main())
