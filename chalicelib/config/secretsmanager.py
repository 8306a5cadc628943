"""Versions of secrets in Secrets Manager, by the one call that never answers a value."""

from typing import Any

_CURRENT = "AWSCURRENT"


def versions(secretsmanager: Any, name: str) -> tuple[frozenset[str], str] | None:
    """Those that can be read, which have a staging label, and the current one; None where there is none. `name` may be an ARN."""
    found = secretsmanager.describe_secret(SecretId=name)
    labels: dict[str, list[str]] = found.get("VersionIdsToStages") or {}
    newest = next((version for version, stages in labels.items() if _CURRENT in stages), None)
    if newest is None or found.get("DeletedDate"):
        return None
    return frozenset(version for version, stages in labels.items() if stages), newest
