"""Past rollouts under a changed policy: which bad releases it would have caught, and which good ones it would have stopped.

Only rollouts that had any traffic count: a rollback and a drill bring back what was judged before. What became of a release says whether it was bad:
* it is quarantined now, or it went back (or needs a person) by an unhealthy verdict: bad;
* it was completed, or its build was certified since: good;
* aborted, superseded, failed, turned back for another reason, still in progress: nobody knows, and it is not counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, TypeVar

from chalicelib.clock import Clock
from chalicelib.deployments import rollback
from chalicelib.deployments.model import Deployment, Kind, Phase
from chalicelib.errors import NotFound, Unparsable
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import Outcome
from chalicelib.health.replay import Replayed, replay
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger, Listing, Page
from chalicelib.services.definition import Checks
from chalicelib.services.model import Service

T = TypeVar("T")

WITHIN = timedelta(seconds=12)
"""After this no further rollout is begun: who asked waits at a gateway that gives up."""
_PAGE = 100
_FURTHEST = 500
"""So many deployments are looked through for rollouts: where drills are frequent most are none."""


class Effect(StrEnum):
    CAUGHT = "caught"
    """Bad, and the policy turns it back."""
    MISSED = "missed"
    """Bad, and the policy does not."""
    STOPPED = "stopped"
    """Good, and the policy turns it back all the same."""
    PASSED = "passed"
    """Good, and the policy does not."""


@dataclass(frozen=True, slots=True)
class Played:
    """One rollout. `replayed` is None where no verdict of it was kept, `effect` where nobody knows whether it was good."""

    deployment: Deployment
    replayed: Replayed | None
    effect: Effect | None

    @property
    def is_held(self) -> bool:
        """Whether the policy ends undecided: it would have waited for more, to its deadline."""
        return self.replayed is not None and self.replayed.would.outcome is Outcome.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class Replay:
    """Newest first. `not_played` counts those for which there was no time."""

    played: tuple[Played, ...]
    not_played: int = 0


@dataclass(frozen=True, slots=True)
class Replays:
    """What was judged, and what it would have come to. Changes nothing."""

    ledger: Ledger
    clock: Clock

    def judgements(self, service: str, deployment: str, *, limit: int, cursor: str | None) -> Page[Judgement]:
        """The verdicts that decided something, newest first. Raises `NotFound`, and `Unparsable` for a cursor that is not one of this list's."""
        self._service(service)
        if self.ledger.find(keys.deployment(service, deployment)) is None:
            raise NotFound(f"{service} has no deployment {deployment}")
        # Few, and kept by subject: their order is made here.
        found = self._judged(service, deployment)[::-1]
        subjects = [one.subject for one in found]
        if cursor is not None and cursor not in subjects:
            raise Unparsable("this cursor is not one of this list's; leave it out to begin anew")
        begin = subjects.index(cursor) + 1 if cursor is not None else 0
        page = found[begin : begin + limit]
        return Page(page, page[-1].subject if len(found) > begin + limit else None)

    def play(self, service: str, checks: Checks, *, deployments: int) -> Replay:
        """The newest rollouts under `checks`; what they leave out is as the service has it now. Raises `NotFound`."""
        found, since = self._service(service), self.clock.monotonic()
        policy = over(found.definition.checks, checks)
        rollouts = list(islice(self._rollouts(service), deployments))
        played: list[Played] = []
        for one in rollouts:
            if self.clock.monotonic() - since > WITHIN.total_seconds():
                break
            played.append(play(found, one, self._judged(service, one.id), policy))
        return Replay(tuple(played), len(rollouts) - len(played))

    def _service(self, name: str) -> Service:
        found = self.ledger.find(keys.service(name))
        if found is None or not found.registered:
            raise NotFound(f"there is no service {name}")
        return found

    def _rollouts(self, service: str) -> Iterator[Deployment]:
        return (one for one in islice(self._every(keys.deployments(service)), _FURTHEST) if one.kind is Kind.ROLLOUT and one.moved)

    def _judged(self, service: str, deployment: str) -> tuple[Judgement, ...]:
        """Oldest first."""
        return tuple(sorted(self._every(keys.judgements(service, deployment)), key=lambda one: (one.at, one.subject)))

    def _every(self, listing: Listing[T]) -> Iterator[T]:
        cursor: str | None = None
        while True:
            page = self.ledger.list(listing, limit=_PAGE, cursor=cursor)
            yield from page.items
            if page.cursor is None:
                return
            cursor = page.cursor


def over(now: Checks, given: Checks) -> Checks:
    """The policy as it is, with what is given in its place; what was left out of `given` stays."""
    return Checks.model_validate(_over(now.model_dump(mode="json"), given.model_dump(mode="json", exclude_unset=True)))


def _over(now: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    return now | {name: _over(now[name], value) if isinstance(value, dict) else value for name, value in given.items()}


def play(service: Service, deployment: Deployment, judgements: tuple[Judgement, ...], checks: Checks) -> Played:
    """One rollout; `judgements` are all that is kept of it, oldest first."""
    if not judgements:
        return Played(deployment, None, None)
    found = replay(judgements, checks)
    is_turned_back = found.would.outcome is Outcome.UNHEALTHY
    match was_bad(service, deployment, found.judged.outcome):
        case True:
            return Played(deployment, found, Effect.CAUGHT if is_turned_back else Effect.MISSED)
        case False:
            return Played(deployment, found, Effect.STOPPED if is_turned_back else Effect.PASSED)
        case _:
            return Played(deployment, found, None)


def was_bad(service: Service, deployment: Deployment, judged: Outcome) -> bool | None:
    """Whether the release proved bad, as far as is known now; None where nobody knows."""
    if rollback.is_quarantined(service, deployment.build):
        return True
    if deployment.phase is Phase.COMPLETED:
        return False
    if deployment.phase.is_final and any(one.certified and one.build == deployment.build for one in service.lineage):
        return False  # turned back once, and good after all
    return True if deployment.phase in _WENT_BAD and judged is Outcome.UNHEALTHY else None


_WENT_BAD = frozenset({Phase.REVERTING, Phase.REVERTED, Phase.NEEDS_HUMAN})


def summary(found: Replay) -> dict[str, int]:
    """`played` are those with evidence, whatever is known of them; `held` those of them that end undecided; the effects by their names."""
    effects = {effect.value: sum(one.effect is effect for one in found.played) for effect in Effect}
    with_evidence = sum(one.replayed is not None for one in found.played)
    return {
        "played": with_evidence, **effects, "held": sum(one.is_held for one in found.played),
        "without_evidence": len(found.played) - with_evidence, "not_played": found.not_played,
    }  # fmt: skip
