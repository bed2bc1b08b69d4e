"""``SYSTEM``: from what a person types to an `Application`."""

from __future__ import annotations

import importlib
import sys
import tomllib
from pathlib import Path
from typing import Any

import attrs

from harmonium.actors.agent import Agent
from harmonium.cli.application import Application
from harmonium.protocols.errors import ConfigError, DefinitionError
from harmonium.protocols.nearest import did_you_mean
from harmonium.supervisors.spec import ChildSpec, SupervisorSpec, child, supervisor
from harmonium.supervisors.system_options import SystemOptions

__all__ = ["find_application"]


@attrs.frozen
class _NoSettings:
    """A bare tree has no settings."""


def find_application(system: str) -> Application[Any, Any]:
    """Find what ``SYSTEM`` names.

    Args:
        system: A folder with a package that has an `application`, a
            ``package.module:name``, or a TOML system file. A name may be an
            `Application`, a tree, an agent class, or a function that makes one.

    Raises:
        ConfigError: If there is no such thing; it says what was looked for.
    """
    if system.endswith(".toml"):
        return _of_tree(system, *_from_toml(Path(system)))
    if ":" in system:
        module, _, name = system.partition(":")
        return _as_application(system, _attribute(system, _import(system, module), name))
    path = Path(system)
    if path.is_dir():
        return _from_folder(system, path)
    raise ConfigError(
        f"system {system!r}", "it is no folder, no package.module:name and no .toml file"
    )


def _from_folder(system: str, path: Path) -> Application[Any, Any]:
    resolved = path.resolve()
    if not (resolved / "__init__.py").exists():
        raise ConfigError(f"system {system!r}", "the folder is no package: it has no __init__.py")
    parts = [resolved.name]
    top = resolved.parent
    while (top / "__init__.py").exists():
        parts.insert(0, top.name)
        top = top.parent
    if (root := _namespace(top, parts)) is not None:
        top = root
    if str(top) not in sys.path:
        sys.path.insert(0, str(top))
    module = _import(system, ".".join((*parts, "application")))
    return _as_application(system, _attribute(system, module, "application"))


def _namespace(top: Path, parts: list[str]) -> Path | None:
    """A folder without __init__.py that the package imports itself by (``examples``)."""
    if (
        top.name.isidentifier()
        and not (top / "__init__.py").exists()
        and (top.parent / top.name / parts[0]).is_dir()
    ):
        text = " ".join(f.read_text("utf-8", "replace") for f in (top / parts[0]).glob("*.py"))
        if f"{top.name}.{parts[0]}" in text:
            parts.insert(0, top.name)
            return top.parent
    return None


def _import(system: str, name: str) -> Any:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(f"system {system!r}", f"there is no module {name!r}") from None
        raise ConfigError(f"system {system!r}", f"{name} needs {error.name}: {error}") from None
    except (DefinitionError, SyntaxError, ImportError) as error:
        raise ConfigError(f"system {system!r}", f"{name} cannot be imported: {error}") from None


def _attribute(system: str, module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        known = [one for one in vars(module) if not one.startswith("_")]
        raise ConfigError(
            f"system {system!r}", f"{module.__name__} has no {name!r}", did_you_mean(name, known)
        ) from None


def _as_application(system: str, found: Any) -> Application[Any, Any]:
    if isinstance(found, Application):
        return found
    if callable(found) and not isinstance(found, type):
        found = found()
    if isinstance(found, type) and issubclass(found, Agent):
        found = child(found, id=found.__name__.lower())
    if isinstance(found, ChildSpec):
        found = supervisor("system", children=[found])
    if isinstance(found, SupervisorSpec):
        return _of_tree(system, found)
    raise ConfigError(f"system {system!r}", f"it is {found!r}, no application, tree or agent class")


def _of_tree(
    system: str, tree: SupervisorSpec, options: SystemOptions | None = None
) -> Application[Any, Any]:
    return Application(
        tree.name,
        f"the tree of {system}",
        _NoSettings,
        lambda _: tree,
        options=options or SystemOptions(),
    )


def _from_toml(path: Path) -> tuple[SupervisorSpec, SystemOptions]:
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # what the file names is looked up here first
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), f"is no TOML: {error}") from None
    from harmonium.supervisors.mapping_system import (  # noqa: PLC0415 - for TOML files alone
        system_from_mapping,
    )

    tree, options = system_from_mapping(data)
    return tree, _beside(path, options)


def _beside(path: Path, options: SystemOptions) -> SystemOptions:
    """Look for the store beside the file, from whichever folder the command is given."""
    place = options.store
    if place is None or "://" in str(place) or str(place).strip(":") == "memory":
        return options
    return attrs.evolve(options, store=str(path.parent / place))
