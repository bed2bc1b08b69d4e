"""Policy: who runs, what happens when one fails, who answers for a group."""
