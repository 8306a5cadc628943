"""What is read out of a load balancer's access log, and what is not."""

import gzip
import zlib
from datetime import UTC, datetime

import pytest

from chalicelib.mirroring import access_log
from chalicelib.mirroring.access_log import Lines, Request, Source, lines, source_of

GROUP = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067"
REST = '"Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z "forward" "-" "-"'
APPENDED = '"10.0.0.1:80" "200" "-" "-" TID_1234abcd5678ef90 "-" "-" "-" "what comes next" 17'


def a_line(
    request: str = "GET http://www.example.com:80/ HTTP/1.1",
    *,
    type: str = "http",
    at: str = "2018-07-02T22:23:00.186641Z",
    client: str = "192.168.131.39:2817",
    target: str = "10.0.0.1:80",
    times: str = "0.000 0.001 0.000",
    statuses: str = "200 200",
    agent: str = "curl/7.46.0",
    tls: str = "- -",
    group: str = GROUP,
    rest: str = f"{REST} {APPENDED}",
) -> str:
    return f'{type} {at} app/lb/50dc6c495c0c9188 {client} {target} {times} {statuses} 34 366 "{request}" "{agent}" {tls} {group} {rest}'


def read(text: str | bytes) -> tuple[list[Request], Lines]:
    found = lines(text if isinstance(text, bytes) else text.encode())
    return list(found), found


def one(text: str) -> Request:
    [request], found = read(text + "\n")
    assert (found.skipped, found.cut_off) == (0, None)
    return request


