"""A made-up crowd: members of known reliability answer questions of known truth."""

from __future__ import annotations

import random

from harmonium.protocols.voting import Ballot

NO_YES = ("no", "yes")


def crowd(seed, *, members=60, questions=1500, votes=3, share=0.12):
    """Let members of all sorts answer yes-or-no questions of which few are true.

    One member in five only guesses, one answers always no, the others are
    right in 60 to 98 of 100 cases, each on yes and on no in his own way. Some
    answer many questions, most answer few.

    Returns:
        The ballots of each question, the truths, and for each member how
        likely he is right on no and on yes.
    """
    chance = random.Random(seed)
    skill = {f"m{n}": _skill(chance, n % 5) for n in range(members)}
    effort = [1 / (n + 1) for n in range(members)]
    batch, truths = {}, {}
    for n in range(questions):
        id_ = f"q{n}"
        truths[id_] = NO_YES[chance.random() < share]
        voters: dict[str, None] = {}
        while len(voters) < votes:
            voters[chance.choices(list(skill), effort)[0]] = None
        batch[id_] = [_answer(chance, voter, skill[voter], truths[id_], id_) for voter in voters]
    return batch, truths, skill


def _skill(chance, kind):
    if kind == 3:
        return (0.5, 0.5)
    if kind == 4:
        return (0.99, 0.02)
    return (chance.uniform(0.75, 0.98), chance.uniform(0.6, 0.95))


def _answer(chance, voter, skill, truth, id_):
    right = chance.random() < skill[NO_YES.index(truth)]
    other = NO_YES[1 - NO_YES.index(truth)]
    return Ballot(voter, truth if right else other, round=id_)


def accuracy(verdicts, truths):
    """Give the share of the questions that were decided rightly."""
    return sum(verdicts[id_].choice == truth for id_, truth in truths.items()) / len(truths)
