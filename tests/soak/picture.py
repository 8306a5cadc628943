"""What a user can see at one moment, read over the API, and what must be true of every such picture and of two that follow each other."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.soak.people import People

FINAL = {"completed", "failed", "aborted", "superseded", "reverted"}
ORDER = ["pending", "preparing", "verifying", "staged", "shifting", "watching", "reverting", "needs-human", *sorted(FINAL)]
BEFORE_SHIFT = set(ORDER[:4])
_PLACE = {phase: min(place, 8) for place, phase in enumerate(ORDER)}
Json = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """`deployments` newest first, `releases` by version, `explained` what it says it waits for."""

    at: datetime
    service: Json
    deployments: list[Json]
    releases: dict[str, Json]
    explained: list[Json]

    @classmethod
    def of(cls, people: People, now: datetime) -> "Picture":
        releases = {one["version"]: one for one in people.read_all("releases")}
        return cls(now, people.read(), people.read_all("deployments"), releases, people.read("explain")["items"])

    @property
    def current(self) -> Json | None:
        """The deployment in progress, with everything that is shown of it."""
        brief = self.service["deployment"]
        return next(one for one in self.deployments if one["id"] == brief["id"]) if brief else None

    @property
    def phase(self) -> str:
        return str(self.service["deployment"]["phase"]) if self.service["deployment"] else ""

    @property
    def quarantined(self) -> set[tuple[str, int | None]]:
        return {(one["digest"], one["config_version"]) for one in self.service["quarantined"]}


def consistent(seen: Picture) -> None:
    """One picture by itself."""
    _weights_and_live(seen)
    _deployments(seen)
    _releases(seen)
    service = seen.service
    assert service["paused"] == (service["pause"] is not None)
    assert service["drifted"] == (service["drift"] is not None)
    assert service["read_only"] == (service["read_only_until"] is not None)
    assert service["read_only_until"] is None or moment(service["read_only_until"]) > seen.at, "read-only past its moment"
    assert seen.explained, "nothing is explained"
    if service["deployment"] is not None:
        names = {one["name"] for one in seen.explained if one["answer"] != "passed"}
        assert names, f"{service['deployment']['phase']} waits, and everything is said to have passed"
        assert service["drifted"] <= ("drift" in names), "drifted, and not explained"
        assert service["paused"] <= ("paused" in names), "paused, and not explained"


def follows(before: Picture, after: Picture, *, is_sure: bool) -> None:
    """Two pictures, the second one later. `is_sure` is False where somebody may have acted more than once in between."""
    known = {one["id"]: one for one in after.deployments}
    for one in before.deployments:
        later = known.get(one["id"])
        assert later is not None, f"{one['id']} is gone"
        fixed = ("kind", "version", "config_version", "digest", "requested_by", "published_at", "started_at")
        assert all(later[name] == one[name] for name in fixed), f"{one['id']} is another one now"
        assert one["phase"] not in FINAL or later == one, f"{one['id']} was over and changed: {one} {later}"
        back = _PLACE[later["phase"]] < _PLACE[one["phase"]]
        assert not back or one["phase"] == "needs-human" or not is_sure, f"{one['id']} went from {one['phase']} back to {later['phase']}"
        assert later["step"] >= one["step"], f"{one['id']} went from step {one['step']} back to {later['step']}"
        assert one["promoted"] <= later["promoted"]
    for version, release in before.releases.items():
        assert (after.releases[version]["artifact"], after.releases[version]["registered_at"]) == (release["artifact"], release["registered_at"])
        assert set(release["certified_with"]) <= set(after.releases[version]["certified_with"]), "a certificate was taken back"
    for name in ("config_version", "definition_revision"):
        assert after.service[name] >= before.service[name], f"{name} went back"


def chained(entries: Iterable[Json]) -> None:
    """The audit, newest first as it is listed: each hash is that of its entry, and each entry names the one before."""
    oldest_first = list(entries)[::-1]
    previous = ""
    for number, entry in enumerate(oldest_first, start=1):
        said = json.dumps({name: value for name, value in entry.items() if name != "hash"}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert entry["hash"] == hashlib.sha256(said.encode()).hexdigest(), f"audit entry {number} does not match its hash"
        assert (entry["seq"], entry["previous_hash"]) == (number, previous), f"audit entry {number} does not follow"
        previous = entry["hash"]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _weights_and_live(seen: Picture) -> None:
    service, current = seen.service, seen.current
    weights, live = service["weights"], service["live"]
    assert round(sum(weights["desired"].values()), 1) == 100.0
    assert not weights["observed"] or round(sum(weights["observed"].values()), 1) == 100.0
    if current is None and live and not service["drifted"]:
        assert weights["desired"][live["color"]] == 100.0 or not _is_settled(seen), f"{live} is live and {weights['desired']} is wanted"
    candidate = service["candidate"]
    if candidate is not None:
        assert current is not None
        assert (candidate["color"], candidate["version"]) == (current["color"], current["version"])
        assert candidate["config_version"] == (current["config_version"] if current["version"] else None), "what was adopted has no config"
        assert live is None or live["color"] != candidate["color"], "one colour is live and a candidate"
    if current and current["phase"] == "watching" and not service["drifted"] and weights["observed"] == weights["desired"]:
        assert (live or {}).get("color") == current["color"], f"{current['id']} is watched, and {live} is live"


def _is_settled(seen: Picture) -> bool:
    """Whether nothing has ended so lately that weights may still be on their way."""
    ended = [moment(one["ended_at"]) for one in seen.deployments if one["ended_at"]]
    return not ended or seen.at - max(ended) > timedelta(seconds=30)


def _deployments(seen: Picture) -> None:
    numbers = [int(one["id"].removeprefix("d-")) for one in seen.deployments]
    assert numbers == list(range(len(numbers), 0, -1)), f"the numbers of deployments are {numbers}"
    brief = [seen.service["deployment"], *seen.service["waiting"]] if seen.service["deployment"] else seen.service["waiting"]
    assert {one["id"] for one in brief} == {one["id"] for one in seen.deployments if one["phase"] not in FINAL}, "what is not over is not in progress"
    assert [one["kind"] for one in seen.service["waiting"]] in [[], ["rollout"], ["rollback"], ["rollback", "rollout"]]
    full = {one["id"]: one for one in seen.deployments}
    for one in brief:
        assert one == {name: full[one["id"]][name] for name in one}, f"{one} is listed as {full[one['id']]}"
    for one in seen.deployments:
        assert (one["phase"] in FINAL) == (one["ended_at"] is not None), f"{one['id']} is {one['phase']} and ended at {one['ended_at']}"
        assert 0 <= one["step"] <= one["steps"]
        assert one["phase"] not in {"shifting", "watching", "completed"} or one["step"] >= 1
        assert one["phase"] not in {"watching", "completed"} or one["step"] == one["steps"], f"{one['id']} is {one['phase']} in step {one['step']} of {one['steps']}"
        assert one["approvals"]["missing"] <= one["approvals"]["needed"]
        assert one["started_at"] <= one["phase_since"] <= (one["ended_at"] or one["phase_since"])


def _releases(seen: Picture) -> None:
    """A certificate comes from a deployment of just this version and config whose watch was over, and quarantine from one that is known."""
    completed = {(one["version"], str(one["config_version"])) for one in seen.deployments if one["phase"] == "completed" or one["retiring"]}
    for version, release in seen.releases.items():
        assert release["certified"] == bool(release["certified_with"])
        for config in release["certified_with"]:
            assert (version, config) in completed, f"{version} is certified with config {config}, and no watch of that came to its end"
        assert release["quarantined"] == any(digest.endswith(release["artifact"]["sha256"]) for digest, _ in seen.quarantined)
    known = {one["id"] for one in seen.deployments} | {"rollback"}
    assert {one["deployment"] for one in seen.service["quarantined"]} <= known
