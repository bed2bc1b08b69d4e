"""Draw a pipeline: in the terminal, as Mermaid text, and as SVG."""

from __future__ import annotations

from harmonium.protocols.drawing.mermaid import to_mermaid
from harmonium.protocols.drawing.svg import to_svg
from harmonium.protocols.drawing.terminal import to_terminal

__all__ = ["to_mermaid", "to_svg", "to_terminal"]
