"""The errors: one root, data as fields, safe to copy and to pickle with notes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import attrs
import pytest

from harmonium.protocols import errors
from harmonium.protocols.errors import HarmoniumError

EXAMPLES: tuple[HarmoniumError, ...] = (
    errors.HarmoniumError("text"),
    errors.DefinitionError("orders.Line.skus", "list is mutable", "use tuple"),
    errors.MessageDefinitionError("orders.Line.skus", "list is mutable", "use tuple"),
    errors.ContractError("/shop", "accepts no orders.Pay"),
    errors.HandlerError("Shop.pay", "takes no message"),
    errors.SpecError("shop.children[1]", "two children are called 'a'", "rename one"),
    errors.ConfigError("shop.toml", "no such key 'stok'", "use 'stock'"),
    errors.DeliveryError(("envelope",)),
    errors.AgentDead("/shop", "killed", ("envelope",)),
    errors.MailboxFull("/shop", 10, ("envelope",)),
    errors.UnknownAgent("shopp", ("envelope",)),
    errors.EnvelopeExpired("/shop", 12.5, ("envelope",)),
    errors.AskError(),
    errors.AskTimeout("/shop", 0.5),
    errors.AskFailed("/shop", "ValueError", "bad", "Traceback ..."),
    errors.Unavailable("/shop", 12.5, "breaker open"),
    errors.BudgetExceeded("/shop", "tokens", 11, 10),
    errors.CodecError("$.lines[3].price", "not a decimal"),
    errors.UnknownMessage("$.type", "no message 'a.B/1'", "a.C/1"),
    errors.MalformedMessage("$.lines[3].price", "missing"),
    errors.SupervisionError(),
    errors.HandlerOverrun("/shop/a", 5.0),
    errors.StartFailed("/shop/a", "ValueError: bad"),
    errors.BudgetExhausted("/shop", "5 restarts within 10 s", "ValueError: bad"),
    errors.StopTimeout("/shop/a", 5.0),
    errors.QuorumError(),
    errors.QuorumNotReached(3, ("yes",)),
    errors.CoordinationError(),
    errors.StepFailed("pay", "refused"),
    errors.CompensationFailed("pay", "refused"),
    errors.StoreError("disk full"),
    errors.StoreCorrupt("journal", 17, "bad checksum"),
    errors.VersionConflict("stream orders/1", 3, 4),
    errors.StaleToken("leader", 3, 4),
    errors.SystemStopped("asked"),
    errors.EscapedSimulation("a socket", "shop.py:12"),
)


def fields_of(error: HarmoniumError) -> dict[str, Any]:
    cls: type[Any] = type(error)
    return {a.name: getattr(error, a.name) for a in attrs.fields(cls)} if attrs.has(cls) else {}


def pickled(error: HarmoniumError) -> HarmoniumError:
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, HarmoniumError)
    return again


@pytest.mark.parametrize("twice", [pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_round_trip(
    error: HarmoniumError, twice: Callable[[HarmoniumError], HarmoniumError]
) -> None:
    """Fields, text and notes survive pickle and copy."""
    noted = copy.copy(error)
    noted.add_note("first")
    noted.add_note("second")

    again = twice(noted)

    assert type(error) is type(again)
    assert fields_of(error) == fields_of(again)
    assert str(error) == str(again)
    assert ["first", "second"] == again.__notes__


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda e: type(e).__name__)
def test_repr_shows_the_fields(error: HarmoniumError) -> None:
    """A repr is what attrs would write: the class, and each field by its name."""
    if attrs.has(type(error)):
        shown = ", ".join(f"{name}={value!r}" for name, value in fields_of(error).items())
        assert f"{type(error).__name__}({shown})" == repr(error)
    else:
        assert "HarmoniumError('text')" == repr(error)


def test_examples_are_complete() -> None:
    """Every public class has an example above, and the list of names is sorted."""
    assert sorted(type(e).__name__ for e in EXAMPLES) == errors.__all__


PLACED = [e for e in EXAMPLES if isinstance(next(iter(fields_of(e).values()), None), str | int)]


@pytest.mark.parametrize("error", PLACED, ids=lambda e: type(e).__name__)
def test_text_shows_the_place(error: HarmoniumError) -> None:
    """The text names where the error happened: its first field."""
    assert str(next(iter(fields_of(error).values()))) in str(error)


def test_undelivered_envelope_defaults_to_none() -> None:
    """A delivery error without an envelope says so with None."""
    assert errors.AgentDead("/a").envelope is None
    assert ("e",) == errors.AgentDead("/a", envelope=("e",)).envelope


def test_timeout_is_a_timeout() -> None:
    """`except TimeoutError` catches an ask that timed out, and no errno is invented."""
    error = errors.AskTimeout("/a", 1.0)
    assert isinstance(error, TimeoutError)
    assert error.errno is None


def test_remedies_are_told() -> None:
    """The text ends with what to do, where the error knows it."""
    assert "use tuple" in str(
        errors.MessageDefinitionError("a.B.c", "list is mutable", "use tuple")
    )
    assert "did you mean 'a.C/1'?" in str(errors.UnknownMessage("$", "no message 'a.B/1'", "a.C/1"))
