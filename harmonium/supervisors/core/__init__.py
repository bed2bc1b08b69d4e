"""The pure supervisor: `decide(state, event, now) -> (state, effects)`.

Nothing here runs, waits or measures time. An interpreter (the supervisor agent,
or a test with a virtual clock) feeds events in and carries effects out; it may
do so at its own pace, because starts, stops and delays are states.

The words: `events` what may happen, `effects` what to do about it, `answers`
what an operator hears, `state` what is known, `decide` the way from one to the
other, `journal` every decision with its inputs.
"""
