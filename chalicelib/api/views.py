"""How services and their deployments look from outside: domain values in, JSON values out."""

from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from chalicelib.api import shapes
from chalicelib.colors import Color, Split
from chalicelib.config.model import Reference
from chalicelib.deployments import approving, rollback
from chalicelib.deployments.answers import Preflight
from chalicelib.deployments.instructions import CallHook, Instruction
from chalicelib.deployments.model import ADOPTED, Build, Confirmation, Deployment, Event, Phase, Placement, Plan
from chalicelib.health.model import Check, Outcome, Verdict
from chalicelib.hooks.model import HookRun
from chalicelib.services.model import Drift, LastDrill, Look, Service


def moment(at: datetime) -> str:
    """ISO 8601 in UTC, always with microseconds, so that texts sort as the moments do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def maybe_moment(at: datetime | None) -> str | None:
    return moment(at) if at else None


def service(record: Service, look: Look | None, now: datetime) -> shapes.ServiceShape:
    """The live picture: what is recorded, and what the last pass saw."""
    current = record.deployment
    return {
        "name": record.name,
        "runtime": record.definition.runtime.model_dump(mode="json"),
        "production_url": record.site.production_url,
        "staging_url": record.site.staging_url,
        "live": placement(record.live),
        "candidate": _candidate(record),
        "previous": _previous(record),
        "weights": _weights(record.desired, look),
        "targets": {color.value: {"healthy": seen.healthy, "total": seen.total} for color, seen in look.targets.items()} if look else {},
        "deployment": _current(current, now) if current else None,
        "waiting": [_current(one, now) for one in record.waiting],
        "verdict": verdict(look.verdict) if look and look.verdict else None,
        "paused": record.paused is not None,
        "pause": {"at": moment(record.paused.at), "by": record.paused.by, "reason": record.paused.reason} if record.paused else None,
        "read_only": record.is_read_only(now),
        "read_only_until": moment(record.read_only.until) if record.read_only and record.is_read_only(now) else None,
        "sticky_seconds": look.sticky_seconds if look else 0,
        "drifted": record.is_drifted,
        "drift": _drift(record.drift) if record.drift else None,
        "quarantined": [
            {"digest": one.digest, "config_version": one.config_version, "at": moment(one.at), "deployment": one.deployment} for one in record.quarantined
        ],
        "automatic_suspended": record.automatic_suspended,
        "config_version": record.config_version,
        "registered_at": moment(record.registered_at),
        "definition_revision": record.definition_revision,
        "definition": record.definition.model_dump(mode="json"),
    }


def deployment(one: Deployment, now: datetime) -> shapes.DeploymentShape:
    return {
        "id": one.id,
        "service": one.service,
        "kind": one.kind.value,
        "version": one.build.version or None,
        "config_version": one.build.config_version,
        "digest": one.build.digest,
        "color": one.color.value if one.color else None,
        "phase": one.phase.value,
        "step": one.step,
        "steps": one.steps,
        "reason": one.reason or one.outcome,
        "outcome": one.outcome,
        "requested_by": one.requested_by,
        "previous": placement(one.previous),
        "promoted": one.promoted,
        "approvals": approvals(one, now),
        "retiring": one.retiring,
        "hooks": [_hook_run(one, run) for run in one.hooks_run],
        "confirmation": _confirmation(one.confirmation) if one.confirmation else None,
        "plan": _plan(one.plan),
        "published_at": moment(one.published_at),
        "started_at": moment(one.started_at),
        "phase_since": moment(one.phase_since),
        "ended_at": maybe_moment(one.ended_at),
    }


def _confirmation(one: Confirmation) -> shapes.ConfirmationShape:
    return {"confirmed": one.seen, "reason": one.reason, "at": moment(one.at)}


def approvals(one: Deployment, now: datetime) -> shapes.ApprovalsShape:
    """What is needed, what is still missing, and every approval given with whether it counts."""
    given: list[shapes.ApprovalShape] = [
        {
            "by": each.approval.by, "at": moment(each.approval.at), "expires_at": moment(each.expires_at), "reason": each.approval.reason,
            "counts": each.counts, "why_not": each.why_not or None,
        }
        for each in approving.weighed(one, now)
    ]
    return {"needed": approving.needed(one), "missing": approving.missing(one, now), "given": given}


def event(one: Event) -> shapes.EventShape:
    return {
        "id": one.id, "at": moment(one.at), "kind": one.kind, "phase": one.phase.value, "step": one.step,
        "actor": one.actor, "message": one.message, "data": one.data,
    }


def dry_run(instructions: tuple[Instruction, ...], led_to: Deployment | None, now: datetime) -> shapes.DryRunShape:
    return {"dry_run": True, "instructions": [_instruction(one) for one in instructions], "deployment": deployment(led_to, now) if led_to else None}


def preflight(found: Preflight) -> shapes.PreflightShape:
    return {
        "version": found.version or None, "config_version": found.config_version, "color": found.color, "why": found.why, "warm": found.warm,
        "target_healthy": found.target_healthy, "certified": found.certified, "look_age_seconds": found.look_age_seconds, "refusal": found.refusal,
        "digest": found.digest, "digest_exists": found.digest_exists, "sticky_seconds": found.sticky_seconds, "eta_seconds": found.eta_seconds,
        "config_changes": [{"name": one.name, "kind": one.kind, "before": one.before, "after": one.after} for one in found.config_changes],
        "warnings": list(found.warnings),
        "last_drill": _drill(found.last_drill) if found.last_drill else None,
    }


def _drill(last: LastDrill) -> shapes.LastDrillShape:
    return {"at": moment(last.at), "deployment": last.deployment, "version": last.version, "phase": last.phase.value, "outcome": last.outcome}


def placement(where: Placement | None) -> shapes.PlacementShape | None:
    """An adopted colour has a colour and nothing that we know of it."""
    return _on(where.color, where.build) if where else None


def check(one: Check) -> shapes.CheckShape:
    return {"name": one.name, "outcome": one.outcome.value, "reason": one.reason, "numbers": one.numbers, "effective": one.effective}


def condition(one: Check) -> shapes.ConditionShape:
    """A check as an answer to "may it go on?"."""
    return {**check(one), "answer": _ANSWERS[one.outcome]}


def verdict(one: Verdict) -> shapes.VerdictShape:
    return {"outcome": one.outcome.value, "reason": one.reason, "at": moment(one.at), "checks": [check(part) for part in one.checks]}


def health(look: Look | None) -> shapes.HealthShape:
    if look is None or look.verdict is None:
        return {"outcome": "inconclusive", "reason": "nothing is being judged", "at": maybe_moment(look.at if look else None), "checks": []}
    return {**verdict(look.verdict)}


def _on(color: Color | None, build: Build | None) -> shapes.PlacementShape:
    known = build if build and build != ADOPTED else None
    return {"color": color.value if color else None, "version": known.version if known else None, "config_version": known.config_version if known else None}


def _candidate(record: Service) -> shapes.PlacementShape | None:
    """What is on its way in: from 100 % on it is what is live."""
    current = record.deployment
    if current is None or current.color is None or current.phase is Phase.WATCHING:
        return None
    is_live = record.live is not None and record.live.color is current.color
    return None if is_live else _on(current.color, current.build)


def _previous(record: Service) -> shapes.PlacementShape | None:
    """What a rollback would return to."""
    current = record.deployment
    if current and rollback.turns_back(current) and current.phase in (Phase.SHIFTING, Phase.REVERTING):
        return placement(current.previous)
    target = rollback.target(record)
    if target is None:
        return None
    return _on(target.color, target.build)


def _weights(desired: Split, look: Look | None) -> shapes.WeightsShape:
    """`observed` is empty until a pass has seen the rule, and while it shows no split of ours."""
    observed = look.production.percentages() if look and look.production else {}
    return {"desired": desired.percentages(), "observed": observed, "observed_at": maybe_moment(look.at if look else None)}


def _drift(found: Drift) -> shapes.DriftShape:
    """`observed` is null when the rule shows no split of the two colours at all; `raw` is what it says."""
    observed = found.observed.percentages() if found.observed else None
    return {"at": moment(found.at), "observed": observed, "raw": found.raw, "restoring": found.restoring}


def _current(one: Deployment, now: datetime) -> shapes.CurrentShape:
    return {
        "id": one.id, "kind": one.kind.value, "phase": one.phase.value, "step": one.step, "steps": one.steps,
        "version": one.build.version or None, "config_version": one.build.config_version, "color": one.color.value if one.color else None,
        "outcome": one.outcome, "started_at": moment(one.started_at), "phase_since": moment(one.phase_since), "approvals": approvals(one, now),
    }


def _hook_run(one: Deployment, run: HookRun) -> shapes.HookRunShape:
    return {
        "at": run.at.value, "hook": one.hooks[run.position].target, "step": run.step, "answer": run.answer.value, "reason": run.reason,
        "asked": run.asked, "since": moment(run.since),
    }


def _plan(plan: Plan) -> shapes.PlanShape:
    return {
        "strategy": plan.strategy,
        "steps": [{"weight": step.permille / 10, "hold_seconds": int(step.hold.total_seconds())} for step in plan.steps],
        "watch_seconds": int(plan.watch.total_seconds()),
        "deadline_seconds": int(plan.deadline.total_seconds()),
        "automatic": plan.automatic,
    }


_ANSWERS = {Outcome.HEALTHY: "passed", Outcome.INCONCLUSIVE: "pending", Outcome.UNHEALTHY: "failed"}


def _instruction(one: Instruction) -> dict[str, Any]:
    """`{"do": "set-weights", …}` with what the instruction says."""
    said = {part.name: _plain(getattr(one, part.name)) for part in fields(one)}
    if isinstance(one, CallHook):
        said |= {"hook": one.hook.target}
    return {"do": INSTRUCTIONS[type(one).__name__], **said}


INSTRUCTIONS = {
    "SetWeights": "set-weights", "PointStaging": "point-staging", "Prepare": "prepare", "Resize": "resize", "CallHook": "call-hook",
    "EnterReadOnly": "enter-read-only", "LeaveReadOnly": "leave-read-only",
}  # fmt: skip


def _plain(value: object) -> object:
    return {name: _leaf(inner) for name, inner in value.items()} if isinstance(value, dict) else _leaf(value)


def _leaf(value: object) -> object:
    match value:
        case Split():
            return value.percentages()
        case Build():
            return {"version": value.version, "config_version": value.config_version, "digest": value.digest}
        case Enum():
            return value.value
        case Reference():
            return value.text
        case datetime():
            return moment(value)
        case _:
            return value
