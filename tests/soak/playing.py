"""What every rule stands on: the place, the people, the picture of it that the API showed last, and the judgement of an answer."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.soak.model import DONE, Expected, Keys, permitted
from tests.soak.people import Answer, Ask, People
from tests.soak.picture import Picture, consistent, follows
from tests.soak.place import Place
from tests.soak.tally import TALLY

Rule = Callable[..., None]


def happens(**given: Any) -> Callable[[Rule], Rule]:
    """A rule that is counted."""

    def declared(played: Rule) -> Rule:
        @wraps(played)
        def counted(self: Any, *given: Any, **drawn: Any) -> None:
            TALLY.rules[played.__name__] += 1
            played(self, *given, **drawn)

        return rule(**given)(counted)  # type: ignore[no-any-return]

    return declared


class Playing(RuleBasedStateMachine):
    """`paused` is as people left it, None while nobody knows. `is_sure` is False once something went wrong since the last picture."""

    seen: Picture

    def __init__(self) -> None:
        super().__init__()
        self.place = Place()
        self.keys = Keys()
        self.paused: bool | None = False
        self.is_sure = True
        self.reached: set[str] = set()
        self._seen_at: tuple[Any, ...] = ()

    def begin(self) -> None:
        self.people = People(self.place)

    def look(self) -> Picture:
        """Take the next picture, which must be consistent and follow from the one before."""
        seen = Picture.of(self.people, self.place.clock.now())
        consistent(seen)
        if hasattr(self, "seen"):
            follows(self.seen, seen, is_sure=self.is_sure)
        self.seen, self.is_sure, self._seen_at = seen, True, self._now()
        self.reached |= {seen.phase} - {""} | {name for name in ("read_only", "drifted", "paused", "waiting", "automatic_suspended") if seen.service[name]}
        self.reached |= {f"{one['kind']} {one['phase']}" for one in seen.deployments}
        if self.paused is None:
            self.paused = seen.service["paused"]
        assert seen.service["paused"] == self.paused, f"paused is {seen.service['paused']} and was left {self.paused}"
        return seen

    def is_anything_new(self) -> bool:
        """Whether anything was written or time has passed since the last picture."""
        return self._seen_at != self._now() or self.paused is None

    def ask(self, ask: Ask, fresh: Callable[[], Expected]) -> Answer:
        """Ask; the answer must be one that the contract allows in the state last seen, unless something went wrong meanwhile."""
        now, before = self.place.clock.now(), self.place.service()
        denied = permitted(ask)
        expected, body = (denied, None) if denied else self.keys.expected(ask, now, fresh)
        answer = self.people.ask(ask)
        if not denied:
            self.keys.learn(ask, answer, now)
        if answer.hit:
            self.is_sure = False
            self._something_went_wrong()
            return answer
        if self.place.is_cut_off and answer.status == 503:
            return answer
        if ask.dry_run:
            expected = {((200, "") if found in DONE else found) for found in expected}
            assert self.place.service() == before, "a dry run changed something"
        assert (answer.status, answer.slug) in expected, f"{ask} was answered with {answer.status} {answer.slug}, and the contract says {expected}: {answer.body}"
        assert body is None or (answer.replayed and answer.body == body), f"{ask} again was answered with {answer.body}, and the first time with {body}"
        return answer

    def deliver(self, work: Callable[[], Any]) -> tuple[Any, bool]:
        """Something that is no request; what came of it, and whether something went wrong. Raises what is raised."""
        saboteur = self.place.saboteur
        before = len(saboteur.calls)
        try:
            return self.place.deliver(work), self._was_hit(before)
        finally:
            if self._was_hit(before):
                self.is_sure = False
                self._something_went_wrong()

    def pass_time(self, seconds: float, step: float = 1.0) -> None:
        before = len(self.place.saboteur.calls)
        self.place.wait(seconds, step)
        if self._was_hit(before):
            self.is_sure = False
            self._something_went_wrong()

    def _now(self) -> tuple[Any, ...]:
        return self.place.witness.commits, self.place.clock.now()  # type: ignore[attr-defined]

    def _was_hit(self, before: int) -> bool:
        saboteur = self.place.saboteur
        return saboteur.armed and saboteur.fault is not None and before <= saboteur.at < len(saboteur.calls)

    def _something_went_wrong(self) -> None:
        saboteur = self.place.saboteur
        TALLY.faults[f"{saboteur.fault} at {saboteur.happened.partition('.')[0]}"] += 1
