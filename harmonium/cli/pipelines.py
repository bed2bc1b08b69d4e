"""``tree --pipeline``: the pipelines of a system, drawn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harmonium.cli.application import Application
from harmonium.protocols.drawing import to_mermaid, to_svg, to_terminal
from harmonium.protocols.errors import ConfigError
from harmonium.supervisors.pipelines import Declared, pipelines_of

__all__ = ["draw_pipelines"]


def draw_pipelines(
    application: Application[Any, Any], *, mermaid: bool = False, svg: Path | None = None
) -> int:
    """Draw every pipeline that the application's tree declares, with its default settings.

    Args:
        application: The system.
        mermaid: Write Mermaid text, instead of boxes for a terminal.
        svg: Write an SVG file instead. With several pipelines there is one
            file for each, with the coordinator's id before the suffix.

    Raises:
        ConfigError: If it declares no pipeline, or the file cannot be written.
    """
    declared = list(pipelines_of(application.build(application.settings())))
    if not declared:
        place = f"system {application.name!r}"
        raise ConfigError(place, "it declares no pipeline", "leave out --pipeline")
    if svg is not None:
        _write_files(declared, svg)
        return 0
    draw = to_mermaid if mermaid else to_terminal
    texts = [draw(one.pipeline).rstrip("\n") for one in declared]
    sys.stdout.write("\n\n".join(texts) + "\n")
    return 0


def _write_files(declared: list[Declared], path: Path) -> None:
    for one in declared:
        own = path.with_name(f"{path.stem}-{one.spec.id}{path.suffix}")
        place = path if len(declared) == 1 else own
        try:
            place.write_text(to_svg(one.pipeline), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"--svg {place}", f"cannot be written: {error.strerror}") from None
