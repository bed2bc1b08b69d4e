"""A help desk: customers' requests to pools of helpers that size themselves.

Each topic has a pool. A customer stays with one helper for a whole conversation
(sticky sessions), also when the pool grows and shrinks. In a rush the pools grow;
what does not fit any more is shed, politely and at once.
"""
