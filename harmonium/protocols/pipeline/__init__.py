"""Pipelines: steps as data, and the pure machine that carries a request through them."""
