"""Versions of parameters in SSM Parameter Store, by the one call that never answers a value.

`GetParameter` and `GetParameterHistory` tell what a plain parameter says, so neither is called or allowed.
"""

import re
from typing import Any

MOST_VERSIONS = 100
"""SSM keeps so many of a parameter and forgets the oldest."""

_ARN = re.compile(r"arn:aws[a-z-]*:ssm:[a-z0-9-]+:\d{12}:parameter/(.+)")


def versions(ssm: Any, name: str) -> tuple[frozenset[str], str] | None:
    """Those that can be read, and the current one; None where there is no such parameter. `name` may be an ARN."""
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": _names(name)}])
    match = next((each for page in pages for each in page["Parameters"] if _is_meant(each, name)), None)
    if match is None:
        return None
    newest = int(match["Version"])
    return frozenset(str(number) for number in range(max(1, newest - MOST_VERSIONS + 1), newest + 1)), str(newest)


def _names(name: str) -> list[str]:
    """A parameter's name where its ARN is given: a name without levels may or may not begin with a slash."""
    arn = _ARN.fullmatch(name)
    if arn is None:
        return [name]
    return [f"/{arn[1]}"] if "/" in arn[1] else [f"/{arn[1]}", arn[1]]


def _is_meant(found: dict[str, Any], name: str) -> bool:
    """Another account's or region's parameter of the same name is not meant by an ARN."""
    return found.get("ARN", name) == name if name.startswith("arn:") else bool(found["Name"] == name)
