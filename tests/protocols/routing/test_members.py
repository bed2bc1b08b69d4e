"""What a router is told of a pool."""

import pytest

from harmonium.protocols.errors import SpecError
from harmonium.protocols.routing import Members


@pytest.mark.parametrize(
    "options",
    [{"loads": [1]}, {"weights": (1.0,)}, {"weights": (1.0, 0.0)}, {"weights": (1.0, -1.0)}],
)
def test_loads_and_weights_belong_to_the_members(options):
    """Each member has one load and one weight above 0, or none has."""
    with pytest.raises(SpecError, match="member"):
        Members(("a", "b"), **options)


def test_loads_are_read_when_they_are_needed():
    """A pool may keep its list of loads up to date in place of building new members."""
    loads = [0, 0]
    members = Members(("a", "b"), loads=loads)
    loads[1] = 5
    assert list(members.loads) == [0, 5]
