"""Policies that keep a system up."""
