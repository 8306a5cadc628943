"""What the contract says of each request in the state that the API showed before it: which answers it may get.

It is written from the contract alone and knows nothing of how the control plane decides. Answers are statuses with the
problem's type, as `(409, "paused")`; what is done has no type.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.soak.people import APPROVERS, STAFF, Answer, Ask
from tests.soak.picture import BEFORE_SHIFT, Json, Picture

Expected = set[tuple[int, str]]
DONE: Expected = {(200, ""), (202, "")}
ACCEPTED: Expected = {(202, "")}
SO_ALREADY: Expected = {(200, "")}
_NO_WAY_BACK: Expected = {(409, "already-rolled-back"), (409, "nothing-to-roll-back-to"), (409, "already-live")}


def refused(slug: str, status: int = 409) -> Expected:
    return {(status, slug)}


def permitted(ask: Ask) -> Expected | None:
    """None: they may. Else how they are refused."""
    if ask.who not in STAFF:
        return refused("unauthorized", 401) if not ask.who else refused("forbidden", 403)
    body = ask.body or {}
    approving = ask.what in {"approve", "certify"} or bool(body.get("override_quarantine") or body.get("drift"))
    if ask.method == "PUT":
        return None if ask.who == "root" else refused("forbidden", 403)
    if ask.who == "vera" or (approving and ask.who not in APPROVERS):
        return refused("forbidden", 403)
    unexplained = (body.get("override_quarantine") or body.get("drift")) and not body.get("reason")
    return refused("invalid", 422) if unexplained else None


def deploy(seen: Picture, body: Json) -> Expected:
    version, config = body["version"], body.get("config_version")
    if version not in seen.releases:
        return refused("not-found", 404)
    if config is not None and config > seen.service["config_version"]:
        return refused("invalid", 422)
    build = version, seen.service["config_version"] if config is None else config
    on_its_way = [seen.service["deployment"], *seen.service["waiting"]] if seen.service["deployment"] else seen.service["waiting"]
    if any(one["kind"] == "rollout" and one["phase"] != "reverting" and _build(one) == build for one in on_its_way):
        return SO_ALREADY
    if seen.service["deployment"] is None and seen.service["live"] and _build(seen.service["live"]) == build:
        return refused("already-live")
    return refused("quarantined") if is_quarantined(seen, *build) and not body.get("override_quarantine") else ACCEPTED


def promote(seen: Picture, body: Json, who: str) -> Expected:
    current = seen.current
    if seen.service["paused"]:
        return refused("paused")
    if current is None or body.get("version", current["version"]) != current["version"]:
        return refused("not-staged")
    match current["phase"]:
        case "staged":
            return _promoted(seen, current, body, who)
        case "shifting" | "watching":
            return DONE if body.get("skip_holds") else SO_ALREADY
        case "needs-human" if body.get("skip_holds"):
            return ACCEPTED
        case _:
            return refused("not-staged")


def rollback(seen: Picture, body: Json, preflight: Json | None) -> Expected:
    """`preflight` is what the API said just before that it would do; None where it knows no such version."""
    current, to = seen.current, body.get("to")
    if preflight is None:
        return refused("not-found", 404)
    expected = _NO_WAY_BACK if preflight["refusal"] else DONE
    turning = current is not None and current["phase"] in {"shifting", "watching", "reverting", "needs-human"} and not current["retiring"]
    if current is None or not turning:
        return expected
    if current["previous"] is None and current["kind"] == "rollout":
        return refused("nothing-to-roll-back-to")
    return expected & DONE if current["kind"] == "rollout" else expected if to else refused("already-rolled-back")


def abort(seen: Picture, *, moved: bool) -> Expected:
    """`moved` is whether weights were ever asked for on behalf of what is in progress, by its timeline."""
    current = seen.current
    if current is None or current["phase"] == "reverting" or current["retiring"]:
        return refused("nothing-in-progress")
    if current["phase"] in BEFORE_SHIFT or (current["previous"] is None and not moved):
        return ACCEPTED
    return refused("rollback-moved") if current["kind"] == "rollback" and moved else ACCEPTED


def resume(seen: Picture, body: Json) -> Expected:
    drift, current = seen.service["drift"], seen.current
    if not body.get("drift"):
        return SO_ALREADY
    if drift is None:
        return refused("not-drifted")
    if body["drift"] == "restore":
        return SO_ALREADY
    shifting = seen.phase == "shifting"
    whole = drift["observed"] is not None and 100.0 in drift["observed"].values()
    uses_colors = current is not None and current["color"] is not None
    return SO_ALREADY if shifting or (whole and not uses_colors) else refused("not-adoptable")


def approve(seen: Picture, body: Json, who: str) -> Expected:
    current = seen.current
    if current is None or current["version"] != body["version"] or current["kind"] == "rollback" or current["phase"] not in BEFORE_SHIFT:
        return refused("nothing-to-approve")
    return refused("own-deployment", 403) if current["requested_by"] == who else DONE


def certify(seen: Picture, *, moved: bool) -> Expected:
    """Only at 100 %, seen. Whether a person has to decide at 100 % or on the way there and back does not show, while weights are asked for."""
    current, live = seen.current, seen.service["live"]
    if current is None or current["phase"] not in {"watching", "needs-human"} or not moved or live is None or live["color"] != current["color"]:
        return refused("not-at-100-percent")
    return DONE | refused("not-at-100-percent") if current["phase"] == "needs-human" or seen.service["drifted"] else DONE


def put(seen: Picture, body: Json, if_match: str) -> Expected:
    revision = if_match.strip('"').partition("-")[0]
    if revision and int(revision) != seen.service["definition_revision"]:
        return refused("stale-revision", 412)
    if seen.service["deployment"] and body["runtime"] != seen.service["definition"]["runtime"]:
        return refused("deployment-in-progress")
    return SO_ALREADY


def is_quarantined(seen: Picture, version: str, config: int) -> bool:
    sha256 = seen.releases[version]["artifact"]["sha256"]
    return any(digest.endswith(sha256) and pair in {None, config} for digest, pair in seen.quarantined)


def lacking(current: Json, promoter: str, strategy: str | None = None) -> int:
    """How many approvals are missing, were this person to promote it now, with this strategy."""
    other_plan = strategy not in {None, current["plan"]["strategy"]}
    counting = [one for one in current["approvals"]["given"] if one["counts"] and one["by"] != promoter and not other_plan]
    return max(0, int(current["approvals"]["needed"]) - len(counting))


@dataclass
class Keys:
    """Idempotency keys: what was answered then is answered again, for a day; with another body it is 422. A refusal is not kept."""

    _kept: dict[tuple[str, str, str], tuple[Any, Answer, datetime]] = field(default_factory=dict)

    def expected(self, ask: Ask, now: datetime, fresh: Callable[[], Expected]) -> tuple[Expected, Json | None]:
        """What may be answered, and the body it must have if it is a repeat."""
        kept = self._kept.get((ask.who, ask.path, ask.key)) if ask.key else None
        if kept is None or now - kept[2] >= timedelta(hours=24):
            return fresh(), None
        body, answer, _ = kept
        if answer.hit:  # it may have been done, under this body or another
            return fresh() | DONE | {(201, "")} | refused("idempotency-key-reused", 422), None
        if body != ask.body:
            return refused("idempotency-key-reused", 422), None
        return {(answer.status, "")}, answer.body

    def learn(self, ask: Ask, answer: Answer, now: datetime) -> None:
        """A repeat does not make it younger. What may have been done and was not answered is kept as not known."""
        kept = self._kept.get((ask.who, ask.path, ask.key))
        is_free = kept is None or now - kept[2] >= timedelta(hours=24)
        if ask.key and is_free and (answer.ok or answer.hit):
            self._kept[ask.who, ask.path, ask.key] = ask.body, answer, now


def _promoted(seen: Picture, current: Json, body: Json, who: str) -> Expected:
    if is_quarantined(seen, current["version"], current["config_version"]) and not body.get("override_quarantine"):
        return refused("quarantined")
    return refused("approval-needed") if lacking(current, who, body.get("strategy")) else ACCEPTED


def _build(one: Json) -> tuple[str, int]:
    return one["version"], one["config_version"]
