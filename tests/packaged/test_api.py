"""Who may do what, asked of the deployed API.

The gateway's own answers are checked in the template (tests/infra): ministack
keeps to its own words for them, and knows no 404 for a path that does not exist.
"""

import pytest

from tests.packaged.api import Api
from tests.packaged.service import Service


class TestApi:
    def test_whoever_asks_is_told_that_it_lives(self, admin: Api):
        assert admin.named(None).ask("GET", "/healthz").status == 200

    @pytest.mark.parametrize("token", [None, "nobodys", "tt_0000000000000000_0000000000000000"])
    def test_without_a_token_of_ours_nothing_is_told(self, admin: Api, token: str | None):
        assert admin.named(token).ask("GET", "/v1/services").status == 401

    def test_the_first_administrator_may_everything(self, admin: Api):
        assert admin.ask("GET", "/v1/tokens").status == 200

    def test_a_viewer_may_look_and_nothing_else(self, admin: Api, web: Service):
        made = admin.call("POST", "/v1/tokens", {"name": "screen", "role": "viewer", "services": "*", "expires_in_seconds": 3600})
        viewer = admin.named(made["token"])

        assert viewer.ask("GET", "/v1/services/web").status == 200
        assert viewer.ask("PUT", "/v1/services/web", web.now()["definition"]).status == 403
        assert viewer.ask("POST", "/v1/services/web/deployments", {"version": "1.0.0"}).status == 403

    def test_a_revoked_token_is_nobodys(self, admin: Api):
        made = admin.call("POST", "/v1/tokens", {"name": "gone", "role": "viewer", "services": "*", "expires_in_seconds": 3600})
        admin.call("DELETE", f"/v1/tokens/{made['id']}")

        assert admin.named(made["token"]).ask("GET", "/v1/services").status == 401

    def test_a_definition_is_checked_against_what_is_there(self, admin: Api, web: Service):
        definition = web.now()["definition"]
        answer = admin.ask("PUT", "/v1/services/web", {**definition, "runtime": {"kind": "lambda", "function": "not-there"}})

        assert answer.status == 422
        assert "not-there" in answer.body["detail"]
