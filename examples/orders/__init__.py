"""Orders of a retailer: checked, voted on, reserved, charged, and undone.

One order for each `InvoiceNo` of a retail CSV. Cancellations are refunded,
orders that make no sense are rejected, orders without a customer are put to
three reviewers, and the rest is reserved whole or not at all, then charged.

The rules themselves run nothing and know nothing of agents: `records` and
`reading` turn a file into orders, `domain` says what an order is, `stock` keeps
count, and `messages` are what the agents say to each other.
"""
