"""Target health as the Application Load Balancer tells it."""

from collections import Counter

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.health.model import Targets
from chalicelib.health.signal import Subject


class AlbTargetHealth:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def read(self, subject: Subject) -> Targets:
        with translated(f"reading the health of target group {subject.color}"):
            described = self._clients.look.describe_target_health(TargetGroupArn=subject.group)
        healths = [each["TargetHealth"] for each in described["TargetHealthDescriptions"]]
        states = Counter(health["State"] for health in healths)
        # Only `healthy` is: `unused`, `initial`, `draining` and `unavailable` are targets that nobody has found well.
        reasons = {reason for health in healths if health["State"] != "healthy" and (reason := health.get("Description") or health.get("Reason"))}
        return Targets(healthy=states["healthy"], total=len(healths), states=dict(states), reasons=tuple(sorted(reasons)))
