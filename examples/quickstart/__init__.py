"""The README's first program."""
