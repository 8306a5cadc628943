"""What is different between two configs. Pure."""

from dataclasses import dataclass

from chalicelib.config.model import ConfigVersion, Reference

Value = str | Reference


@dataclass(frozen=True, slots=True)
class Difference:
    """One name; `before` or `after` is None where it is not set."""

    name: str
    before: Value | None
    after: Value | None


def differences(before: ConfigVersion, after: ConfigVersion) -> tuple[Difference, ...]:
    """In the order of their names."""
    old, new = before.values, after.values
    return tuple(Difference(name, old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name))
