"""Who may use what, and in which order requests are refused."""

import re

import pytest

from chalicelib.access.model import Action, Role
from chalicelib.api.routes import Endpoint
from chalicelib.api.specification import RESOURCES
from tests.unit.api.an_api import Api, an_api

ENDPOINTS = [endpoint for resource in RESOURCES for endpoint in resource.endpoints]
PUBLIC = {"/", "/healthz", "/openapi.json"}
NAMES = {"service": "web", "version": "1.0.0", "number": "1", "deployment": "d-000001", "token": "0123456789abcdef"}

CONTRACT = """
GET / public | GET /healthz public | GET /openapi.json public
GET /v1/services view | GET /v1/services/{service} view | PUT /v1/services/{service} administer | DELETE /v1/services/{service} administer
GET /v1/services/{service}/releases view | POST /v1/services/{service}/releases deploy | GET /v1/services/{service}/releases/{version} view
GET /v1/services/{service}/config view | POST /v1/services/{service}/config deploy | GET /v1/services/{service}/config/{number} view
POST /v1/services/{service}/deployments deploy | GET /v1/services/{service}/deployments view
GET /v1/services/{service}/deployments/{deployment} view | GET /v1/services/{service}/deployments/{deployment}/events view
GET /v1/services/{service}/deployments/{deployment}/judgements view | POST /v1/services/{service}/replay view
POST /v1/services/{service}/promote deploy | POST /v1/services/{service}/rollback deploy | GET /v1/services/{service}/rollback view
POST /v1/services/{service}/pause deploy | POST /v1/services/{service}/resume deploy | POST /v1/services/{service}/abort deploy
POST /v1/services/{service}/approve approve | POST /v1/services/{service}/certify approve | GET /v1/services/{service}/health view | GET /v1/services/{service}/explain view
GET /v1/rejections view | GET /v1/audit view | GET /v1/tokens administer | POST /v1/tokens administer | DELETE /v1/tokens/{token} administer
"""

MAY = {
    Role.VIEWER: {Action.VIEW},
    Role.DEPLOYER: {Action.VIEW, Action.DEPLOY},
    Role.APPROVER: {Action.VIEW, Action.DEPLOY, Action.APPROVE},
    Role.ADMIN: set(Action),
    Role.EVALUATOR: {Action.EVALUATE},
}


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@pytest.fixture(scope="module")
def api() -> Api:
    return an_api()


class TestTheRoutes:
    def test_are_those_of_the_contract_each_with_its_permission(self):
        declared = {f"{named(endpoint)} {endpoint.action or 'public'}" for endpoint in ENDPOINTS}

        assert declared == {line.strip() for line in re.split(r"[|\n]", CONTRACT) if line.strip()}

    def test_are_all_registered_with_chalice(self, api: Api):
        registered = {f"{method} {path}" for path, methods in api.app.routes.items() for method in methods}

        assert registered == {named(endpoint) for endpoint in ENDPOINTS}

    def test_stand_behind_the_authorizer_but_for_three(self, api: Api):
        is_open = {path for path, methods in api.app.routes.items() for entry in methods.values() if entry.authorizer is None}

        assert is_open == PUBLIC

    def test_can_be_registered_with_one_app_after_another(self):
        assert an_api()("POST", "/v1/services/web/pause").status == an_api()("POST", "/v1/services/web/pause").status == 200


