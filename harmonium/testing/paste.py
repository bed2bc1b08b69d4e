"""Read back what a report printed: faults, and the values of a workload.

Only literals and calls of known names are read, so a file of known failures
cannot run anything else.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from harmonium.protocols.errors import ConfigError
from harmonium.testing.faults import KINDS, Fault, handled

__all__ = ["read_faults", "read_value"]

_NAMES: dict[str, Any] = {
    **{kind.__name__: kind for kind in KINDS},
    "handled": handled,
    "inf": float("inf"),
}


def read_faults(text: str) -> tuple[Fault, ...]:
    """Read faults as a report prints them: one, several, or a list.

    Raises:
        ConfigError: If the text holds anything else.

    Example:
        >>> read_faults("Crash('pay', where='before'), Kill('stock', on=2)")
        (Crash('pay', where='before'), Kill('stock', on=2))
    """
    value = read_value(f"[{text}]", {})
    flat: list[Any] = []
    for one in value:
        flat += one if isinstance(one, (list, tuple)) else [one]
    for one in flat:
        if not isinstance(one, Fault):
            raise ConfigError("faults", f"{one!r} is none", "write Crash('payments', on=1)")
    return tuple(flat)


def read_value(text: str, names: Mapping[str, Any]) -> Any:
    """Read a value of literals and calls of known classes.

    Args:
        text: As `repr` gives it.
        names: The classes it may call, beside the faults.

    Raises:
        ConfigError: If the text is no such value.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body, {**names, **_NAMES})
    except (SyntaxError, TypeError, ValueError) as error:
        raise ConfigError("faults", f"{text!r} cannot be read: {error}") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant():
            return node.value
        case ast.List() | ast.Tuple() | ast.Set():
            return _GROUPS[type(node)](_value(one, names) for one in node.elts)
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_value(k, names): _value(v, names) for k, v in pairs if k is not None}
        case ast.UnaryOp(op=ast.USub()):
            return -_value(node.operand, names)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.Call():
            return _called(node, names)
    raise ValueError(f"{ast.unparse(node)} is neither a literal nor a known name")


_GROUPS: dict[type[ast.expr], Any] = {ast.List: list, ast.Tuple: tuple, ast.Set: set}


def _called(node: ast.Call, names: Mapping[str, Any]) -> Any:
    name = ast.unparse(node.func)
    kind = names.get(name)
    if kind is None or not (isinstance(kind, type) or kind is handled):
        raise ValueError(f"{name} is no known class")
    given = [_value(one, names) for one in node.args]
    return kind(*given, **{k.arg: _value(k.value, names) for k in node.keywords if k.arg})
