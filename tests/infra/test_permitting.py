"""The rules by which a policy is read here are those of IAM."""

from typing import Any

import pytest

from tests.infra.permitting import Request, is_like, permitting

GROUPS = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*"
GROUP = "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:1-2:autoScalingGroupName/web-blue"


def allow(**but: Any) -> dict[str, Any]:
    return {"Sid": "One", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::b/*", **but}


def permits(request: Request, *statements: dict[str, Any]) -> bool:
    return bool(permitting(statements, request))


GET = Request("s3:GetObject", "arn:aws:s3:::b/web/1.zip")


class TestAPolicy:
    def test_permits_what_a_statement_names(self) -> None:
        assert permits(GET, allow())
        assert permits(GET, allow(Action="s3:*", Resource=["arn:aws:s3:::other/*", "*"]))
        assert permits(GET, allow(Action=["S3:getobject"]))

    @pytest.mark.parametrize(
        "but",
        [
            pytest.param({"Action": ["s3:PutObject"]}, id="another action"),
            pytest.param({"Action": ["s3:GetObjectVersion"]}, id="an action that begins so"),
            pytest.param({"Resource": "arn:aws:s3:::B/*"}, id="another case"),
            pytest.param({"Resource": "arn:aws:s3:::b"}, id="what it is in"),
            pytest.param({"Condition": {"StringEquals": {"aws:x": "1"}}}, id="a condition that does not hold"),
        ],
    )
    def test_permits_nothing_else(self, but: dict[str, Any]) -> None:
        assert not permits(GET, allow(**but))

    def test_permits_nothing_by_itself(self) -> None:
        assert not permits(GET)

    def test_denies_whatever_else_is_allowed(self) -> None:
        deny = allow(Effect="Deny", Resource="arn:aws:s3:::b/web/*")

        assert not permits(GET, allow(), deny)
        assert permits(Request("s3:GetObject", "arn:aws:s3:::b/other"), allow(), deny)

    def test_an_action_without_a_resource_needs_the_star(self) -> None:
        assert not permits(Request("s3:GetObject"), allow())
        assert permits(Request("s3:GetObject"), allow(Resource="*"))

    @pytest.mark.parametrize("strange", [{"NotAction": "s3:*"}, {"Principal": "*"}])
    def test_is_refused_where_it_says_what_is_not_known_here(self, strange: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="One"):
            permits(GET, allow(**strange))

    def test_is_refused_with_an_operator_that_is_not_known_here(self) -> None:
        with pytest.raises(KeyError):
            permits(GET, allow(Condition={"StringNotEquals": {"aws:x": "1"}}))


class TestAPattern:
    @pytest.mark.parametrize(
        ("pattern", "text"),
        [(GROUPS, GROUP), ("a?c", "abc"), ("*-blue:*", "web-blue:*"), ("a[b]", "a[b]"), ("*", "")],
    )
    def test_is_like(self, pattern: str, text: str) -> None:
        assert is_like(pattern, text)

    @pytest.mark.parametrize(("pattern", "text"), [("a?c", "ac"), ("a.c", "abc"), ("a[b]", "ab"), ("abc", "abcd"), ("bc", "abc")])
    def test_is_not_like(self, pattern: str, text: str) -> None:
        assert not is_like(pattern, text)


class TestACondition:
    @pytest.mark.parametrize(
        ("condition", "found", "holds"),
        [
            ({"Null": {"k": "false"}}, "x", True),
            ({"Null": {"k": "false"}}, None, False),
            ({"Null": {"k": "true"}}, None, True),
            ({"StringEquals": {"k": ["x", "y"]}}, "y", True),
            ({"StringEquals": {"k": "x"}}, "X", False),
            ({"StringEquals": {"k": "x"}}, None, False),
            ({"Bool": {"k": "true"}}, "true", True),
            ({"Bool": {"k": "true"}}, "false", False),
            ({"Bool": {"k": "true"}}, None, False),
            ({"ArnLike": {"k": "arn:aws:ec2:*:1:launch-template/*"}}, "arn:aws:ec2:eu-west-1:1:launch-template/lt-1", True),
            ({"ArnLike": {"k": "arn:aws:ec2:*:launch-template/*"}}, "arn:aws:ec2:eu-west-1:1:launch-template/lt-1", False),
            ({"ArnLike": {"k": "*"}}, None, False),
        ],
    )
    def test_holds(self, condition: dict[str, Any], found: str | None, holds: bool) -> None:
        context = {} if found is None else {"k": found}

        assert permits(Request(GET.action, GET.resource, context), allow(Condition=condition)) is holds

    def test_has_to_hold_beside_every_other(self) -> None:
        both = allow(Condition={"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}})
        known = {"a": "1", "b": "2", "c": "true"}

        assert permits(Request(GET.action, GET.resource, known), both)
        for missing in known:
            assert not permits(Request(GET.action, GET.resource, {name: value for name, value in known.items() if name != missing}), both)
