"""Who votes: the configured members behind the name of a group."""

from __future__ import annotations

from harmonium.actors.cell import Cell
from harmonium.supervisors.pool_agent import Pool
from harmonium.supervisors.supervisor import Supervisor

__all__ = ["voters_of"]


def voters_of(asker: Cell, group: str) -> dict[str, str]:
    """The configured members of a group, by name, with their paths.

    A supervisor's members are all the children it lists, those that are down
    included: a quorum counts who should vote, not who is alive. Members that
    leave a pool vote no more. Any other agent is a group of one.

    Args:
        asker: From where the group's name is looked up.
        group: A path, a name or an id.
    """
    cell = asker.ground.registry.find(group, asker)
    if cell is None:
        return {}
    if isinstance(cell.agent, Pool):
        staying = sorted(one.number for one in cell.agent.members.values() if not one.draining)
        return {str(number): f"{cell.path}/{number}" for number in staying}
    if isinstance(cell.agent, Supervisor):
        return {one.id: f"{cell.path}/{one.id}" for one in cell.agent.state.table}
    return {cell.id: cell.path}
