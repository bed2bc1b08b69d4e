"""A constructor for frozen slotted attrs classes that costs little more than a mutable one.

attrs sets each field of a frozen class through `object.__setattr__`, because
the class's own `__setattr__` refuses. Here an instance is given a twin class
that does not refuse, is filled by plain assignments, and gets its own class back
before anybody else can see it. Medians of one run on Python 3.11, in ns, as
`benchmarks/message_construction.py` prints them:

    fields              0      1      2      3      4      6     12
    attrs.frozen      151    222    279    347    401    521    905
    this               84    147    194    241    237    265    353
    attrs.define       84    107    115    122    130    160    247
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable
from typing import Any

import attrs

from harmonium.protocols.validators import Rule

__all__ = ["Convert", "Script", "give_fast_init"]

Convert = Callable[[Any], tuple[Callable[[Any], Any], ...]]
"""Gives the plain callables that a field's converter stands for, first to last."""

_Factory: Any = attrs.Factory  # a class, though the stubs call it a function

_FEW = 2
"""Up to so many fields, setting each through its slot is cheaper than changing classes.

With 2 it takes 193 against 222 ns, with 3 it takes 253 against 231.
"""

_SET_CLASS = object.__dict__["__class__"].__set__
"""Sets `__class__` past a frozen `__setattr__`; 25 ns less than through `object.__setattr__`."""


def give_fast_init(cls: type, steps_of: Convert) -> Script | None:
    """Replace the constructor that attrs made by a faster one that does the same.

    Nothing is changed where a class asks for what the fast one cannot do: an
    `__init__` or `__attrs_pre_init__` of its own, a default or converter that
    takes the half-made instance, a base with `__init_subclass__`, a field of a base
    without slots.

    Args:
        cls: A frozen slotted attrs class, complete with resolved field types.
        steps_of: Says of which callables a field's converter consists.

    Returns:
        What the constructor was made of; None if it was not replaced.
    """
    fields = [a for a in attrs.fields(cls) if a.init or a.default is not attrs.NOTHING]
    if not _is_plain(cls, fields):
        return None
    # Without a twin the slots are set one by one, which any class allows.
    twin = _mutable_twin(cls) if len(fields) > _FEW else None
    script = Script(cls, twin, steps_of)
    for field in fields:
        script.take(field)
    alone = twin is None or cls.__subclasses__() == [twin]
    cls.__init__ = script.compiled(alone=alone)  # type: ignore[misc]  # it does the same, faster
    if twin is not None and alone:
        _tell_of_subclass(script)
    return script


def _tell_of_subclass(script: Script) -> None:
    """Have the constructor look at the class of `self` from the first subclass on.

    Most messages have none, and the look is a tenth of making one.
    """
    cls: Any = script.cls

    def noticed(subclass: type, /, **kwargs: Any) -> None:
        with contextlib.suppress(AttributeError):  # another thread was faster
            del cls.__init_subclass__
        cls.__init__ = script.compiled(alone=False)
        super(cls, subclass).__init_subclass__(**kwargs)

    cls.__init_subclass__ = classmethod(noticed)


def _is_plain(cls: type, fields: list[Any]) -> bool:
    if "__attrs_init__" in vars(cls) or hasattr(cls, "__attrs_pre_init__"):
        return False
    if any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1]):
        return False
    return not any(
        a.alias.startswith("_")
        or not isinstance(getattr(cls, a.name, None), types.MemberDescriptorType)
        or isinstance(a.converter, attrs.Converter)
        or (isinstance(a.default, _Factory) and a.default.takes_self)
        for a in fields
    )


def _mutable_twin(cls: type) -> type | None:
    """Derive the class whose instances may be filled; None where they could not change over."""
    twin = type(cls)(
        cls.__name__,
        (cls,),
        {
            "__slots__": (),
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            # Taken from object as it is: then CPython assigns without calling anything.
            "__setattr__": object.__setattr__,
            "__delattr__": object.__delattr__,
        },
    )
    try:
        trial: Any = object.__new__(cls)
        _SET_CLASS(trial, twin)
        trial.__class__ = cls
    except TypeError:
        return None
    return twin


