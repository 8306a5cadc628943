"""Anything may be asked at any time, anything may go wrong, and what must always be true stays true.

    requests.py   what people and CI ask over the API       model.py     what the contract says that it is answered
    uploads.py    what CI puts into the bucket               picture.py   what the API shows, and what must hold of it
    mishaps.py    what goes wrong, and time                  liveness.py  faults stop: everything comes to an end

The invariants of the fault plans are asked at every call, and those of the picture after every rule.
"""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from tests.soak.liveness import Liveness
from tests.soak.mishaps import GROUPS, Mishaps
from tests.soak.people import Ask
from tests.soak.requests import CHANGES, ROLLOUT
from tests.world import a_definition

STARTS = st.sampled_from(["0 live", "1 live", "2 live", "2 live, 1 staged", "1 live, 1 promoted", "2 live, 1 promoted"])
STRATEGIES = st.sampled_from(["canary", "canary", "linear", "all-at-once"])


class Rollouts(Liveness, Mishaps):
    @initialize(strategy=STRATEGIES, automatic=st.booleans(), adopted=st.booleans(), change=st.sampled_from([{}, {}, *CHANGES]), start=STARTS)
    def registered(self, strategy: str, automatic: bool, adopted: bool, change: dict[str, Any], start: str) -> None:
        if adopted:
            self.place.targets.stand(GROUPS.blue, "legacy")
        rollout = ROLLOUT | {"strategy": strategy, "promotion": "automatic" if automatic else "manual"}
        definition = a_definition(**({"rollout": rollout} | change))
        self.place.build(definition)
        self.begin()
        answer = self.people.ask(Ask("root", "PUT", body=definition.model_dump(mode="json")))
        assert answer.status == 201, answer
        self.place.witness.see_empties()  # as the survey did
        self.place.wait(5)
        self.look()
        self.start_from(start)
        self.place.saboteur.armed = True

    @invariant()
    def shows_what_it_should(self) -> None:
        if self.is_anything_new():
            self.look()
        self.place.check_switch()

    def teardown(self) -> None:
        if self.place.saboteur.armed:
            self.finish()
