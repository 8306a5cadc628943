"""The client: what is sent again and what is not, and what trouble looks like."""

import pytest

from tests.cli.fake_api import a_problem
from turnout.client import Client, items
from turnout.problems import ApiProblem, Unreachable


@pytest.fixture
def client(api) -> Client:
    return Client(api.url + "/", "tnt_me_secret", backoff_seconds=0)


class TestSending:
    def test_shows_the_token_and_quotes_names(self, api, client: Client):
        api.on("GET", "/v1/services/web%2Fx", {"name": "web/x"})

        client.service("web/x")

        assert api.asked[0].headers["Authorization"] == "Bearer tnt_me_secret"
        assert api.asked[0].path == "/v1/services/web%2Fx"

    def test_gives_each_command_a_key_of_its_own(self, api, client: Client):
        api.on("POST", "/v1/services/web/pause", {})

        client.command("web", "pause", {"reason": None})
        client.command("web", "pause", {"reason": None})

        first, second = (asked.headers["Idempotency-Key"] for asked in api.asked)
        assert first != second
        assert api.asked[0].body == {}

    def test_sends_a_command_again_under_the_same_key(self, api, client: Client):
        api.on("POST", "/v1/services/web/pause", (503, a_problem(503, "unavailable")), (0, None), {"name": "web"})

        client.command("web", "pause", {})

        assert len(api.asked) == 3
        assert len({asked.headers["Idempotency-Key"] for asked in api.asked}) == 1

    def test_gives_up_after_three(self, api, client: Client):
        api.problem("GET", "/v1/services/web", 503, "unavailable")

        with pytest.raises(ApiProblem) as raised:
            client.service("web")

        assert raised.value.slug == "unavailable"
        assert len(api.asked) == 3

    def test_never_sends_a_conditional_put_twice(self, api, client: Client):
        api.on("PUT", "/v1/services/web", (0, None), {})

        with pytest.raises(Unreachable):
            client.define("web", {}, if_match='"1"')

        assert len(api.asked) == 1

    def test_never_sends_a_delete_twice(self, api, client: Client):
        api.problem("DELETE", "/v1/services/web", 503, "unavailable")

        with pytest.raises(ApiProblem):
            client.remove("web")

        assert len(api.asked) == 1

    def test_follows_nobody_elsewhere(self, api, client: Client):
        api.on("GET", "/v1/services/web", (302, {}))

        with pytest.raises(ApiProblem):
            client.service("web")

    def test_asks_for_a_dry_run_in_the_query(self, api, client: Client):
        api.on("POST", "/v1/services/web/promote", {})

        client.command("web", "promote", {"version": "1.4.2"}, dry_run=True)

        assert api.asked[0].query == {"dry_run": "true"}


class TestReading:
    def test_pages_to_the_end(self, api, client: Client):
        api.on("GET", "/v1/rejections", {"items": [{"id": 1}], "cursor": "next"}, {"items": [{"id": 2}], "cursor": None})

        assert [item["id"] for item in items(client.rejections)] == [1, 2]
        assert [asked.query for asked in api.asked] == [{"limit": "100"}, {"limit": "100", "cursor": "next"}]

    def test_again_keeps_what_has_not_changed(self, api, client: Client):
        api.on("GET", "/v1/services/web", {"name": "web"})
        watched = client.watched("web")

        assert watched.read() == watched.read() == {"name": "web"}
        assert "If-None-Match" in api.asked[1].headers


class TestTrouble:
    def test_of_a_gateway_that_speaks_no_problem_json_is_still_one(self, api, client: Client):
        api.on("GET", "/v1/services/web", (403, {"message": "Forbidden"}))

        with pytest.raises(ApiProblem) as raised:
            client.service("web")

        assert (raised.value.status, raised.value.slug, raised.value.detail) == (403, "http-403", "Forbidden")

    def test_of_an_answer_that_is_no_json_is_told(self, api, client: Client):
        api.on("GET", "/v1/services/web", (200, b"<html>hello"))

        with pytest.raises(Unreachable, match="no JSON"):
            client.service("web")
