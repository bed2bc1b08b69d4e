"""Values with cheaper constructors and copies are the same values."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from harmonium.protocols.quick import copier, maker, quick


@quick
@attrs.frozen(slots=True)
class Frozen:
    """A value as the runtime has many."""

    name: str
    size: int = 1
    parts: list[int] = attrs.field(factory=list)


@attrs.define(slots=True)
class Draft:
    """A value that is changed as a copy."""

    name: str
    size: int = 1
    made: int = attrs.field(init=False, default=7)


class Settled(Draft):
    """The same, not to be changed."""

    __slots__ = ()

    def __setattr__(self, name: str, value: Any) -> None:
        raise attrs.exceptions.FrozenInstanceError


def test_what_a_maker_makes_is_what_the_class_makes():
    """Equal, of the class itself, frozen, with defaults of its own."""
    make = maker(Frozen)
    one = make("a")
    assert one == Frozen("a")
    assert type(one) is Frozen
    assert make("a", size=2, parts=[1]) == Frozen("a", 2, [1])
    assert one.parts is not make("a").parts
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.size = 3  # type: ignore[misc]


def test_a_maker_refuses_what_the_class_refuses():
    """With the name of the class in the error."""
    with pytest.raises(TypeError, match=r"Frozen\.make\(\) missing .* 'name'"):
        maker(Frozen)()  # type: ignore[call-arg]


def test_only_what_is_quick_has_a_maker():
    """Said when the module is imported, not when something is made."""
    with pytest.raises(TypeError, match="Draft is not quick"):
        maker(Draft)


def test_a_copy_has_all_fields_and_may_be_changed():
    """Also one of an instance that may not."""
    old = Draft("a", 2)
    old.made = 8
    old.__class__ = Settled
    new = copier(Draft)(old)
    assert attrs.astuple(new) == ("a", 2, 8)
    assert type(new) is Draft
    new.size = 3
    assert old.size == 2
