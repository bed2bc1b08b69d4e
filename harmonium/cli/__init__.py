"""The command line: `run.py` and the console script `harmonium`."""
