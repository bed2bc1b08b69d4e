"""Where each step of a pipeline stands in a drawing: in layers, with few crossings.

Steps stand below all that they need. An edge that passes layers gets a place
in each of them, so that it runs beside the boxes. Within a layer the order
follows the mean place of the needs. (Sugiyama, Tagawa and Toda, Methods for
visual understanding of hierarchical system structures, 1981.)
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from harmonium.protocols.pipeline.graph import Graph, Node

__all__ = ["Layout", "Spot", "direct_needs", "lay_out"]


@attrs.frozen(slots=True, eq=False)
class Spot:
    """A place in a layer.

    Args:
        node: The step that stands there, or None where an edge passes.
        needs: The spots of the layer above that lead here.
    """

    node: Node | None
    needs: tuple[Spot, ...] = ()


Layout = tuple[tuple[Spot, ...], ...]
"""The layers from top to bottom, the spots of each from left to right."""


def lay_out(graph: Graph) -> Layout:
    """Give every step and every passing edge its place."""
    last = _last_layers(graph)
    layers: list[tuple[Spot, ...]] = []
    leading: dict[int, Spot] = {}  # the spot in the layer above, by the step it comes from
    for depth, nodes in enumerate(graph.layers()):
        row = {
            node.index: Spot(node, tuple(leading[need] for need in direct_needs(graph, node)))
            for node in nodes
        }
        passing = {source: Spot(None, (spot,)) for source, spot in leading.items()}
        row |= {source: spot for source, spot in passing.items() if last[source] > depth}
        layers.append(_ordered(row.values(), layers[-1] if layers else ()))
        leading = {source: spot for source, spot in row.items() if last.get(source, 0) > depth}
    return tuple(layers)


def direct_needs(graph: Graph, node: Node) -> tuple[int, ...]:
    """Give the needs of a step that do not follow from its other needs."""
    above = frozenset[int]().union(*(graph.nodes[need].visible for need in node.needs))
    return tuple(need for need in node.needs if need not in above)


def _last_layers(graph: Graph) -> dict[int, int]:
    """Give for each step the lowest layer that an edge leads to from it."""
    last: dict[int, int] = {}
    for depth, row in enumerate(graph.layers()):
        for node in row:
            last |= dict.fromkeys(direct_needs(graph, node), depth)
    return last


def _ordered(row: Iterable[Spot], above: tuple[Spot, ...]) -> tuple[Spot, ...]:
    places = {id(spot): place for place, spot in enumerate(above)}

    def mean(spot: Spot) -> float:
        return sum(places[id(need)] for need in spot.needs) / max(len(spot.needs), 1)

    return tuple(sorted(row, key=mean))
