"""What a definition may say of hooks, and that it is shown as it was written."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.ledger import codec
from chalicelib.services.definition import Definition, Hook
from tests.world import a_definition

NAMES = ("turnout-hook-a", "turnout-hook-smoke_2:live", "arn:aws:lambda:us-east-1:123456789012:function:turnout-hook-a", "arn:aws:lambda:us-east-1:123456789012:function:turnout-hook-a:3")
OTHER_NAMES = ("web", "turnout-hook-", "Turnout-hook-a", "arn:aws:lambda:us-east-1:123456789012:function:web", "turnout-hook-a/../web", "turnout-hook-" + "a" * 52, "turnout-hook-a:*")
URLS = ("https://hooks.example.com/", "https://hooks.example.com", "https://hooks.example.com:443/a/b?c=%20d", "https://xn--bcher-kva.example/")
OTHER_URLS = (
    "http://hooks.example.com/", "https://hooks.example.com:444/", "https://user@hooks.example.com/", "https://127.0.0.1/", "https://127.1/", "https://0177.0.0.1/",
    "https://[::1]/", "https://localhost/", "https://hooks.example.com/#a", "https://hooks.example.com./", "https://hooks..example.com/", "https://-a.example.com/",
    "https://hooks.example.com\\@127.0.0.1/", "https://hooks.example.com/a b", "https://hooks.example.com/\n", "https:///a", "https://hooks.example.com?a", "//example.com/",
)  # fmt: skip


def a_hook(**fields: Any) -> Hook:
    return Hook.model_validate({"at": "before_shift"} | fields)


class TestTargets:
    @pytest.mark.parametrize("name", NAMES)
    def test_a_function_has_the_prefix_that_policies_allow(self, name: str) -> None:
        assert a_hook(**{"lambda": name}).target == name

    @pytest.mark.parametrize("name", OTHER_NAMES)
    def test_no_other_function_will_do(self, name: str) -> None:
        with pytest.raises(ValidationError):
            a_hook(**{"lambda": name})

    @pytest.mark.parametrize("url", URLS)
    def test_a_url_names_a_host(self, url: str) -> None:
        assert a_hook(https=url).target == url

    @pytest.mark.parametrize("url", OTHER_URLS)
    def test_no_other_url_will_do(self, url: str) -> None:
        with pytest.raises(ValidationError):
            a_hook(https=url)


class TestShowing:
    def test_what_is_shown_can_be_put_again(self) -> None:
        hooks = [{"at": "before_shift", "lambda": "turnout-hook-a"}, {"at": "after_revert", "https": "https://example.com/", "timeout_seconds": 9, "on_timeout": "continue"}]
        definition = a_definition(hooks=hooks)

        shown = definition.model_dump(mode="json")

        assert [hook["lambda"] for hook in shown["hooks"]] == ["turnout-hook-a", None]
        assert Definition.model_validate(shown) == definition

    def test_what_is_recorded_can_be_read_again(self) -> None:
        definition = a_definition(hooks=[{"at": "before_shift", "lambda": "turnout-hook-a"}])

        assert codec.load(Definition, codec.dump(definition)) == definition

    def test_what_is_left_out_has_its_default(self) -> None:
        hook = a_hook(**{"lambda": "turnout-hook-a"})

        assert (hook.timeout_seconds, hook.on_timeout) == (300, "fail")
