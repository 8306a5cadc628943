"""Which regular expressions of teams may keep a worker busy for ever."""

import pytest

from chalicelib.services.definition import Shadow
from chalicelib.services.patterns import backtracks


@pytest.mark.parametrize("pattern", ["(a+)+$", "(?:a*)*b", r"(\s*x\s*)*", "(a|aa)+b", "((ab)*)*", "(x+x+)+y", "(?:(?=(a+))b)+", "(?P<n>a{2,})*"])
def test_one_that_repeats_what_repeats_does(pattern: str) -> None:
    assert backtracks(pattern)


@pytest.mark.parametrize("pattern", ['"at":"[^"]*"', r"\d+ms", "<!--.*?-->", "(?i)build (one|two)", "(?:ab){2,3}c+", "(?=(a+))b", r"(\d{1,3}\.){3}\d{1,3}", ""])
def test_one_that_does_not_is_no_trouble(pattern: str) -> None:
    assert not backtracks(pattern)


def test_a_definition_that_names_one_is_refused() -> None:
    with pytest.raises(ValueError, match="may take for ever"):
        Shadow(ignore=("(a+)+$",))
