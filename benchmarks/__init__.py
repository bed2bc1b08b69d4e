"""Benchmarks: the runtime beside the bare loop and its peers, as ratios measured in one run."""
