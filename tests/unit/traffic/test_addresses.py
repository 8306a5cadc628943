import pytest

from chalicelib.traffic.addresses import Address, Unaddressable, address_of

LB = "Web-1.eu-west-1.elb.amazonaws.com"


def hosts(*values: str) -> dict[str, object]:
    return {"Field": "host-header", "HostHeaderConfig": {"Values": list(values)}}


def paths(*values: str) -> dict[str, object]:
    return {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}


def address(*conditions: dict[str, object], protocol: str = "HTTP", port: int = 80) -> Address:
    return address_of(conditions, protocol, port, LB)


class TestAddress:
    def test_is_the_balancers_own_without_conditions(self) -> None:
        assert address() == Address(f"http://{LB}")

    @pytest.mark.parametrize(("protocol", "port", "url"), [("HTTPS", 443, "https://web.test"), ("HTTPS", 8443, "https://web.test:8443"), ("HTTP", 443, "http://web.test:443")])
    def test_names_host_and_port(self, protocol: str, port: int, url: str) -> None:
        assert address(hosts("*.test", "web.test"), protocol=protocol, port=port).url == url

    @pytest.mark.parametrize("pattern", ["*", "*.AMAZONAWS.com", "web-?.eu-west-1.elb.amazonaws.com"])
    def test_is_the_balancers_own_where_its_host_fits(self, pattern: str) -> None:
        assert address(hosts(pattern)).url == f"http://{LB}"

    def test_keeps_the_paths(self) -> None:
        assert address(paths("/web/*", "/x")).paths == ("/web/*", "/x")

    @pytest.mark.parametrize(
        "condition",
        [
            hosts("*.test"),
            {"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^web"]}},
            {"Field": "path-pattern", "PathPatternConfig": {"RegexValues": ["^/web"]}},
            {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["GET"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Stage", "Values": ["1"]}},
        ],
    )
    def test_there_is_none_for_what_a_url_cannot_say(self, condition: dict[str, object]) -> None:
        with pytest.raises(Unaddressable):
            address(paths("/*"), condition)


class TestPaths:
    @pytest.mark.parametrize(
        ("pattern", "path", "taken"),
        [
            ("/*", "/", True),
            ("/web/*", "/web/a/b", True),
            ("/web/*", "/web", False),
            ("/web/*", "/Web/a", False),
            ("/a?", "/ab", True),
            ("/a?", "/a", False),
            ("/[a]", "/a", False),
            ("/a.b", "/axb", False),
            ("/health", "/health?full=1", True),
        ],
    )
    def test_are_matched_as_elb_does(self, pattern: str, path: str, taken: bool) -> None:
        assert Address("http://web.test", (pattern,)).takes(path) is taken

    def test_any_is_taken_where_none_is_named(self) -> None:
        assert Address("http://web.test").takes("/anything")
