"""The fast constructor does what the one of attrs does."""

from __future__ import annotations

import abc
import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harmonium.protocols.fast_init import give_fast_init
from harmonium.protocols.message import non_negative


def steps(converter: Any) -> tuple[Callable[[Any], Any], ...]:
    return () if converter is None else (converter,)


def no_negatives(instance: Any, attribute: Any, value: Any) -> None:
    if value < 0:
        raise ValueError(f"{type(instance).__name__}.{attribute.name}: {value}")


@st.composite
def fields(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a class, each with any of the options that a field has."""
    made = {}
    optional = False
    for number in range(draw(st.integers(0, 6))):
        options: dict[str, Any] = {"kw_only": draw(st.booleans()), "init": draw(st.booleans())}
        optional = optional or draw(st.booleans()) or not options["init"]
        if optional:
            options |= draw(st.sampled_from([{"default": 7}, {"factory": lambda: 8}]))
        options |= draw(st.sampled_from([{}, {"converter": abs}, {"converter": float}]))
        options |= draw(
            st.sampled_from([{}, {"validator": non_negative}, {"validator": no_negatives}])
        )
        name = draw(st.sampled_from(["f{}", "_f{}", "type{}", "self{}"])).format(number)
        made[name] = attrs.field(**options)
    return made


def outcome(make: Callable[..., Any], arguments: Any, named: Any, cls: Any = None) -> Any:
    """What a call gives, or how it fails."""
    try:
        made = make(*arguments, **named)
    except (TypeError, ValueError) as error:
        return type(error), str(error)
    assert type(made) is (cls or make)
    return attrs.astuple(made), made.log()


class Base:
    __slots__ = ()
    posts: list[Any] = []

    def __attrs_post_init__(self) -> None:
        self.posts.append(attrs.astuple(self))

    def log(self) -> list[Any]:
        return self.posts[-1:]


@given(fields(), st.lists(st.integers(-2, 2), max_size=7), st.data())
def test_it_is_the_constructor_of_attrs(
    made: dict[str, Any], arguments: list[int], data: st.DataObject
) -> None:
    """For any class and call the result, or the error, is the same as with attrs alone."""
    plain = attrs.make_class("Made", made, bases=(Base,), frozen=True, slots=True)
    fast = attrs.make_class("Made", made, bases=(Base,), frozen=True, slots=True)
    script = give_fast_init(fast, steps)
    assert script is not None
    aliases = [a.alias for a in attrs.fields(plain) if a.init]
    named = data.draw(st.dictionaries(st.sampled_from([*aliases, "other"]), st.integers(-2, 2)))

    expected = outcome(plain, arguments, named)
    assert outcome(fast, arguments, named) == expected
    kind, text = outcome(script.maker(), arguments, named, fast)
    # A call that does not fit names the function that was called; its own has no `self`.
    assert (kind, text) == expected or (kind is TypeError is expected[0])
    parameters = inspect.signature(plain).parameters
    assert list(parameters) == list(inspect.signature(fast).parameters)


@pytest.mark.parametrize("size", [0, 1, 3, 4, 12])
def test_a_subclass_gets_its_own_class(size: int) -> None:
    """An instance of a subclass stays one, whether or not it could change over."""
    fast = attrs.make_class("Made", [f"f{n}" for n in range(size)], frozen=True, slots=True)
    give_fast_init(fast, steps)
    for namespace in ({"__slots__": ()}, {}):
        child = type("Child", (fast,), dict(namespace))
        made = child(*range(size))
        assert type(made) is child
        assert tuple(range(size)) == attrs.astuple(made)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            made.f0 = 1


@pytest.mark.parametrize("late", [False, True])
def test_a_subclass_is_noticed_whenever_it_is_made(late: bool) -> None:
    """Before or after its base has the fast constructor, and after that was used."""
    fast = attrs.make_class("Made", ["a", "b", "c"], frozen=True, slots=True)
    if late:
        give_fast_init(fast, steps)
        assert attrs.astuple(fast(1, 2, 3)) == (1, 2, 3)
    told: list[Any] = []
    mixin = type(
        "Mixin",
        (),
        {
            "__slots__": (),
            "__init_subclass__": classmethod(lambda cls, **kwargs: told.append((cls, kwargs))),
        },
    )
    child: Any = type("Child", (fast, mixin), {"__slots__": ()}, option=1)
    if not late:
        give_fast_init(fast, steps)
    other: Any = type("Other", (fast,), {"__init__": lambda self: fast.__init__(self, 1, 2, 3)})

    assert told == [(child, {"option": 1})]
    for cls, made in ((child, child(1, 2, 3)), (other, other()), (fast, fast(1, 2, 3))):
        assert type(made) is cls
        assert attrs.astuple(made) == (1, 2, 3)


@pytest.mark.parametrize("size", [1, 5])
def test_an_error_leaves_nothing_open(size: int) -> None:
    """A converter that fails fails before the instance could be changed by anybody."""
    seen: list[Any] = []

    def check(instance: Any, attribute: Any, value: Any) -> None:
        seen.append(instance)
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            instance.f0 = 1
        raise ValueError(attribute.name)

    options = {f"f{n}": attrs.field(validator=check) for n in range(size)}
    fast = attrs.make_class("Made", options, frozen=True, slots=True)
    assert give_fast_init(fast, steps)
    with pytest.raises(ValueError, match="f0"):
        fast(*range(size))
    assert [fast] == [type(instance) for instance in seen]


def test_validators_can_be_switched_off() -> None:
    """Attrs' switch works for our validators and for others."""
    options = {
        "a": attrs.field(validator=non_negative),
        "b": attrs.field(validator=no_negatives),
    }
    fast = attrs.make_class("Made", options, frozen=True, slots=True)
    give_fast_init(fast, steps)
    with attrs.validators.disabled():
        assert (-1, -2) == attrs.astuple(fast(-1, -2))
    with pytest.raises(ValueError, match="a must be 0 or more, not -1"):
        fast(-1, 0)


class Watched:
    __slots__ = ()
    subclasses: list[str] = []

    def __init_subclass__(cls) -> None:
        cls.subclasses.append(cls.__name__)


@attrs.frozen(slots=False)
class Unslotted:
    g: int = 0


class Prepared:
    __slots__ = ()

    def __attrs_pre_init__(self) -> None:
        """Be there."""


@pytest.mark.parametrize(
    ("bases", "options"),
    [
        ((Watched,), {}),
        ((Prepared,), {}),
        ((Unslotted,), {"default": 1}),
        ((), {"default": attrs.Factory(lambda self: 2, takes_self=True)}),
        ((), {"converter": attrs.Converter(lambda value, _: value, takes_self=True)}),
        ((), {"alias": "_type"}),
    ],
)
def test_what_it_cannot_do_it_leaves_to_attrs(bases: tuple[type, ...], options: Any) -> None:
    """Hooks that see the half-made instance or its class, and dict classes, are left to attrs."""
    made = attrs.make_class(
        "Made", {"f": attrs.field(**options)}, bases=bases, frozen=True, slots=True
    )
    before = made.__init__
    assert not give_fast_init(made, steps)
    assert made.__init__ is before
    assert made(**{attrs.fields(made).f.alias: 1}).f == 1


def test_abstract_classes_stay_abstract() -> None:
    """A class that cannot be made keeps refusing, a concrete one of it works."""

    class Abstract(abc.ABC):
        __slots__ = ()

        @abc.abstractmethod
        def act(self) -> None: ...

    names = [f"f{n}" for n in range(5)]
    made = attrs.make_class("Made", names, bases=(Abstract,), frozen=True, slots=True)
    give_fast_init(made, steps)
    with pytest.raises(TypeError, match="abstract"):
        made(*range(5))
    concrete = type("Concrete", (made,), {"__slots__": (), "act": lambda self: None})
    assert (0, 1, 2, 3, 4) == attrs.astuple(concrete(*range(5)))
