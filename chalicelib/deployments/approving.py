"""Whether enough people stand behind exactly this: pure decisions over the approvals that a deployment carries.

An approval is bound to what it was given for: digest, config version and plan. It counts
for 24 hours, once a person, and never for the one who asked for the deployment or the
one who promotes it. A person is a name: two tokens of the same name are one, and
whoever makes tokens sees to it that one person does not hold two names.

Nothing that goes back asks here: rollback, abort and pause need no approval.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.deployments.decision import Moved
from chalicelib.deployments.model import Approval, Build, Deployment, Kind, Plan
from chalicelib.errors import Conflict, Forbidden
from chalicelib.services.model import Service

LASTS = timedelta(hours=24)
"""How long an approval counts: long enough for a working day, short enough to mean what is known now."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """One approval and whether it counts; `why_not` is empty when it does."""

    approval: Approval
    expires_at: datetime
    why_not: str

    @property
    def counts(self) -> bool:
        return not self.why_not


def approve(service: Service, approval: Approval, *, version: str) -> Moved:
    """`approval` without its binding: it is bound here to what is in progress. Raises `Conflict` when that is not this
    version before its shift, and `Forbidden` for whoever asked for the deployment.
    """
    deployment = service.deployment
    if deployment is None or deployment.build.version != version or deployment.kind is not Kind.ROLLOUT or not deployment.phase.is_before_shift:
        raise Conflict(_nothing_to_approve(service, version), slug="nothing-to-approve")
    if approval.by == deployment.requested_by:
        detail = f"{approval.by} asked for {deployment.id} ({service.name} {version}) and cannot approve it too; ask another approver"
        raise Forbidden(detail, slug="own-deployment")
    after = given(deployment, replace(approval, binding=binding(deployment.build, deployment.plan)))
    if after == deployment:
        return Moved(service)
    counted = needed(after) - missing(after, approval.at)
    message = f"approved by {approval.by} ({counted} of {needed(after)})" if needed(after) else f"approved by {approval.by} (none is needed)"
    return Moved(service).having(deployment=after).tell("approved", f"{message}: {approval.reason}" if approval.reason else message)


def refuse_unless_enough(staged: Deployment, planned: Deployment, promoter: str, now: datetime) -> None:
    """Raises `Conflict` `approval-needed`. `planned` is what is staged with the plan that it is to be promoted with."""
    lacking = missing(planned, now, promoter=promoter)
    if not lacking:
        return
    detail = sentence(planned, now, promoter=promoter)
    if planned.plan != staged.plan:
        detail = f"{detail}; it was staged with strategy {staged.plan.strategy}: for {planned.plan.strategy} change the service, abort and deploy again"
    raise Conflict(detail, slug="approval-needed", missing=lacking, needed=needed(planned))


def binding(build: Build, plan: Plan) -> str:
    """What an approval is given for, as one hash. How many are needed is no part of it."""
    steps = [[step.permille, step.hold.total_seconds()] for step in plan.steps]
    said = [build.digest, build.config_version, plan.strategy, steps, plan.watch.total_seconds(), plan.deadline.total_seconds()]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()


def needed(deployment: Deployment) -> int:
    return 0 if deployment.kind is not Kind.ROLLOUT else deployment.plan.approvals


def weighed(deployment: Deployment, now: datetime, *, promoter: str = "") -> tuple[Weighed, ...]:
    """Every approval given, oldest first. Once the shift began it stays as it was judged then."""
    moment = deployment.ended_at or now
    return tuple(Weighed(one, one.at + LASTS, _why_not(deployment, one, moment, promoter)) for one in deployment.approvals)


def missing(deployment: Deployment, now: datetime, *, promoter: str = "") -> int:
    """How many more are needed before it may be promoted (by `promoter`, if by a person)."""
    return max(0, needed(deployment) - sum(one.counts for one in weighed(deployment, now, promoter=promoter)))


def given(deployment: Deployment, approval: Approval) -> Deployment:
    """With this approval. One of the same person that counts already stays as it is; one that does not is replaced."""
    known = next((one for one in weighed(deployment, approval.at) if _same_person(one.approval, approval)), None)
    if known and known.counts:
        return deployment
    others = tuple(one for one in deployment.approvals if not _same_person(one, approval))
    return replace(deployment, approvals=(*others, approval))


def settled(deployment: Deployment, now: datetime) -> tuple[Approval, ...]:
    """The approvals as they are when the shift begins: which of them let it begin, and which did not."""
    return tuple(replace(one.approval, why_not=one.why_not) for one in weighed(deployment, now, promoter=deployment.promoted_by))


def sentence(deployment: Deployment, now: datetime, *, promoter: str = "") -> str:
    """What is missing and what to do about it; empty when nothing is."""
    lacking = missing(deployment, now, promoter=promoter)
    if not lacking:
        return ""
    name = f"{deployment.service} {deployment.build.version}"
    waits = f"{name} waits for {lacking} more approval{'s' if lacking > 1 else ''} (of {needed(deployment)})"
    ignored = [f"{one.approval.by}'s does not count: {one.why_not}" for one in weighed(deployment, now, promoter=promoter) if not one.counts]
    asked = f'ask an approver to run "turnout approve {name}"'
    return "; ".join([waits, *ignored, asked])


def _nothing_to_approve(service: Service, version: str) -> str:
    current = service.deployment
    if any(one.build.version == version for one in service.waiting) and current:
        return f"{service.name} {version} waits until {current.id} is over; approve it then"
    if current is None:
        return f"{service.name} has nothing in progress; deploy {version} first"
    if current.build.version != version:
        return f"{service.name} {version} is not in progress: {current.id} is {current.build.version}; deploy {version} first"
    return f"{service.name} {version} is {current.phase}: only what is not yet shifting can be approved, and a rollback needs no approval"


def _why_not(deployment: Deployment, approval: Approval, now: datetime, promoter: str) -> str:
    if approval.why_not is not None:
        return approval.why_not
    if approval.by == deployment.requested_by:
        return f"{approval.by} asked for this deployment"
    if promoter and approval.by == promoter:
        return f"{approval.by} is the one who promotes"
    if approval.binding != binding(deployment.build, deployment.plan):
        return "it was given for another build or plan"
    if now - approval.at >= LASTS:
        return f"it expired at {approval.at + LASTS:%Y-%m-%d %H:%M:%SZ}"
    return ""


def _same_person(one: Approval, another: Approval) -> bool:
    return one.by == another.by or (one.token != "" and one.token == another.token)
