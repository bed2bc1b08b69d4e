"""Typed, supervised agents in one declared tree that runs on three grounds."""

__version__ = "0.1.0"
