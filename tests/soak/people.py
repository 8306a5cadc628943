"""People and CI at the API: requests as they come over HTTP, each in a worker of its own to whom anything may happen."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.access.model import Role
from chalicelib.errors import Unavailable
from tests.faults.saboteur import Died
from tests.faults.stage import Stage
from tests.soak.tally import TALLY
from tests.unit.api.an_api import Api
from tests.world import ALICE

STAFF = {"vera": Role.VIEWER, "dee": Role.DEPLOYER, "ann": Role.APPROVER, "abe": Role.APPROVER, "root": Role.ADMIN}
"""Who is who; a person is a name. `eve` may do everything, but to other services."""
APPROVERS = ("ann", "abe", "root")
SERVICE = "/v1/services/web"
NOBODY = ("", "")


@dataclass(frozen=True)
class Answer:
    """`status` 0: the worker died, and nobody answered. `hit` says that something went wrong in this request."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    hit: bool = False

    @property
    def slug(self) -> str:
        is_problem = isinstance(self.body, dict) and str(self.body.get("type", "")).startswith("/problems/")
        return str(self.body["type"]).removeprefix("/problems/") if is_problem else ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def replayed(self) -> bool:
        return "Idempotency-Replayed" in self.headers


@dataclass(frozen=True)
class Ask:
    """One request. `what` is the path below the service's, or a whole one."""

    who: str
    method: str
    what: str = ""
    body: dict[str, Any] | None = None
    key: str = ""
    dry_run: bool = False
    if_match: str = ""

    @property
    def path(self) -> str:
        below = f"{SERVICE}/{self.what}" if self.what else SERVICE
        return (self.what if self.what.startswith("/") else below) + ("?dry_run=true" if self.dry_run else "")

    @property
    def name(self) -> str:
        return f"{self.method} {self.what.partition('?')[0].partition('/d-')[0] or 'service'}"


class People:
    def __init__(self, stage: Stage) -> None:
        self._stage, self._api = stage, Api(stage)
        self._tokens = {name: self._token(name, role) for name, role in STAFF.items()} | {"eve": self._token("eve", Role.ADMIN, "other*")}

    def ask(self, ask: Ask) -> Answer:
        """The answer, whatever happens on the way to it."""
        saboteur = self._stage.saboteur
        before, armed = len(saboteur.calls), saboteur.armed
        try:
            got = self._stage.deliver(lambda: self._sent(ask))
        except Died:
            got = Answer(0, None)
        except Unavailable:  # raised by the authorizer: the gateway says so in a problem of its own
            got = Answer(502, {"type": "/problems/gateway"})
        hit = armed and saboteur.fault is not None and before <= saboteur.at < len(saboteur.calls)
        answer = Answer(got.status, got.body, got.headers, hit)
        TALLY.answers[ask.name, answer.status] += 1
        self._is_well_formed(ask, answer)
        return answer

    def read(self, what: str = "") -> Any:
        """As the API shows it to root, with nothing going wrong."""
        saboteur = self._stage.saboteur
        armed, saboteur.armed = saboteur.armed, False
        try:
            got = self._sent(Ask("root", "GET", what))
        finally:
            saboteur.armed = armed
        assert got.status == 200, f"GET {what}: {got}"
        return got.body

    def read_all(self, what: str, limit: int = 100) -> list[Any]:
        """Every page of a list."""
        items, cursor = [], ""
        while True:
            page = self.read(f"{what}{'&' if '?' in what else '?'}limit={limit}{cursor}")
            items += page["items"]
            if page["cursor"] is None:
                return items
            cursor = f"&cursor={page['cursor']}"

    def _sent(self, ask: Ask) -> Answer:
        headers = {"idempotency_key": ask.key} if ask.key else {}
        headers |= {"if_match": ask.if_match} if ask.if_match else {}
        headers |= {"authorization": f"Bearer {self._tokens[ask.who]}"} if ask.who else {}
        got = self._api(ask.method, ask.path, ask.body, role=None, **headers)
        if self._stage.witness.breach:  # in production code an assertion is an error like any other, and answered with 500
            raise self._stage.witness.breach
        if got.status == 401:  # the gateway's own, of which its template makes a problem
            return Answer(401, {"type": "/problems/unauthorized"})
        return Answer(got.status, json.loads(got.raw) if got.raw else None, got.headers)

    def _is_well_formed(self, ask: Ask, answer: Answer) -> None:
        """An error is a problem document, and the server's only while something goes wrong."""
        assert answer.hit or answer.status not in {0, 502, 503} or self._stage.is_cut_off, f"{ask} was answered with {answer}, and nothing went wrong"
        assert answer.slug != "internal", f"{ask}: {answer.body}"
        assert answer.status in {0, 200, 201, 202, 204, 304, 400, 401, 403, 404, 409, 412, 422, 502, 503}, f"{ask}: {answer}"
        assert answer.ok or answer.status in {0, 304} or answer.slug, f"{ask}: not a problem: {answer}"

    def _token(self, name: str, role: Role, services: str = "*") -> str:
        _, text = self._stage.control.tokens.create(name=name, role=role, services=services, lasting=timedelta(days=360), by=ALICE)
        return text
