"""The example as the command line runs it: settings, votes, verdicts and checks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from examples.votes.box import RuleName
from examples.votes.messages import ClosePoll, HoldVote, OpenPoll, PollClosed
from examples.votes.reading import SAMPLE, Answers, Truths, read_answers, read_truths
from examples.votes.system import hire, polling_station
from harmonium import HarmoniumError, SupervisorSpec
from harmonium.cli.application import Application, Job, Summary
from harmonium.protocols.errors import ConfigError
from harmonium.protocols.voting import Outcome, Verdict

__all__ = ["Settings", "application"]

ASK_TIMEOUT = 120.0
"""Seconds until the tally is asked again; its box makes that safe."""
MOST_ASKS = 100
"""How often the tally is asked for one thing before the run fails."""


def _rule(name: str) -> str:
    return name.lower().replace("-", "_")


@attrs.frozen
class Settings:
    """What ``--set`` changes."""

    rule: str = attrs.field(
        default=RuleName.MAJORITY.value,
        converter=_rule,
        validator=attrs.validators.in_([one.value for one in RuleName]),
        metadata={"help": "how questions are decided: majority, weighted or dawid_skene"},
    )
    truth: str = attrs.field(
        default="", metadata={"help": "a CSV of question,truth; the summary then has accuracy"}
    )
    seed: int = attrs.field(default=0, metadata={"help": "seeds the draw of a tie"})

    def truths(self) -> Truths:
        """Read the file of truths; without one there are none."""
        return read_truths(Path(self.truth)) if self.truth else Truths({}, ())


def _build(settings: Settings) -> SupervisorSpec:
    settings.truths()  # a file that cannot be used is refused before anything starts
    return polling_station(RuleName(settings.rule), seed=settings.seed)


async def _work(job: Job[Settings], file: Answers) -> Summary:
    """Hold a vote on every question, in order of the file, and write the verdicts."""
    began = time.monotonic()
    truths = job.settings.truths()
    _check_options(file, job.settings)
    for problem in (*file.problems, *truths.problems):
        job.complain(problem)
    workers = file.by_worker
    addresses = await hire(job.system, workers)
    await _ask(job, OpenPoll(file.options))
    for done, (question, answers) in enumerate(file.answers.items()):
        job.on_progress(done, len(file.answers), {})
        await _ask(job, HoldVote(question, tuple((addresses[name], name) for name in answers)))
    closed: PollClosed = await _ask(job, ClosePoll())
    job.on_progress(len(file.answers), len(file.answers), {})
    for verdict in closed.verdicts:
        job.write(_line(verdict, job.settings.rule))
    return await _summary(job, file, truths, closed.verdicts, began)


def _check_options(file: Answers, settings: Settings) -> None:
    if settings.rule != RuleName.MAJORITY and len(file.options) < 2:
        problem = "all answers are alike, and this rule compares at least two"
        raise ConfigError(f"--set rule={settings.rule}", problem, "set rule=majority")


async def _ask(job: Job[Settings], message: Any) -> Any:
    """Ask until there is an answer: the tally may crash, and its box keeps what was done."""
    for _ in range(MOST_ASKS - 1):
        try:
            return await job.system.ask("tally", message, timeout=ASK_TIMEOUT)
        except HarmoniumError:
            if job.system.failure is not None:
                raise
            await asyncio.sleep(0.001)
    return await job.system.ask("tally", message, timeout=ASK_TIMEOUT)


def _line(verdict: Verdict, rule: str) -> dict[str, Any]:
    return {
        "question": verdict.question,
        "verdict": verdict.choice,
        "for": [ballot.voter for ballot in verdict.ballots_for],
        "against": [ballot.voter for ballot in verdict.ballots_against],
        "rule": rule,
        "margin": round(verdict.margin, 6),
        "confidence": round(verdict.confidence, 6),
        "tie": _is_tie(verdict),
    }


def _is_tie(verdict: Verdict) -> bool:
    return verdict.outcome is Outcome.TIED or verdict.tie_broken_by is not None


async def _summary(
    job: Job[Settings], file: Answers, truths: Truths, verdicts: Sequence[Verdict], began: float
) -> Summary:
    await job.quiet()
    account = job.system.account()
    data: dict[str, Any] = {
        "rule": job.settings.rule,
        "questions": len(verdicts),
        "ballots": sum(len(verdict.ballots) for verdict in verdicts),
        "agents": len(file.by_worker),
        "ties": sum(map(_is_tie, verdicts)),
    }
    if job.settings.truth:
        data |= _accuracy(verdicts, truths)
    data |= {
        "unusable_lines": job.complaints,
        "restarts": job.system.restarts,
        "dead_letters": account.dead,
        "account": attrs.asdict(account),
        "seconds": round(time.monotonic() - began, 3),
    }
    headline = f"{len(verdicts)} questions decided by {job.settings.rule}"
    if data.get("accuracy") is not None:
        headline += f", accuracy {data['accuracy']:.4f}"
    broken = _broken(file, verdicts)
    if not account.balanced:
        broken = (*broken, f"the account of messages does not add up: {account}")
    return Summary(data, headline, broken)


def _accuracy(verdicts: Sequence[Verdict], truths: Truths) -> dict[str, Any]:
    known = [one for one in verdicts if one.question in truths.truths]
    right = sum(truths.truths[one.question] == one.choice for one in known)
    accuracy = round(right / len(known), 6) if known else None
    return {"accuracy": accuracy, "questions_with_truth": len(known)}


def _broken(file: Answers, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Hold the ballots that were counted against the answers of the file."""
    counted = {one.question: {b.voter: b.choice for b in one.ballots} for one in verdicts}
    wrong = [one for one, answers in file.answers.items() if counted.get(one) != answers]
    return tuple(f"question {one}: the ballots are not the answers given" for one in wrong[:10])


application = Application(
    name="votes",
    about="Questions that many answered: each worker votes, and a rule decides.",
    settings=Settings,
    build=_build,
    read=read_answers,
    work=_work,
    sample=SAMPLE,
    demo="crash=0.02",
)
