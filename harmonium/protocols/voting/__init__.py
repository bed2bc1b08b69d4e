"""Votes: rules, ballots, verdicts, and the round that leads from one to the other."""

from __future__ import annotations

from harmonium.protocols.voting.ballot import Ballot, BallotKind
from harmonium.protocols.voting.dawid_skene import DawidSkene
from harmonium.protocols.voting.online_majority import OnlineWeightedMajority
from harmonium.protocols.voting.points import Approval, Borda, Plurality, Score, Weighted
from harmonium.protocols.voting.question import Question
from harmonium.protocols.voting.round import (
    Closed,
    Counted,
    Effect,
    Refused,
    Round,
    cast,
    expire,
    give_up,
    open_round,
)
from harmonium.protocols.voting.rule import Refusal, Rule
from harmonium.protocols.voting.runoff import InstantRunoff
from harmonium.protocols.voting.shares import Majority, Supermajority, Unanimity
from harmonium.protocols.voting.tally import decide, is_settled
from harmonium.protocols.voting.ties import Escalate, Priority, SeededDraw, Tie
from harmonium.protocols.voting.verdict import Outcome, Verdict

__all__ = [
    "Approval",
    "Ballot",
    "BallotKind",
    "Borda",
    "Closed",
    "Counted",
    "DawidSkene",
    "Effect",
    "Escalate",
    "InstantRunoff",
    "Majority",
    "OnlineWeightedMajority",
    "Outcome",
    "Plurality",
    "Priority",
    "Question",
    "Refusal",
    "Refused",
    "Round",
    "Rule",
    "Score",
    "SeededDraw",
    "Supermajority",
    "Tie",
    "Unanimity",
    "Verdict",
    "Weighted",
    "cast",
    "decide",
    "expire",
    "give_up",
    "is_settled",
    "open_round",
]