class TestTheCaller:
    @pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.action], ids=named)
    def test_needs_a_token(self, api: Api, endpoint: Endpoint):
        path = endpoint.path.format(**NAMES)

        assert api(endpoint.method, path, role=None).status == 401
        assert api(endpoint.method, path, role=None, authorization="Bearer tnt_0123456789abcdef_" + "x" * 43).status == 401

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dG50XzE6Mg==", "tnt_1_2", "Bearer tnt_", "Bearer tnt_1_2 tnt_1_2", "Bearer é"])
    def test_needs_one_that_is_a_token(self, api: Api, header: str):
        assert api("GET", "/v1/services", role=None, authorization=header).status == 401

    def test_may_write_bearer_as_they_like(self, api: Api):
        assert api("GET", "/v1/services", role=None, authorization=f"bearer  {api.token()}").status == 200

    def test_is_nobody_any_more_when_the_token_has_expired(self):
        api = an_api()
        text = api("POST", "/v1/tokens", {"name": "ci", "role": "viewer", "expires_in_seconds": 1}).json["token"]
        assert api("GET", "/v1/services", role=None, authorization=f"Bearer {text}").status == 200

        api.world.wait(2)

        assert api("GET", "/v1/services", role=None, authorization=f"Bearer {text}").status == 401

    @pytest.mark.parametrize("role", Role)
    @pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if endpoint.action], ids=named)
    def test_may_do_what_the_role_may_and_nothing_else(self, api: Api, endpoint: Endpoint, role: Role):
        assert endpoint.action is not None
        answer = api(endpoint.method, endpoint.path.format(**NAMES | {"service": "nothing-there"}), b"[]", role=role)

        assert (answer.status == 403) == (endpoint.action not in MAY[role]), answer.raw

    @pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if "{service}" in endpoint.path], ids=named)
    def test_may_not_touch_services_outside_the_pattern(self, api: Api, endpoint: Endpoint):
        for service in ("web", "nothing-there", "Nothing There!"):
            answer = api(endpoint.method, endpoint.path.format(**NAMES | {"service": service}), b"{", role=Role.ADMIN, services="shop*")

            assert (answer.status, answer.slug) == (403, "forbidden")

    def test_sees_only_the_services_of_the_pattern_in_lists(self):
        api = an_api("web", "shop", "shop-admin")

        seen = api("GET", "/v1/services", services="shop*").json["items"]

        assert {service["name"] for service in seen} == {"shop", "shop-admin"}

    def test_sees_only_the_rejections_and_the_audit_of_the_pattern(self):
        api = an_api("web", "shop")
        for name in ("web", "shop"):
            api.world.upload("1.0.0", name=name, content=b"no zip")

        assert {one["service"] for one in api("GET", "/v1/rejections", services="shop*").json["items"]} == {"shop"}
        assert {one["chain"] for one in api("GET", "/v1/audit", services="shop*").json["items"]} == {"service/shop"}
        assert api("GET", "/v1/audit?service=web", services="shop*").status == 403

    def test_needs_an_approver_for_overrides_and_drift_before_anything_else_of_the_body_counts(self, api: Api):
        for path, body in (("promote", {"override_quarantine": True}), ("deployments", {"override_quarantine": True}), ("resume", {"drift": "restore"})):
            broken = {**body, "nonsense": 1}

            assert api("POST", f"/v1/services/web/{path}", broken, role=Role.DEPLOYER).status == 403
            assert api("POST", f"/v1/services/web/{path}", broken, role=Role.APPROVER).status == 422

    def test_needs_a_role_for_nothing_that_only_says_no_override(self, api: Api):
        assert api("POST", "/v1/services/web/promote", {"override_quarantine": False}, role=Role.DEPLOYER).status == 409


class TestTheOrder:
    """401, 403, 404, 422, 409: each request is wrong in every way from its own on."""

    def test_401_goes_first(self, api: Api):
        assert api("POST", "/v1/services/nothing-there/promote", b"{", role=None).status == 401

    def test_403_goes_before_404(self, api: Api):
        assert api("POST", "/v1/services/nothing-there/promote", {"nonsense": 1}, role=Role.VIEWER).status == 403

    @pytest.mark.parametrize("endpoint", [endpoint for endpoint in ENDPOINTS if "{service}" in endpoint.path and endpoint.method == "POST"], ids=named)
    def test_404_goes_before_422(self, api: Api, endpoint: Endpoint):
        assert api("POST", endpoint.path.format(service="nothing-there"), {"nonsense": 1}).status == 404
        assert api("POST", endpoint.path.format(service="nothing-there"), b"[]").status == 404

    def test_404_goes_before_422_in_queries(self, api: Api):
        assert api("GET", "/v1/services/nothing-there/releases?limit=0").status == 404
        assert api("GET", "/v1/services/web/deployments/d-000099/events?limit=0").status == 404

    @pytest.mark.parametrize("path", ["releases", "config", "deployments", "rollback", "health", "explain", "releases/1", "config/0", "deployments/d-000001", "deployments/d-1/events", "deployments/d-1/judgements"])
    def test_404_is_what_everything_of_an_unknown_service_is(self, api: Api, path: str):
        assert api("GET", f"/v1/services/nothing-there/{path}").status == 404

    def test_422_goes_before_409(self, api: Api):
        assert api("POST", "/v1/services/web/promote", {"nonsense": 1}).status == 422
        assert api("POST", "/v1/services/web/promote", {}).status == 409

    @pytest.mark.parametrize("name", ["Web", "9web", "web.shop", "w" * 41, "web%20shop", "web%2F", "web%0A", "%00", "%E2%98%83", "..", "web%3F"])
    def test_404_is_a_service_that_could_have_no_such_name(self, api: Api, name: str):
        assert api("GET", f"/v1/services/{name}").status == 404
        assert api("PUT", f"/v1/services/{name}", {}).status == 404

    @pytest.mark.parametrize("path", ["releases/-1", "releases/%2e", "releases/" + "1" * 65, "config/01", "config/-1", "config/x", "config/99999999999", "deployments/%2F"])
    def test_404_is_whatever_else_could_have_no_such_name(self, api: Api, path: str):
        assert api("GET", f"/v1/services/web/{path}").status == 404

    def test_names_in_the_path_may_be_encoded(self, api: Api):
        assert api("GET", "/v1/services/%77eb").json["name"] == "web"
