"""Reads functions, versions and aliases from the embedded AWS."""

import random
from dataclasses import dataclass
from typing import Any

LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Version:
    """One version as it is to be run. Two that are equal share their workers; code is loaded by `sha256` and is no part of the identity."""

    function: str
    number: str
    sha256: str
    handler: str
    timeout_seconds: float
    memory_mb: int
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Resolved:
    version: Version
    code: bytes
    arn: str
    """With the qualifier it was invoked by."""


class Functions:
    """The functions of one account and region. What it reads changes under it, so every collection is copied first."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region = region
        self._account = account

    def find(self, name: str, qualifier: str | None) -> Resolved | None:
        """`qualifier` is a version number, an alias, `$LATEST` or None (which is `$LATEST`)."""
        entry = self._storage()._functions.get(name)  # noqa: SLF001  # there is no public way in that does not raise
        if entry is None:
            return None
        found = _pick(entry, self._number(name, qualifier or LATEST))
        if found is None:
            return None
        arn = f"arn:aws:lambda:{self._region}:{self._account}:function:{name}"
        return Resolved(_version(found, entry), found.code_bytes, f"{arn}:{qualifier}" if qualifier else arn)

    def pointed_at(self) -> set[tuple[str, str]]:
        """(function, version number) of everything that an alias points at."""
        aliases = [(arn, alias) for arn, by_name in list(self._aliases().items()) for alias in list(by_name.values())]
        return {(arn.rsplit(":", 1)[-1], number) for arn, alias in aliases for number in _shares(alias)}

    def _number(self, name: str, qualifier: str) -> str:
        arn = f"arn:aws:lambda:{self._region}:{self._account}:function:{name}"
        alias = self._aliases().get(arn, {}).get(qualifier)
        if alias is None:
            return qualifier
        shares = _shares(alias)
        return random.choices(list(shares), list(shares.values()))[0]  # noqa: S311  # a share of traffic is no secret

    def _aliases(self) -> dict[str, dict[str, Any]]:
        aliases: dict[str, dict[str, Any]] = self._storage()._aliases  # noqa: SLF001  # the public way in copies and sorts
        return aliases

    def _storage(self) -> Any:
        from moto.awslambda.models import lambda_backends

        return lambda_backends[self._account][self._region]._lambdas  # noqa: SLF001  # as above


def _shares(alias: Any) -> dict[str, float]:
    """The part of the calls that goes to each version number of an alias."""
    routing = alias.routing_config if isinstance(alias.routing_config, dict) else {}
    extra = {str(number): float(share) for number, share in (routing.get("AdditionalVersionWeights") or {}).items()}
    return {str(alias.function_version): 1 - sum(extra.values()), **extra}


def _pick(entry: Any, number: str) -> Any:
    if number == LATEST:
        return entry["latest"]
    return next((version for version in list(entry["versions"]) if str(version.version) == number), None)


def _version(found: Any, entry: Any) -> Version:
    return Version(
        function=found.function_name,
        number=LATEST if found is entry["latest"] else str(found.version),
        sha256=found.code_sha_256,
        handler=found.handler or "",
        timeout_seconds=float(found.timeout or 3),
        memory_mb=int(found.memory_size or 128),
        environment=tuple(sorted((str(name), str(value)) for name, value in dict(found.environment_vars or {}).items())),
    )
