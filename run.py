#!/usr/bin/env python3
"""The command line from a checkout: `./run.py --help`, or `make run` for the demo."""

import sys

try:
    from harmonium.cli.app import main
except ModuleNotFoundError as missing:
    if (missing.name or "").startswith("harmonium"):
        raise
    sys.exit(f"run.py: {missing}; `make run` installs it into .venv, then .venv/bin/python run.py")

if __name__ == "__main__":
    sys.exit(main())
