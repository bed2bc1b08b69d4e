"""Mechanism: one agent, its mailbox, its ref, and the grounds that carry envelopes."""