class TestALine:
    def test_is_read_field_by_field(self) -> None:
        assert one(a_line("GET http://www.example.com:80/a/b%20c?x=1&y=%2F HTTP/1.1")) == Request(
            at=datetime(2018, 7, 2, 22, 23, 0, 186641, UTC),
            type="http",
            method="GET",
            scheme="http",
            host="www.example.com",
            port=80,
            path="/a/b%20c",
            query="x=1&y=%2F",
            elb_status=200,
            target_status=200,
            seconds=0.001,
            target_group_arn=GROUP,
            user_agent="curl/7.46.0",
        )

    @pytest.mark.parametrize(
        ("line", "field", "value"),
        [
            # the kinds of connection
            (a_line("GET https://h:443/ HTTP/1.1", type="https", tls="ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"), "scheme", "https"),
            (a_line("GET https://10.0.2.105:773/ HTTP/2.0", type="h2"), "port", 773),
            (a_line("POST https://h:443/s/M HTTP/2.0", type="grpcs"), "type", "grpcs"),
            (a_line("GET http://10.0.0.30:80/ HTTP/1.1", type="ws", statuses="101 101"), "elb_status", 101),
            (a_line("GET wss://10.0.0.30:443/ HTTP/1.1", type="wss", statuses="101 101"), "scheme", "wss"),
            (a_line("GET http://h:80/ HTTP/1.0"), "host", "h"),
            # what was never handed to a target, or not answered by one
            (a_line(target="-", times="-1 -1 -1", statuses="503 -", group="-"), "target_group_arn", ""),
            (a_line(target="-", times="-1 -1 -1", statuses="503 -"), "seconds", None),
            (a_line(times="0.000 -1 -1", statuses="504 -"), "target_status", None),
            (a_line(times="-1 -1 -1", statuses="460 -"), "elb_status", 460),
            (a_line(times="-1 -1 -1", statuses="- -"), "elb_status", None),
            (a_line(target="-", times="0.000 0.440 0.000"), "seconds", 0.44),
            (a_line(target="-", statuses="502 -", rest=REST.replace('"-" "-"', '"-" "LambdaInvalidResponse"')), "elb_status", 502),
            (a_line(times="0.000 12.5 0.000"), "seconds", 12.5),
            (a_line(agent="-"), "user_agent", ""),
            (a_line(agent=""), "user_agent", ""),
            # older and newer logs
            (a_line(rest='"Root=1-58337262-36d228ad5d99923122bbe354"'), "target_group_arn", GROUP),
            (a_line(rest=REST), "path", "/"),
            (a_line(rest=REST + ' "unfinished'), "path", "/"),
            (a_line(at="2018-07-02T22:23:00Z"), "at", datetime(2018, 7, 2, 22, 23, tzinfo=UTC)),
            # addresses
            (a_line(client="2001:db8::1:2817", target="[2001:db8::2]:80"), "path", "/"),
            (a_line("GET http://[2001:db8::1]:80/six HTTP/1.1"), "host", "[2001:db8::1]"),
            (a_line("GET http://h:80/six HTTP/1.1"), "path", "/six"),
            (a_line("GET http://h/ HTTP/1.1"), "port", 80),
            (a_line("GET https://h/ HTTP/1.1", type="https"), "port", 443),
            (a_line("GET http://h:8080 HTTP/1.1"), "path", "/"),
            (a_line("GET http://h:8080?q HTTP/1.1"), "query", "q"),
            # what clients ask for
            (a_line("HEAD http://h:80/ HTTP/1.1"), "method", "HEAD"),
            (a_line("M-SEARCH http://h:80/ HTTP/1.1"), "method", "M-SEARCH"),
            (a_line("GET http://h:80/?a=1?b=2 HTTP/1.1"), "query", "a=1?b=2"),
            (a_line("GET http://h:80//double//slash HTTP/1.1"), "path", "//double//slash"),
            (a_line("GET http://h:80/a b  c HTTP/1.1"), "path", "/a b  c"),
            (a_line("GET http://h:80/@x:y/http://elsewhere:1/ HTTP/1.1"), "path", "/@x:y/http://elsewhere:1/"),
            (a_line("GET http://h:80/a HTTP/1.1 HTTP/1.1"), "path", "/a HTTP/1.1"),
            (a_line("GET http://h:80/%22%5C HTTP/1.1"), "path", "/%22%5C"),
            (a_line("GET http://h:80/ü HTTP/1.1"), "path", "/ü"),
            (a_line(r"GET http://h:80/\"a\\b\" HTTP/1.1"), "path", r'/"a\b"'),
            (a_line(r"GET http://h:80/\x22\x0d\x0aHost:x HTTP/1.1"), "path", '/"\r\nHost:x'),
            (a_line(r"GET http://h:80/?\x22=1 HTTP/1.1"), "query", '"=1'),
            # what they call themselves
            (a_line(agent="Mozilla/5.0 (X11; Linux x86_64)  two  spaces"), "user_agent", "Mozilla/5.0 (X11; Linux x86_64)  two  spaces"),
            (a_line(agent=r"say \"hi\""), "user_agent", 'say "hi"'),
            (a_line(agent=r"say \x22hi\x22 \x09"), "user_agent", 'say "hi" \t'),
            (a_line(agent=r"C:\Program Files\x"), "user_agent", r"C:\Program Files\x"),
            (a_line(agent=r"one \\ two"), "user_agent", r"one \ two"),
            (a_line(agent="ü 猫"), "user_agent", "ü 猫"),
            (a_line(agent=r"\" - - arn:aws:not-this-one \"Root=1"), "target_group_arn", GROUP),
            (a_line(agent="x" * 8192), "user_agent", "x" * 8192),
            (a_line() + "\r", "path", "/"),
        ],
    )
    def test_may_be_strange_and_still_be_a_request(self, line: str, field: str, value: object) -> None:
        assert getattr(one(line), field) == value

    def test_of_bytes_that_are_no_text_is_text(self) -> None:
        [request], _ = read(a_line("GET http://h:80/ü HTTP/1.1", agent="ü").encode("latin-1"))

        assert (request.path, request.user_agent) == ("/\ufffd", "\ufffd")
        assert request.user_agent.encode()

    @pytest.mark.parametrize(
        "line",
        [
            "-",
            "Enable AccessLog for ELB",
            '"' * 1000,
            "\\" * 1000,
            "\x00" * 100,
            a_line()[:200],
            a_line().replace(" ", "  ", 1),
            a_line().replace(" ", "\t"),
            " " + a_line(),
            a_line(type="h3"),
            a_line(type="HTTP"),
            a_line(type='"http"x'),
            a_line(at="-"),
            a_line(at="2018-07-02"),
            a_line(at="2018-07-02T22:23:00.186641"),
            a_line(at="2018-07-02T22:23:00.186641+02:00"),
            a_line(at="2018-13-41T25:61:61.000000Z"),
            a_line(at="0000-01-01T00:00:00.000000Z"),
            a_line(at="٢٠١٨-07-02T22:23:00Z"),
            a_line(times="0.000 0,001 0.000"),
            a_line(times="0.000 -2 0.000"),
            a_line(times="0.000 nan 0.000"),
            a_line(times="0.000 1e9 0.000"),
            a_line(times="0.000 99999999999 0.000"),
            a_line(statuses="20 200"),
            a_line(statuses="200 2000"),
            a_line(statuses="200 OK"),
            a_line(statuses="200 ²²²"),
            a_line("-"),
            a_line(""),
            a_line("- http://h:80- -"),
            a_line("- http://h:80- - "),
            a_line("GET http://h:80/ - "),
            a_line("GET http://h:80/"),
            a_line("GET  HTTP/1.1"),
            a_line("GET / HTTP/1.1"),
            a_line("OPTIONS http://h:80* HTTP/1.1"),
            a_line("CONNECT h:443 HTTP/1.1"),
            a_line("GET ftp://h:80/ HTTP/1.1"),
            a_line("GET http://user@h:80/ HTTP/1.1"),
            a_line("GET http://h h:80/ HTTP/1.1"),
            a_line("GET http://:80/ HTTP/1.1"),
            a_line("GET http://h:0/ HTTP/1.1"),
            a_line("GET http://h:65536/ HTTP/1.1"),
            a_line("GET http://h:999999/ HTTP/1.1"),
            a_line("GET http://h:80/ HTTP/one"),
            a_line("G(T http://h:80/ HTTP/1.1"),
            a_line(f"{'G' * 65} http://h:80/ HTTP/1.1"),
            a_line('GET http://h:80/"quoted" HTTP/1.1'),
            a_line(agent='an "unescaped" quote'),
            a_line(agent="ends in a backslash \\"),
            a_line(group=""),
            a_line(rest="").rstrip(),
            a_line(group='arn"x'),
        ],
    )
    def test_without_a_request_is_skipped_and_counted(self, line: str) -> None:
        requests, found = read(f"{a_line()}\n{line}\n{a_line('GET http://h:80/after HTTP/1.1')}\n")

        assert [request.path for request in requests] == ["/", "/after"]
        assert (found.skipped, found.cut_off) == (1, None)

    def test_that_is_blank_is_none(self) -> None:
        requests, found = read(f"\n\r\n{a_line()}\n\n   \n")

        assert (len(requests), found.skipped) == (1, 0)

    def test_that_is_far_too_long_is_one_that_is_skipped(self) -> None:
        requests, found = read(f"{a_line()}\n{a_line('GET http://h:80/' + 'x' * 1_000_000 + ' HTTP/1.1')}\n{a_line()}\n{'y' * 300_000}")

        assert (len(requests), found.skipped, found.cut_off) == (2, 2, None)


