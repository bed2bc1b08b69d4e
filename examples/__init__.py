"""Whole systems to run, to read and to copy from."""
