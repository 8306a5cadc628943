"""What people and CI ask for over the API."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from tests.soak import model
from tests.soak.model import Expected
from tests.soak.people import Answer, Ask
from tests.soak.picture import Json
from tests.soak.place import HOOKS, PARAMETER, SECRET
from tests.soak.playing import Playing, happens

VERSIONS = st.sampled_from([f"1.{minor}.0" for minor in range(7)])
WHO = st.sampled_from(["dee", "dee", "dee", "dee", "ann", "ann", "ann", "root", "root", "abe", "vera", "eve", ""])
MAY = st.sampled_from(["dee", "dee", "ann", "abe", "root"])


@dataclass(frozen=True)
class How:
    """With which idempotency key, or for show only."""

    key: str = ""
    dry: bool = False


PLAIN = How()
HOW = st.sampled_from([PLAIN, PLAIN, How("one"), How("two"), How(dry=True)])
PROMOTIONS: list[Json] = [
    {}, {}, {"skip_holds": True}, {"skip_holds": True}, {"strategy": "all-at-once"}, {"strategy": "linear"},
    {"override_quarantine": True, "reason": "we know"}, {"override_quarantine": True},
]
NO_DRY_RUN = st.sampled_from([PLAIN, How("one"), How("two")])
STEPS = [{"weight": 25, "hold_seconds": 3}]
ROLLOUT = {"strategy": "canary", "steps": STEPS, "watch_seconds": 3, "deadline_seconds": 120, "promotion": "manual", "approvals": 0}
CUTOVER = {"read_only": "parameter", "parameter": PARAMETER, "limit_seconds": 20, "drain_seconds": 2}
BY_HOOK = {"read_only": "hook", "limit_seconds": 20, "drain_seconds": 2}


def a_hook(at: str, seconds: int = 15, on_timeout: str = "fail") -> Json:
    return {"at": at, "lambda": HOOKS[at], "timeout_seconds": seconds, "on_timeout": on_timeout}


CHANGES: list[Json] = [
    {"rollout": ROLLOUT}, {"rollout": ROLLOUT | {"approvals": 1}}, {"rollout": ROLLOUT | {"approvals": 2, "promotion": "automatic"}},
    {"rollout": ROLLOUT | {"promotion": "automatic"}}, {"rollout": ROLLOUT | {"steps": [{"weight": 10, "hold_seconds": 1}, {"weight": 50, "hold_seconds": 2}]}},
    {"rollout": ROLLOUT | {"strategy": "all-at-once", "watch_seconds": 20}}, {"rollout": ROLLOUT | {"strategy": "linear", "steps": [{"weight": 40, "hold_seconds": 1}]}},
    {"hooks": [], "cutover": {"read_only": "off"}}, {"hooks": [a_hook("before_shift"), a_hook("after_revert")], "cutover": {"read_only": "off"}},
    {"hooks": [a_hook("after_shift", 5, "continue"), a_hook("before_revert")], "cutover": {"read_only": "off"}},
    {"hooks": [], "cutover": CUTOVER}, {"hooks": [a_hook("read_only"), a_hook("before_shift")], "cutover": BY_HOOK},
]


class Requests(Playing):
    """`lately` are the requests that came with a key, and what a fresh one would be answered."""

    def __init__(self) -> None:
        super().__init__()
        self.lately: list[tuple[Ask, Any]] = []

    @happens(who=WHO, version=VERSIONS, config=st.sampled_from([None, None, 0, 1, 99]), override=st.booleans(), how=HOW)
    def deploy(self, who: str, version: str, config: int | None, override: bool, how: How) -> None:
        body: Json = {"version": version} | ({} if config is None else {"config_version": config})
        body |= {"override_quarantine": True, "reason": "we know"} if override else {}
        self.post("deployments", who, body, lambda: model.deploy(self.seen, body), how)

    @happens(who=WHO, version=st.one_of(st.none(), VERSIONS), more=st.sampled_from(PROMOTIONS), how=HOW)
    def promote(self, who: str, version: str | None, more: Json, how: How) -> None:
        body = more | ({"version": version} if version else {})
        self.post("promote", who, body, lambda: model.promote(self.seen, body, who), how)

    @happens(who=WHO, to=st.one_of(st.none(), VERSIONS), how=HOW)
    def roll_back(self, who: str, to: str | None, how: How) -> None:
        self.roll_back_as(who, to, how)

    @precondition(lambda self: self.seen.phase in {"", "shifting", "watching"} and self.seen.deployments)
    @happens(who=MAY)
    def roll_back_now(self, who: str) -> None:
        self.roll_back_as(who, None, PLAIN)

    @happens(who=WHO, how=HOW)
    def abort(self, who: str, how: How) -> None:
        self.abort_as(who, how)

    @precondition(lambda self: self.seen.phase in {"shifting", "watching", "needs-human"})
    @happens(who=MAY)
    def abort_now(self, who: str) -> None:
        self.abort_as(who, PLAIN)

    @precondition(lambda self: self.lately)
    @happens(which=st.sampled_from(range(4)), changed=st.booleans())
    def ask_again(self, which: int, changed: bool) -> None:
        """With the same key: the same, or something else."""
        ask, fresh = self.lately[-1 - which % len(self.lately)]
        body = (ask.body or {}) | ({"reason": "or so"} if changed else {})
        answer = self.ask(replace(ask, body=body), fresh)
        if ask.what in {"pause", "resume"}:
            self.left_paused(answer, ask.what == "pause")

    @happens(who=WHO, how=HOW)
    def pause(self, who: str, how: How) -> None:
        self.left_paused(self.post("pause", who, {"reason": "lunch"}, lambda: model.SO_ALREADY, how), True, how)

    @precondition(lambda self: self.paused or not self.seen.deployments)
    @happens(who=WHO, how=HOW)
    def resume(self, who: str, how: How) -> None:
        self.left_paused(self.post("resume", who, {}, lambda: model.SO_ALREADY, how), False, how)

    @precondition(lambda self: self.seen.service["drifted"] or not self.seen.deployments)
    @happens(who=WHO, drift=st.sampled_from(["restore", "adopt"]), reason=st.sampled_from(["", "ours", "ours", "ours"]), how=NO_DRY_RUN)
    def settle_drift(self, who: str, drift: str, reason: str, how: How) -> None:
        body = {"drift": drift, "reason": reason}
        self.left_paused(self.post("resume", who, body, lambda: model.resume(self.seen, body), how), False)

    @happens(who=WHO, version=st.one_of(st.none(), st.none(), VERSIONS), how=HOW)
    def approve(self, who: str, version: str | None, how: How) -> None:
        current = self.seen.current
        body = {"version": version or (current and current["version"]) or "1.0.0"}
        self.post("approve", who, body, lambda: model.approve(self.seen, body, who), how)

    @happens(who=WHO, certified=st.booleans(), how=HOW)
    def certify(self, who: str, certified: bool, how: How) -> None:
        self.post("certify", who, {"certified": certified}, lambda: model.certify(self.seen, moved=self.has_moved()), how)

    @happens(who=WHO, value=st.sampled_from(["a", "b", {"ssm": SECRET}, {"ssm": "absent"}]), how=NO_DRY_RUN)
    def change_config(self, who: str, value: Any, how: How) -> None:
        before = self.seen.service["config_version"]
        expected: Expected = model.refused("invalid", 422) if value == {"ssm": "absent"} else {(201, "")}
        answer = self.post("config", who, {"set": {"GREETING": value}}, lambda: expected, how)
        if answer.ok and not answer.hit and not answer.replayed:
            assert answer.body["config_version"] in {before, before + 1}

    @happens(who=st.sampled_from(["root", "root", "root", "ann"]), change=st.sampled_from(CHANGES), match=st.sampled_from(["", "this", "stale"]), moves=st.sampled_from([False, False, False, True]))
    def define(self, who: str, change: Json, match: str, moves: bool) -> None:
        shown = self.seen.service
        elsewhere = {"runtime": {"kind": "lambda", "function": "other"}} if moves and shown["deployment"] else {}
        body = shown["definition"] | change | elsewhere
        if_match = {"": "", "this": f'"{shown["definition_revision"]}"', "stale": f'"{shown["definition_revision"] - 1}"'}[match]
        answer = self.ask(Ask(who, "PUT", body=body, if_match=if_match), lambda: model.put(self.seen, body, if_match))
        if answer.status == 200 and not answer.hit:
            said = answer.body["definition"]
            assert all(said[part][name] == value for part in change if part != "hooks" for name, value in change[part].items())
            assert answer.body["definition_revision"] == shown["definition_revision"] + (said != shown["definition"])

    @happens(who=WHO, what=st.sampled_from(["", "deployments?limit=2", "deployments/d-000001", "deployments/d-999999/events", "releases", "releases/9.9", "config", "config/0",
                                            "health", "explain", "rollback", "rollback?to=9.9", "/v1/audit?service=web&limit=3", "/v1/rejections", "deployments?limit=0", "releases?cursor=no"]))
    def look_around(self, who: str, what: str) -> None:
        expected = model.refused("unauthorized", 401) if not who else model.refused("forbidden", 403) if who == "eve" and "rejections" not in what else self.found(what)
        answer = self.people.ask(Ask(who, "GET", what))
        assert answer.hit or (answer.status, answer.slug) in expected, f"{who or 'nobody'} asked for {what} and got {answer}"

    def found(self, what: str) -> Expected:
        if what.endswith("limit=0"):
            return model.refused("invalid", 422)
        if what.endswith("cursor=no"):
            return model.refused("unparsable", 400)
        there = "9.9" not in what and "d-999999" not in what and ("d-000001" not in what or self.seen.deployments)
        return {(200, "")} if there else model.refused("not-found", 404)

    def post(self, what: str, who: str, body: Json, fresh: Any, how: How = PLAIN) -> Answer:
        ask = Ask(who, "POST", what, body, how.key, how.dry)
        if how.key and what not in {"rollback", "deployments"}:  # what those are to answer depends on the body
            self.lately.append((ask, fresh))
        return self.ask(ask, fresh)

    def roll_back_as(self, who: str, to: str | None, how: How) -> None:
        """The preflight says what it would do; then it does that."""
        body: Json = {"reason": "it is bad"} | ({"to": to} if to else {})
        known = to is None or to in self.seen.releases
        preflight = self.people.read(f"rollback?to={to}" if to else "rollback") if known else None
        before = self.place.production_writes()
        answer = self.post("rollback", who, body, lambda: model.rollback(self.seen, body, preflight), how)
        begun = answer.status == 202 and not answer.hit and not answer.replayed and answer.body["kind"] == "rollback" and answer.body["phase"] != "reverting"
        if preflight and begun:
            assert answer.body["version"] == preflight["version"], f"the preflight said {preflight['version']}, and it went to {answer.body['version']}"
        assert not how.dry or answer.hit or self.place.production_writes() == before, "a dry run wrote weights"

    def abort_as(self, who: str, how: How) -> None:
        before, writes = self.seen, len(self.place.production_writes())
        answer = self.post("abort", who, {}, lambda: model.abort(self.seen, moved=self.has_moved()), how)
        if answer.hit or before.service["drifted"]:
            return
        if before.current is None or before.current["phase"] in model.BEFORE_SHIFT:
            assert len(self.place.production_writes()) == writes, "an abort before the shift wrote weights"
        assert self.look().quarantined == before.quarantined, "an abort quarantined something"

    def left_paused(self, answer: Answer, paused: bool, how: How = PLAIN) -> None:
        if answer.hit and not how.dry:
            self.paused = None
        elif answer.ok and not answer.replayed and not how.dry:
            self.paused = paused

    def has_moved(self) -> bool:
        """Whether weights were ever asked for on behalf of what is in progress."""
        current = self.seen.current
        return current is not None and any(one["kind"] == "weights-asked" for one in self.people.read_all(f"deployments/{current['id']}/events"))