class TestAFile:
    def test_may_be_packed_or_not_and_need_no_last_newline(self) -> None:
        text = "\n".join([a_line()] * 3)

        assert read(text)[0] == read(gzip.compress(text.encode()))[0] == [one(a_line())] * 3

    def test_of_several_members_is_read_to_its_end(self) -> None:
        content = b"".join(gzip.compress(f"{a_line(f'GET http://h:80/{number} HTTP/1.1')}\n".encode()) for number in range(300))

        requests, found = read(content)

        assert [request.path for request in requests] == [f"/{number}" for number in range(300)]
        assert (found.skipped, found.cut_off) == (0, None)

    def test_that_is_empty_has_nothing(self) -> None:
        for content in (b"", gzip.compress(b""), b"\n"):
            requests, found = read(content)
            assert (requests, found.skipped, found.cut_off) == ([], 0, None)

    def test_that_ends_early_gives_what_is_whole_and_says_so(self) -> None:
        packed = zlib.compressobj(0, zlib.DEFLATED, 31)
        whole = packed.compress(f"{a_line()}\n{a_line()}".encode()) + packed.flush()

        requests, found = read(whole[:-60])

        assert len(requests) == 1
        assert found.cut_off == "the gzip ends early"

    @pytest.mark.parametrize("at", range(2, 120, 7))
    def test_that_is_damaged_never_raises(self, at: int) -> None:
        content = bytearray(gzip.compress("\n".join(a_line(f"GET http://h:80/{number} HTTP/1.1") for number in range(50)).encode()))
        content[at] ^= 0xFF

        requests, found = read(bytes(content))

        assert len(requests) <= 50
        assert at < 10 or found.cut_off in {"the gzip is damaged", "the gzip ends early"}

    def test_with_something_else_behind_it_says_so(self) -> None:
        requests, found = read(gzip.compress(f"{a_line()}\n".encode()) + b"and more")

        assert (len(requests), found.cut_off) == (1, "the gzip is damaged")

    def test_that_unpacks_to_far_more_than_it_is_is_cut_off(self) -> None:
        packed = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = packed.compress(f"{a_line()}\n".encode()) + b"".join(packed.compress(b"\n" * 1_048_576) for _ in range(80)) + packed.flush()

        requests, found = read(bomb)

        assert len(bomb) < 200_000
        assert (len(requests), found.cut_off) == (1, f"more than {64 * 1024 * 1024} bytes unpacked")

    def test_of_very_many_members_is_cut_off(self) -> None:
        requests, found = read(gzip.compress(b"") * 5000)

        assert (requests, found.cut_off) == ([], "more than 1000 gzip members")

    def test_of_more_lines_than_anybody_reads_is_cut_off(self) -> None:
        requests, found = read(gzip.compress(b"x\n" * (access_log.MOST_LINES + 1)))

        assert (requests, found.skipped, found.cut_off) == ([], access_log.MOST_LINES, "more than 100000 lines")

    def test_of_exactly_as_many_is_read_whole(self) -> None:
        assert read(b"x\n" * access_log.MOST_LINES)[1].cut_off is None

    def test_is_read_as_it_is_asked_for(self) -> None:
        found = lines(f"{a_line()}\n-\n{a_line()}".encode())

        assert (next(found).path, found.skipped) == ("/", 0)
        assert (next(found).path, found.skipped) == ("/", 1)


