"""The answers of a full mailbox are data."""

import copy
import pickle

import pytest

from harmonium.protocols import overflow
from harmonium.protocols.overflow import Overflow


@pytest.mark.parametrize("policy", list(Overflow))
def test_constant_word_and_repr_agree(policy):
    """A policy is the module's constant of its name, and its value is that name in lower case."""
    assert policy is getattr(overflow, repr(policy))
    assert policy is Overflow(repr(policy).lower())


@pytest.mark.parametrize("policy", list(Overflow))
def test_copies_are_the_same_policy(policy):
    """A policy that crossed a process is still the same constant."""
    assert policy is pickle.loads(pickle.dumps(policy))
    assert policy is copy.deepcopy(policy)


def test_only_wait_and_fail_tell_the_sender():
    """A sender hears of a full mailbox only where it could wait or asked to be told."""
    assert {p for p in Overflow if p.tells_sender} == {overflow.WAIT, overflow.FAIL}


def test_only_drop_oldest_keeps_the_newest():
    """Every policy but drop_oldest keeps what was there first."""
    assert [p for p in Overflow if p.keeps_newest] == [overflow.DROP_OLDEST]