class Script:
    """The source of one constructor, and the names that it uses.

    They start with an underscore, and no parameter does.
    """

    def __init__(self, cls: type, twin: type | None, steps_of: Convert) -> None:
        self.cls = cls
        self.twin = twin
        self.steps_of = steps_of
        self.names: dict[str, Any] = {
            "_cls": cls,
            "_twin": twin,
            "_new": object.__new__,
            "_type": type,
            "_set_class": _SET_CLASS,
            "_slow": cls.__init__,  # type: ignore[misc]
            "_nothing": attrs.NOTHING,
            "_disabled": attrs.validators.get_disabled,
        }
        self.parameters: list[str] = []
        self.keywords: list[str] = []
        self.forwarded: list[str] = []
        self.values: list[str] = []
        self.stores: list[str] = []
        self.checks: list[str] = []

    def take(self, field: Any) -> None:
        """Add one field: its parameter, value, assignment and check."""
        value = self._parameter(field) if field.init else self._constant(field)
        for number, step in enumerate(self.steps_of(field.converter)):
            value = f"{self._name(f'_step{number}', field, step)}({value})"
        if self.twin is None:
            setter = self._name("_set", field, getattr(self.cls, field.name).__set__)
            self.stores.append(f"{setter}(self, {value})")
        else:
            self.stores.append(f"self.{field.name} = {self._local(field, value)}")
        if field.validator is not None:
            self._check(field)

    def _local(self, field: Any, value: str) -> str:
        """Compute what is to be computed before the class is changed: it may raise."""
        if value == field.alias:
            return value
        self.values.append(f"_value_{field.name} = {value}")
        return f"_value_{field.name}"

    def _name(self, prefix: str, field: Any, value: Any) -> str:
        self.names[name := f"{prefix}_{field.name}"] = value
        return name

    def _parameter(self, field: Any) -> str:
        name: str = field.alias
        (self.keywords if field.kw_only else self.parameters).append(self._declared(field))
        # In front those by position: a keyword must not stand before them.
        place = len(self.forwarded) if field.kw_only else len(self.parameters) - 1
        self.forwarded.insert(place, f"{name}={name}" if field.kw_only else name)
        if not isinstance(field.default, _Factory):
            return name
        return f"({self._constant(field)} if {name} is _nothing else {name})"

    def _declared(self, field: Any) -> str:
        if field.default is attrs.NOTHING:
            return str(field.alias)
        if isinstance(field.default, _Factory):
            return f"{field.alias}=_nothing"
        return f"{field.alias}={self._name('_default', field, field.default)}"

    def _constant(self, field: Any) -> str:
        if isinstance(field.default, _Factory):
            return f"{self._name('_factory', field, field.default.factory)}()"
        return self._name("_default", field, field.default)

    def _check(self, field: Any) -> None:
        """Call the validator, but one of ours only when its rule is broken: 20 ns, not 120."""
        self._name("_field", field, field)
        self._name("_validator", field, field.validator)
        value, name = f"self.{field.name}", field.name
        rule = field.validator.test.format(value) if isinstance(field.validator, Rule) else "False"
        self.checks.append(
            f"if not ({rule}) and not _disabled(): _validator_{name}(self, _field_{name}, {value})"
        )

    def compiled(self, *, alone: bool) -> Callable[..., None]:
        """Compile what was taken into an `__init__`; `alone` for a class without a subclass."""
        lines = ["'''Make the message.'''"]
        if self.twin is not None and not alone:
            # A subclass that is no message itself, or one that calls super().__init__.
            forwarded = ", ".join(["self", *self.forwarded])
            lines.append(f"if _type(self) is not _cls: return _slow({forwarded})")
        begin = [] if self.twin is None else ["_set_class(self, _twin)"]
        return self._compile("__init__", ["self"], lines + self._body(begin))

    def maker(self) -> Callable[..., Any]:
        """Compile what was taken into a function that makes an instance.

        It takes two thirds of the time, as no class changes twice and nothing is called
        through `type.__call__`, `__new__` and `__init__`.
        """
        begin = f"self = _new({'_cls' if self.twin is None else '_twin'})"
        return self._compile("make", [], [*self._body([begin]), "return self"])

    def _compile(self, name: str, first: list[str], body: list[str]) -> Callable[..., Any]:
        keywords = ["*", *self.keywords] if self.keywords else []
        lines = [f"def {name}({', '.join([*first, *self.parameters, *keywords])}):", *body]
        file = f"<constructor of {self.cls.__module__}.{self.cls.__qualname__}>"
        exec(compile("\n    ".join(lines), file, "exec"), self.names)  # noqa: S102 - made of fields
        made: Callable[..., Any] = self.names[name]
        made.__qualname__ = f"{self.cls.__qualname__}.{name}"
        made.__module__ = self.cls.__module__
        made.__annotations__ = self._annotations()
        return made

    def _body(self, begin: list[str]) -> list[str]:
        lines = [*self.values, *begin, *self.stores]
        if self.twin is not None:
            lines.append("self.__class__ = _cls")
        lines += self.checks
        if hasattr(self.cls, "__attrs_post_init__"):
            lines.append("self.__attrs_post_init__()")
        return lines

    def _annotations(self) -> dict[str, Any]:
        hints = {a.alias: a.type for a in attrs.fields(self.cls) if a.init}
        return {**hints, "return": None}
