#!/usr/bin/env python3
"""The command line from a checkout: `./run.py --help`, or `make run` for the demo."""

import sys

try:
    from harmonium.cli.app import main
except ModuleNotFoundError as missing:
    sys.exit(f"run.py: {missing}. `make run` installs what is needed; then use .venv/bin/python.")

if __name__ == "__main__":
    sys.exit(main())
