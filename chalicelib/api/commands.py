"""The commands: promote, rollback, pause, resume, abort, approve, certify. Each answers what it led to and goes on by itself."""

from collections.abc import Callable
from typing import Any

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import once, parsing, shapes, views
from chalicelib.api.call import Call, shown
from chalicelib.api.requests import AbortRequest, ApproveRequest, CertifyRequest, PauseRequest, PromoteRequest, ResumeRequest, RollbackRequest
from chalicelib.api.routes import Routes
from chalicelib.deployments.answers import Answered, Asked, OnceKey

routes = Routes(__name__)

Render = Callable[[Answered], tuple[int, dict[str, object]]]

DEPLOYMENT = {200: shapes.DeploymentShape | shapes.DryRunShape, 202: shapes.DeploymentShape}
SERVICE = {200: shapes.ServiceShape | shapes.DryRunShape}
DRY_RUN = ("dry_run",)


@routes.post("/v1/services/{service}/promote", Action.DEPLOY, PromoteRequest, DEPLOYMENT, DRY_RUN)
def promote(call: Call[PromoteRequest], service: str) -> Response:
    """Shift to what is staged."""
    wanted = call.body
    led_to = call.plane.deployments.promote(
        service, asked(call, wanted.reason, deployment),
        version=wanted.version, strategy=wanted.strategy, skip_holds=wanted.skip_holds, override_quarantine=wanted.override_quarantine,
    )
    return answer(call, led_to, deployment)


@routes.post("/v1/services/{service}/rollback", Action.DEPLOY, RollbackRequest, DEPLOYMENT, DRY_RUN)
def rollback(call: Call[RollbackRequest], service: str) -> Response:
    """Go back: to what the preflight names, or to the version named here."""
    return answer(call, call.plane.deployments.rollback(service, asked(call, call.body.reason, deployment), to=call.body.to), deployment)


@routes.get("/v1/services/{service}/rollback", Action.VIEW, shapes.PreflightShape, ("to",))
def rollback_preflight(call: Call[None], service: str) -> Response:
    """What a rollback would do now, from the last look and with its age; `to` names another version than the default."""
    return shown(views.preflight(call.plane.preflights.of(service, to=parsing.version(call.request, "to"))))


@routes.post("/v1/services/{service}/pause", Action.DEPLOY, PauseRequest, SERVICE, DRY_RUN)
def pause(call: Call[PauseRequest], service: str) -> Response:
    """Stop going forward. Health, revert, rollback and abort go on."""
    show = picture(call, service)
    return answer(call, call.plane.deployments.pause(service, asked(call, call.body.reason, show)), show)


@routes.post("/v1/services/{service}/resume", Action.DEPLOY, ResumeRequest, SERVICE, DRY_RUN)
def resume(call: Call[ResumeRequest], service: str) -> Response:
    """Go forward again; with `drift`, end a drift."""
    show = picture(call, service)
    return answer(call, call.plane.deployments.resume(service, asked(call, call.body.reason, show), drift=call.body.drift), show)


@routes.post("/v1/services/{service}/abort", Action.DEPLOY, AbortRequest, DEPLOYMENT, DRY_RUN)
def abort(call: Call[AbortRequest], service: str) -> Response:
    """Give up what is in progress, and put the traffic back if any moved."""
    return answer(call, call.plane.deployments.abort(service, asked(call, call.body.reason, deployment)), deployment)


@routes.post("/v1/services/{service}/approve", Action.APPROVE, ApproveRequest, DEPLOYMENT, DRY_RUN)
def approve(call: Call[ApproveRequest], service: str) -> Response:
    """Stand behind what is on its way to be promoted: counts for a day, and not from whoever asked for it or promotes it."""
    given = asked(call, call.body.reason, deployment)
    return answer(call, call.plane.deployments.approve(service, given, version=call.body.version), deployment)


@routes.post("/v1/services/{service}/certify", Action.APPROVE, CertifyRequest, DEPLOYMENT, DRY_RUN)
def certify(call: Call[CertifyRequest], service: str) -> Response:
    """End the watch now, certifying the release or not."""
    given = asked(call, call.body.reason, deployment)
    return answer(call, call.plane.deployments.certify(service, given, certified=call.body.certified), deployment)


def asked(call: Call[Any], reason: str, render: Render) -> Asked:
    """Who asks, why and under which key. A dry run uses no key up."""
    id = once.key_id(call)
    key = OnceKey(id, parsing.fingerprint(call.values), render) if id and not call.is_dry_run else None
    return Asked(call.caller, reason, key, call.is_dry_run)


def answer(call: Call[Any], led_to: Answered, render: Render) -> Response:
    """What a repeated key got before; what a dry run would do; or what was done."""
    if led_to.replayed:
        return once.replayed(call, led_to.replayed)
    if call.is_dry_run:
        return shown(views.dry_run(led_to.instructions, led_to.deployment, led_to.at))
    status, body = render(led_to)
    return shown(body, status)


def deployment(led_to: Answered) -> tuple[int, dict[str, object]]:
    """202 when it goes on, 200 when it was so already."""
    return 202 if led_to.goes_on else 200, dict(views.deployment(led_to.deployment, led_to.at)) if led_to.deployment else {}


def picture(call: Call[Any], service: str) -> Render:
    """The service as the command left it, with what was seen before it."""
    look = call.plane.services.picture(service).look
    return lambda led_to: (200, dict(views.service(led_to.service, look, led_to.at)))
