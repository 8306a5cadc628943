"""Faults stop, and people do their part: everything comes to an end, and the next release gets through."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from tests.soak import model
from tests.soak.people import APPROVERS
from tests.soak.picture import chained
from tests.soak.playing import happens
from tests.soak.requests import Requests
from tests.soak.tally import TALLY
from tests.soak.uploads import Uploads

_ROUNDS = 12
LAST = "9.9.9"


class Liveness(Requests, Uploads):
    def __init__(self) -> None:
        super().__init__()
        self.aborted: set[str] = set()

    def start_from(self, start: str) -> None:
        """Where the run begins: "2 live, 1 staged" is two releases that went through, and one on staging."""
        words = start.replace(",", "").split()
        for count, what in zip(words[::2], words[1::2], strict=True):
            for _ in range(int(count)):
                self.push(f"1.{len(self.seen.releases)}.0")
                if what == "live":
                    self.all_ends()
                    continue
                self.place.until(lambda: self.place.is_over)
                if what == "promoted" and self.look().phase == "staged":
                    self.promoted()
                    self.look()

    @precondition(lambda self: self.seen.phase == "staged")
    @happens(then=st.sampled_from([0, 1, 4, 10]))
    def go_on_from_staged(self, then: int) -> None:
        """As a team does it: approvals, promotion, and a while."""
        self.promoted()
        self.pass_time(then)

    def finish(self) -> None:
        self.reached |= {f"told {event['kind']}" for one in self.seen.deployments for event in self.people.read_all(f"deployments/{one['id']}/events")}
        TALLY.run_over(self.reached)
        self.place.saboteur.armed = False
        self.place.heal()
        for event in list(self.events):
            self.come(event)
        self.place.control.intake.reconcile()
        self.post("resume", "dee", {}, lambda: model.SO_ALREADY)
        self.paused = False
        self.all_ends()
        self.live_well()
        self.next_one_gets_through()
        self.tells_what_happened()

    def all_ends(self) -> None:
        self.place.control.passes.run("web")  # nobody looks at a service where nothing is in progress
        for _ in range(_ROUNDS):
            self.place.until(lambda: self.place.is_over or self.place.service().drift)
            seen = self.look()
            if seen.service["drifted"]:
                self.settle()
            elif seen.service["deployment"] is None:
                return
            else:
                self.exit()
        outcome = self.seen.service["deployment"] and self.seen.service["deployment"]["outcome"]
        raise AssertionError(f"{self.seen.phase or 'drift'} has no exit: {outcome}")

    def settle(self) -> None:
        """Put back what somebody moved; where nothing healthy stands that it could go back to, take it as it is; else by hand."""
        for drift in ("restore", "adopt"):
            body = {"drift": drift, "reason": "ours"}
            if self.look().service["drifted"]:
                self.post("resume", "ann", body, lambda body=body: model.resume(self.seen, body))
                self.place.wait(20)
        if self.look().service["drifted"]:
            self.place.meddle(round(self.seen.service["weights"]["desired"]["blue"] * 9.99))
            self.place.wait(20)

    def exit(self) -> None:
        """What people do about what waits for them."""
        if self.seen.phase == "staged":
            return self.promoted()
        moved, body, id = self.has_moved(), {"certified": False}, self.seen.service["deployment"]["id"]
        aborted = id not in self.aborted and self.post("abort", "dee", {}, lambda: model.abort(self.seen, moved=moved)).ok
        self.aborted.add(id)  # where nothing stands that it could go back to, there is only one way, forward
        if not aborted and not self.post("certify", "ann", body, lambda: model.certify(self.seen, moved=moved)).ok:
            self.post("promote", "dee", {"skip_holds": True}, lambda: model.promote(self.seen, {"skip_holds": True}, "dee"))
        return None

    def promoted(self) -> None:
        """With as many approvals as it needs."""
        current = self.seen.current
        assert current is not None
        promoter = "dee"
        for who in APPROVERS:
            if who != current["requested_by"] and model.lacking(self.seen.current or {}, promoter):
                self.post("approve", who, {"version": current["version"]}, lambda who=who: model.approve(self.seen, {"version": current["version"]}, who))
                if self.look().phase == "staged":  # an approver who promotes does not count
                    body = {"version": current["version"]}
                    self.post("promote", who, body, lambda who=who, body=body: model.promote(self.seen, body, who))
                if self.look().phase != "staged":
                    return
        body = {"version": current["version"], "override_quarantine": True, "reason": "we know"}
        if model.lacking(self.seen.current or {}, "ann") == 0:
            self.post("promote", "ann", body, lambda: model.promote(self.seen, body, "ann"))
            return
        body = {"version": current["version"]}
        if not self.post("promote", promoter, body, lambda: model.promote(self.seen, body, promoter)).ok:
            moved = self.has_moved()  # quarantined, say, and nobody is left who may both approve and override: give it up
            self.post("abort", promoter, {}, lambda: model.abort(self.seen, moved=moved))

    def live_well(self) -> None:
        service = self.look().service
        assert service["deployment"] is None
        assert not service["waiting"]
        assert not service["read_only"], "read-only, and nothing is in progress"
        live = self.place.service().live
        if live and not service["drifted"]:
            assert self.place.share(live.color) == 100, f"{live.color} is called live and has {self.place.share(live.color)} %"

    def next_one_gets_through(self) -> None:
        if self.seen.service["drifted"]:
            return
        event = self.uploaded(LAST, "as it is")
        assert self.come(event)
        for _ in range(_ROUNDS):
            self.place.until(lambda: self.place.is_over)
            if self.look().current is None:
                break
            self.exit()
        live = self.seen.service["live"] or {"version": None}
        assert live["version"] == LAST, f"{LAST} did not get through: {self.seen.deployments[0]}"
        self.live_well()

    def tells_what_happened(self) -> None:
        """The audit and every timeline, page by page."""
        chained(self.people.read_all("/v1/audit?service=web", limit=37))
        for one in self.seen.deployments:
            events = self.people.read_all(f"deployments/{one['id']}/events", limit=23)
            assert [event["id"] for event in events] == sorted({event["id"] for event in events}, reverse=True)
            assert events[0]["phase"] == one["phase"], f"{one['id']} is {one['phase']}, and the last that was told of it is {events[0]}"
