"""Insurance claims: two assessors who may contradict one another, and who has the last word.

The policy assessor reads the contract, the damage assessor looks at the damage.
Where both say the same, the claim is paid or declined. Where one would pay and
the other would not, the contradiction is recorded and goes up a ladder: the
lead assessor, then a person, then a rule. ``--set person=`` says who the person
is: a script (as it is), somebody who really answers (``wait``), or nobody.

`rules` holds what the assessors go by and knows nothing of agents; `messages`
are what the agents say to each other.
"""
