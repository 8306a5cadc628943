"""What a check is, and what it finds. A check yields every fault that it sees, and at its end what is well."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """`said` is what was seen, `remedy` what to do about it."""

    outcome: Outcome
    said: str
    remedy: str = ""


Findings = Iterable[Finding]


@dataclass(frozen=True, slots=True)
class Check:
    """`service` None: of no single service."""

    name: str
    examine: Callable[[], Findings]
    service: str | None = None


def ok(said: str) -> Finding:
    return Finding(Outcome.OK, said)


def warning(said: str, remedy: str) -> Finding:
    return Finding(Outcome.WARNING, said, remedy)


def problem(said: str, remedy: str) -> Finding:
    return Finding(Outcome.PROBLEM, said, remedy)


def unknown(said: str, remedy: str) -> Finding:
    return Finding(Outcome.UNKNOWN, said, remedy)


def parted(sentence: str) -> tuple[str, str]:
    """What, and what to do: our sentences have it behind their last semicolon."""
    said, _, remedy = sentence.rpartition("; ")
    return (said, remedy) if said else (sentence, "")
