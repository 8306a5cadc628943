"""A verdict that decided something, kept with everything it was made from: judged again it comes out the same."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.health.evidence import Evidence
from chalicelib.health.model import Verdict
from chalicelib.services.definition import Checks


@dataclass(frozen=True, slots=True)
class Judgement:
    """`subject` is the phase and step of `deployment` that ended with this verdict; `checks` is the policy it was made by."""

    service: str
    deployment: str
    version: str
    subject: str
    at: datetime
    checks: Checks
    evidence: Evidence
    verdict: Verdict
