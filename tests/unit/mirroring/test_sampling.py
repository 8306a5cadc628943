"""What is repeated of an access log, and what never is."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.mirroring.access_log import Request
from chalicelib.mirroring.sampling import LONGEST, OF_ONE_URL, Sampled, sampled, why_not
from chalicelib.services.definition import Shadow

LIVE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-blue/1"
IDLE = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-green/1"
ALL = Shadow(enabled=True, share=1)


def a_request(path: str = "/", query: str = "", **changes: Any) -> Request:
    """A GET that the live colour answered."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return replace(Request(at, "https", "GET", "https", "shop.example", 443, path, query, 200, 200, 0.01, LIVE, "Mozilla/5.0"), **changes)


def many(number: int, path: str = "/item/{}") -> list[Request]:
    return [a_request(path.format(each), at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=each)) for each in range(number)]


def taken(requests: list[Request], shadow: Shadow = ALL, most: int = 10_000) -> Sampled:
    return sampled(requests, live_group=LIVE, shadow=shadow, most=most)


class TestARequestIsRepeated:
    @pytest.mark.parametrize(
        "request_",
        [
            a_request(),
            a_request(method="HEAD"),
            a_request(type="http"),
            a_request(type="h2"),
            a_request("/a%20b/c", "q=%C3%A9&page=2"),
            a_request("/search", "keyword=x&author=me&design=a&monkey=1&tokens_shown=3&category=code-review"),
            a_request("/..well-known/...x"),
            a_request(elb_status=404, target_status=404),
        ],
    )
    def test_when_it_is_safe(self, request_: Request) -> None:
        assert why_not(request_, ALL) == ""

    def test_as_it_was_logged_but_for_where_it_goes(self) -> None:
        [repeat] = taken([a_request("/a%20b//%7Ec", "q=%c3%a9&x=1")]).repeats

        assert (repeat.method, repeat.url, repeat.path) == ("GET", "/a%20b//%7Ec?q=%c3%a9&x=1", "/a%20b//%7Ec")


class TestARequestIsLeftOut:
    @pytest.mark.parametrize(
        ("request_", "reason"),
        [
            (a_request(user_agent="turnout-probe"), "Turnout's own"),
            (a_request(method="POST"), "not GET or HEAD"),
            (a_request(method="DELETE"), "not GET or HEAD"),
            (a_request(method="get"), "not GET or HEAD"),
            (a_request(type="ws"), "no plain HTTP"),
            (a_request(type="wss"), "no plain HTTP"),
            (a_request(type="grpcs"), "no plain HTTP"),
            (a_request(elb_status=101), "no plain HTTP"),
            (a_request("/a/../admin"), "no plain path"),
            (a_request("/a/%2e%2E/admin"), "no plain path"),
            (a_request("/a/%252e%252e/admin"), "no plain path"),
            (a_request("/a/..%2fadmin"), "no plain path"),
            (a_request("/a/..;/admin"), "no plain path"),
            (a_request("/a/%2e%2e%3bx=1/admin"), "no plain path"),
            (a_request("/a/%25252e%25252e/admin"), "no plain path"),
            (a_request("/a/%2525252525252e"), "no plain path"),
            (a_request("/a/..\\admin"), "no plain path"),
            (a_request("@evil.example/"), "no plain path"),
            (a_request("/a b"), "no plain path"),
            (a_request("/a\r\nHost: evil"), "no plain path"),
            (a_request("/é"), "no plain path"),
            (a_request("/a", "x=\udcff"), "no plain path"),
            (a_request("/a#b"), "no plain path"),
            (a_request("/" + "a" * LONGEST), "no plain path"),
        ],
    )
    def test_when_it_is_not_safe(self, request_: Request, reason: str) -> None:
        assert why_not(request_, ALL) == reason

    @pytest.mark.parametrize(
        "query",
        [
            "token=abc", "access_token=abc", "accessToken=abc", "refresh-token=a", "id_token=a", "key=a", "api_key=a", "apikey=a", "apiKey=a", "sig=a", "signature=a",
            "X-Amz-Signature=a", "x-amz-credential=a", "X-Goog-Credential=a", "password=a", "user[password]=a", "client_secret=a", "auth=a", "code=a", "session=a",
            "session_id=a", "PHPSESSION=a&sid=1", "jwt=a", "%74oken=abc", "JSESSIONID=a", "PHPSESSID=a", "ASPSESSIONIDQ=a", "sessid=a", "pass=a", "passcode=a", "bearer=a", "hmac=a",
            "client_assertion=a", "resettoken=a", "token1=a", "next=%2Fx%3Ftoken%3D1", "a=1;token=2", "page=1&TOKEN=2", "authToken=a",
            "x=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "x=eyJhbGciOiJIUzI1NiJ9%2EeyJzdWIiOiIxIn0%2Ec2ln",
        ],
    )  # fmt: skip
    def test_when_its_query_may_hold_credentials_unless_that_is_allowed(self, query: str) -> None:
        assert why_not(a_request("/a", query), ALL) == "credentials in the URL"
        assert why_not(a_request("/a", query), Shadow(enabled=True, credentials="allow")) == ""

    @pytest.mark.parametrize("path", ["/verify/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/shop;jsessionid=8f14", "/reset-password/8f14e45fceea167a5a36"])
    def test_when_its_path_holds_a_token(self, path: str) -> None:
        assert why_not(a_request(path), ALL) == "credentials in the URL"

    def test_but_not_for_what_only_names_a_thing(self) -> None:
        assert [why_not(a_request(path), ALL) for path in ("/orders/0b7d2c4e-1f7a-4c1e-9d59-0d8a3a5b0f11", "/share/2024-annual", "/tokens")] == ["", "", ""]

    def test_when_no_allowed_path_fits(self) -> None:
        only = Shadow(enabled=True, share=1, paths=("/public/*", "/health"))

        assert [why_not(a_request(path), only) for path in ("/public/a/b", "/health", "/public", "/private")] == ["", "", "path not allowed", "path not allowed"]

    def test_when_another_colour_or_nobody_answered_it(self) -> None:
        assert taken([a_request(target_group_arn=IDLE), a_request(target_group_arn="")]) == Sampled((), {})

    def test_and_counted_by_reason(self) -> None:
        requests = [a_request(method="POST"), a_request(method="PUT"), a_request("/a", "token=1")]

        assert taken(requests).left_out == {"not GET or HEAD": 2, "credentials in the URL": 1}


class TestTheShare:
    def test_is_about_what_was_asked_for(self) -> None:
        drawn = taken(many(2000), Shadow(enabled=True, share=0.1))

        assert 140 <= len(drawn.repeats) <= 260

    def test_is_the_same_for_the_same_log(self) -> None:
        shadow = Shadow(enabled=True, share=0.3)

        assert taken(many(200), shadow) == taken(many(200), shadow)

    def test_of_all_is_all(self) -> None:
        assert len(taken(many(50)).repeats) == 50

    def test_is_bounded(self) -> None:
        assert len(taken(many(500), most=20).repeats) == 20

    def test_has_one_url_only_a_few_times(self) -> None:
        assert len(taken(many(100, "/same")).repeats) == OF_ONE_URL

    def test_prefers_different_paths(self) -> None:
        requests = [a_request("/busy", f"page={number}") for number in range(200)] + [a_request("/rare"), a_request("/seldom")]

        assert {"/rare", "/seldom"} < {repeat.path for repeat in taken(requests, most=3).repeats}

    def test_takes_whatever_a_client_may_have_sent(self) -> None:
        assert len(taken([a_request(user_agent="\udcff\x00")]).repeats) == 1