PLACE = "AWSLogs/123456789012/elasticloadbalancing/us-east-2/2016/05/01/"
FILE = "123456789012_elasticloadbalancing_us-east-2_app.my-loadbalancer.1234567890abcdef_20140215T2340Z_172.160.001.192_20sg8hgm.log.gz"


class TestTheKeyOfAFile:
    def test_says_whose_log_it_is(self) -> None:
        ended = datetime(2014, 2, 15, 23, 40, tzinfo=UTC)
        assert source_of(PLACE + FILE) == Source("123456789012", "us-east-2", "app/my-loadbalancer/1234567890abcdef", ended, "172.160.001.192")

    @pytest.mark.parametrize("prefix", ["logs", "a/b/c", "with space/ü", "/"])
    def test_may_have_a_prefix(self, prefix: str) -> None:
        source = source_of(f"{prefix}/{PLACE}{FILE}")
        assert source is not None
        assert source.prefix == prefix

    @pytest.mark.parametrize(
        "key",
        [
            "",
            FILE,
            PLACE,
            "AWSLogs/123456789012/ELBAccessLogTestFile",
            "logs/AWSLogs/123456789012/ELBAccessLogTestFile",
            f"/{PLACE}{FILE}",
            f"AWSLogs/x/{PLACE}{FILE}",
            f"logsAWSLogs{PLACE}{FILE}",
            PLACE + FILE + "x",
            PLACE + FILE + "\n",
            PLACE + FILE.removesuffix(".gz"),
            PLACE + FILE.replace("_app.", "_net."),
            PLACE + FILE.replace("_app.", "_"),
            PLACE + "conn_log." + FILE,
            PLACE + FILE.replace("123456789012_", "210987654321_"),
            PLACE + FILE.replace("us-east-2", "us-east-1"),
            PLACE + FILE.replace("20140215T2340Z", "20141315T2340Z"),
            PLACE + FILE.replace("20140215T2340Z", "20140215T2340"),
            PLACE + FILE.replace("20140215T2340Z", "٢٠140215T2340Z"),
            PLACE + FILE.replace("my-loadbalancer", "my.loadbalancer"),
            PLACE + FILE.replace("my-loadbalancer", ".."),
            PLACE.replace("elasticloadbalancing", "vpcflowlogs") + FILE,
            "web/1.4.2/turnout.json",
        ],
    )
    def test_of_anything_else_says_nothing(self, key: str) -> None:
        assert source_of(key) is None
