"""Questions with several answers each: who gave them votes, and a tally decides.

Each worker of a ``question,worker,answer`` CSV is an agent that votes, by
message, on each question that it has answered. The tally asks them and decides
by majority, by a weighted majority that learns in one pass, or by the rule of
Dawid and Skene over the whole batch.

`reading` turns files into answers, `box` holds the ballots and decides, and
neither knows of agents; `messages` are what the agents say to each other.
"""
