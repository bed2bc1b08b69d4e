"""The chance of a simulated ground is that of `random.Random` with its seed, however it is used."""

from __future__ import annotations

import copy
import pickle
from random import Random

import pytest

from harmonium.actors.simulated import SimulatedGround
from harmonium.testing.strategies import SECONDS, _rounded


@pytest.fixture
def both():
    """Give the chance of a ground, and what it stands for: its ids take the first number."""
    real = Random(7)
    real.getrandbits(32)
    return SimulatedGround(seed=7).random, real


USES = {
    "many numbers": lambda one: [one.random() for _ in range(200)],
    "a number and bits": lambda one: (one.random(), one.getrandbits(9), one.random()),
    "a choice and a sample": lambda one: (one.choice(range(99)), one.sample(range(99), 9)),
    "an odd number of gauss": lambda one: (one.gauss(0, 1), one.getrandbits(3), one.gauss(0, 1)),
    "a function kept": lambda one: [(f(), one.randint(1, 9), f()) for f in [one.random]],
    "a new seed": lambda one: (one.random(), one.seed(3), one.random()),
    "a state set": lambda one: (one.random(), one.setstate(Random(5).getstate()), one.random()),
    "a copy": lambda one: (one.random(), copy.deepcopy(one).random(), one.random()),
    "a pickled copy": lambda one: (one.random(), pickle.loads(pickle.dumps(one)).random()),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_ground_s_chance_is_that_of_its_seed(both, use):
    chance, real = both
    assert use(chance) == use(real)
    assert chance.getstate() == real.getstate()
    assert chance.random() == real.random()


def test_seconds_are_rounded_as_by_the_builtin():
    found = [base * (0.6 + step / 20) for base in SECONDS for step in range(17)]
    found += [-mean * part / 7 for mean in found[:50] for part in (-1.0, -0.5, 0.0)]
    found += [(number + 0.5) / 10_000 for number in range(300)]
    assert [repr(_rounded(secs)) for secs in found] == [repr(round(secs, 4)) for secs in found]
