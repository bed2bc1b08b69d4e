"""Meaning: messages, envelopes, contracts, errors and pure rules."""
