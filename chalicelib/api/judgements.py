"""What was judged, with everything it was judged from; and past rollouts played again under another policy."""

from chalice.app import Response

from chalicelib.access.model import Action
from chalicelib.api import evidence, judged
from chalicelib.api.call import Call, listed, shown
from chalicelib.api.requests import ReplayRequest
from chalicelib.api.routes import Routes

routes = Routes(__name__)


@routes.get("/v1/services/{service}/deployments/{deployment}/judgements", Action.VIEW, list[judged.JudgementShape], ("limit", "cursor"))
def list_judgements(call: Call[None], service: str, deployment: str) -> Response:
    """The verdicts that decided something, each with the policy and the evidence it was made from."""
    return listed(call.plane.replays.judgements(service, deployment, **call.paging()), evidence.judgement)


@routes.post("/v1/services/{service}/replay", Action.VIEW, ReplayRequest, {200: judged.ReplayShape})
def replay(call: Call[ReplayRequest], service: str) -> Response:
    """What a changed policy would have made of past rollouts. Changes nothing."""
    return shown(evidence.replay(call.plane.replays.play(service, call.body.checks, deployments=call.body.deployments)))
