"""Whatever people do and whenever an inbox crashes: each request has one outcome."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from harmonium import System, message
from harmonium.actors.simulated import SimulatedGround
from harmonium.protocols.errors import HarmoniumError
from harmonium.protocols.ladder import Ladder, PersonRung, RuleRung
from harmonium.protocols.lifecycle import Phase
from harmonium.protocols.pipeline.spec import Pipeline, Step
from harmonium.supervisors.coordinator import coordinator
from harmonium.supervisors.inbox import inbox
from harmonium.supervisors.inbox_messages import Outcome
from harmonium.supervisors.spec import supervisor

REQUESTS = 3
PATIENCE = 1.0


@message
class Pay:
    n: int


@message
class Said:
    text: str


def office():
    """A person, then a rule."""
    rung = PersonRung("people", lambda c: str(c.request.n), options=("yes", "no"), timeout=PATIENCE)
    step = Step("ok", person=Ladder(rung, RuleRung("rule")))
    pipeline = Pipeline(Pay, [step], name="pay", result=lambda c: Said(c["ok"]))
    return supervisor(
        "office", children=[inbox("people"), coordinator(pipeline)], max_restarts=1000, within=5.0
    )


pauses = st.sampled_from([0.0, 0.001, 0.05, 0.4, 0.7])
acts = st.tuples(
    pauses,
    st.sampled_from(["yes", "no", "maybe", "refuse", "crash"]),
    st.integers(0, REQUESTS - 1),
)


async def _act(system, what, number, taken):
    calls = system.inbox("people")
    if what == "crash":
        cell, ground = system.ref("people")._cell, system.ground
        ground.signal(cell, ground.crashed, cell, ValueError("boom"), Phase.HANDLER, None)
        return
    try:
        found = [one for one in await calls.list(everything=True) if one.text == str(number)]
        for one in found:
            say = calls.refuse(one.id) if what == "refuse" else calls.answer(one.id, what)
            if (await say).outcome is Outcome.TAKEN:
                taken.setdefault(number, []).append("rule" if what == "refuse" else what)
    except HarmoniumError:  # the inbox crashed; who answers may try again
        taken.setdefault(number, []).append("unknown")


@settings(max_examples=60, deadline=None)
@given(st.lists(acts, max_size=12), st.integers(0, 2**32 - 1))
def test_each_request_ends_once_with_what_was_taken(plan, seed):
    """The outcome is the one answer that was taken, or the rule's; never two, never none."""
    ground = SimulatedGround(seed=seed)
    taken: dict[int, list[str]] = {}

    async def main():
        async with System(office(), ground=ground) as system:
            asks = [system.ask("pay", Pay(n), timeout=60.0) for n in range(REQUESTS)]
            acting = []
            for pause, what, number in plan:
                await asyncio.sleep(pause)
                acting.append(asyncio.ensure_future(_act(system, what, number, taken)))
            await asyncio.gather(*acting)
            said = [(await ask).text for ask in asks]
            assert system.ref("pay")._cell.agent.under_way == 0
            assert len(system.ref("pay")._cell.agent.people) == 0
            open_now = await system.inbox("people").list()
            assert len(open_now) == 0
        return system, said

    system, said = ground.play(main())
    account = system.account()
    assert account.balanced
    assert account.in_flight == 0
    for number, text in enumerate(said):
        heard = taken.get(number, [])
        sure = [one for one in heard if one != "unknown"]
        assert len(sure) <= 1
        if "unknown" not in heard:
            assert text == (sure[0] if sure else "rule")
