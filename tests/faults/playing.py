"""Play a workflow: clean, or with one thing going wrong."""

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.runtimes.runtime import Size
from tests.faults.plans import OUTAGE, SKEW, SKEWED, Fault, Plan, applies
from tests.faults.saboteur import Call, Died
from tests.faults.stage import Stage
from tests.faults.workflows import WORKFLOWS, Workflow

_ALIKE = 1
"""How many calls of one situation are played: a wait is the same tick over and over."""

_SAFE = frozenset({Phase.FAILED, Phase.ABORTED, Phase.REVERTED, Phase.SUPERSEDED})


@dataclass(frozen=True)
class Ending:
    """What a workflow led to. `deployments` are versions with configs and phases, oldest first; `settings` what serves runs with;
    `by_a_person` whether it had to be ended by one, which no clean run has to.
    """

    live: str | None
    serving: str | None
    deployments: tuple[tuple[str, int, str], ...]
    quarantined: int
    certified: frozenset[str]
    paused: bool
    drifted: bool
    rejections: tuple[str, ...]
    read_only: bool
    settings: tuple[tuple[str, str], ...]
    sizes: tuple[Size, ...]
    by_a_person: bool = False

    @classmethod
    def of(cls, stage: Stage, *, by_a_person: bool) -> "Ending":
        service = stage.service()
        placed = service.live.build if service.live else None
        return cls(
            live=placed.version if placed else None,
            serving=_serving(stage),
            deployments=tuple((one.build.version, one.build.config_version, one.phase.value) for one in reversed(stage.deployments())),
            quarantined=len(service.quarantined),
            certified=frozenset(_certified(stage)),
            paused=service.paused is not None,
            drifted=service.is_drifted,
            rejections=tuple(sorted(f"{one.version} {one.kind}" for one in stage.ledger.list(keys.rejections(), limit=100).items)),
            read_only=stage.witness.application.is_read_only(stage.clock.now()),
            settings=_settings(stage),
            sizes=_sizes(stage),
            by_a_person=by_a_person,
        )


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    call: str
    failure: str
    as_clean: bool


def clean(workflow: Workflow) -> tuple[Ending, list[Call]]:
    """How the workflow ends when nothing goes wrong, and the calls it takes."""
    stage = prepared(workflow)
    return finished(stage, workflow), stage.saboteur.calls


def plans_of(workflow: Workflow, calls: list[Call], *, every_call: bool = False) -> Iterator[Plan]:
    """One plan for each fault that can happen to each call; of the calls that are alike the first ones, if not asked for `every_call`."""
    alike: Counter[Call] = Counter()
    for at, call in enumerate(calls):
        alike[call] += 1
        if every_call or alike[call] <= _ALIKE:
            yield from (Plan(workflow.name, at, fault) for fault in Fault if applies(fault, call.name))


def played(plan: Plan, ending: Ending, keeping: Callable[[], Ledger] | None = None) -> Outcome:
    """One plan from its start, in another ledger than the one in memory if `keeping` makes one."""
    workflow = WORKFLOWS[plan.workflow]
    stage = prepared(workflow, keeping)
    _sabotage(stage, plan.at, plan.fault)
    return _judged(plan, stage, workflow, ending)


def prepared(workflow: Workflow, keeping: Callable[[], Ledger] | None = None) -> Stage:
    """Where the workflow starts, with the saboteur in place."""
    stage = (Stage(keeping=keeping) if keeping else Stage()).as_at(_started(workflow.name))
    stage.saboteur.armed = True
    return stage


@lru_cache(maxsize=4)
def _started(name: str) -> Stage:
    stage = Stage()
    WORKFLOWS[name].start(stage)
    return stage


def finished(stage: Stage, workflow: Workflow) -> Ending:
    workflow.play(stage)
    stage.until_over()
    by_a_person = _held_by_what_happened(stage, workflow) and _ended_by_a_person(stage)
    stage.saboteur.armed = False
    if stage.witness.application.is_read_only(stage.clock.now()):  # nobody told it otherwise, so it ends by itself
        stage.wait(stage.witness.application.limit.total_seconds())
    _looked_at_once_more(stage)
    return Ending.of(stage, by_a_person=by_a_person)


def _held_by_what_happened(stage: Stage, workflow: Workflow) -> bool:
    """A person has to decide, of a workflow whose time may run out while something goes wrong."""
    deployment = stage.service().deployment
    return workflow.may_need_a_person and bool(stage.saboteur.happened) and deployment is not None and deployment.phase is Phase.NEEDS_HUMAN


def _ended_by_a_person(stage: Stage) -> bool:
    stage.switch.unreachable = False
    stage.ask("abort")
    stage.until_over()
    return True


def _looked_at_once_more(stage: Stage) -> None:
    """Everything is at rest: a pass delivered again and again changes nothing."""
    stage.control.passes.run("web")
    before = stage.service()
    stage.control.passes.run("web")
    stage.witness.redelivered(before, once=True)


def is_safe(stage: Stage, found: Ending, clean: Ending) -> bool:
    """Not as in the clean run, but safely so: what is reported live serves, and whatever was not completed ended before it or went back."""
    over = all(phase in {*_SAFE, Phase.COMPLETED} for _, _, phase in found.deployments)
    small = not found.sizes or (found.sizes[1].wanted <= 1 and not any(size.held for size in found.sizes))
    return over and small and not found.read_only and found.serving == found.live and found.serving in {clean.serving, *(version for version, _, phase in found.deployments if phase == "completed")}


def _judged(plan: Plan, stage: Stage, workflow: Workflow, ending: Ending) -> Outcome:
    try:
        found = finished(stage, workflow)
    except (Exception, Died) as error:  # noqa: BLE001 - whatever a plan leads to is its outcome
        return Outcome(plan, stage.saboteur.happened, _told(error), as_clean=False)
    failure = "" if found == ending or is_safe(stage, found, ending) else f"ended as {found}, the clean run as {ending}"
    return Outcome(plan, stage.saboteur.happened, failure, found == ending)


def _sabotage(stage: Stage, at: int, fault: Fault) -> None:
    stage.saboteur.at, stage.saboteur.fault = at, fault
    stage.witness.slack = SKEW if fault in SKEWED else stage.witness.slack
    stage.witness.absent = OUTAGE if fault is Fault.ALL_GONE else stage.witness.absent


def _told(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/faults/" not in frame.filename or "invariants" in frame.filename]
    place = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {place.name}: {error}"


def _serving(stage: Stage) -> str | None:
    service = stage.service()
    whole = _whole(stage)
    return stage.runtime.standing(service.definition, whole).version if whole else "both"


def _whole(stage: Stage) -> Color | None:
    return next((color for color in Color if stage.share(color) == 100), None)


def _settings(stage: Stage) -> tuple[tuple[str, str], ...]:
    whole = _whole(stage)
    return tuple(sorted(pair for (_, color), settings in stage.runtime.settings.items() if color is whole for pair in settings.items()))


def _sizes(stage: Stage) -> tuple[Size, ...]:
    """Of the colour that is live and of the other one, for runtimes that have sizes."""
    service = stage.service()
    sizes = stage.runtime.sizes(service.definition)
    live = service.live.color if service.live else Color.BLUE
    return (sizes[live], sizes[live.other]) if sizes else ()


def _certified(stage: Stage) -> Iterator[str]:
    for lived in stage.service().lineage:
        release = stage.ledger.find(keys.release("web", lived.build.version))
        if release and release.certified:
            yield release.version
