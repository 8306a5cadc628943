"""The JSON of kept judgements and of replays, as declarations: `evidence.py` fills them."""

from typing import Any

from typing_extensions import TypedDict  # pydantic can only read this one on Python 3.11

from chalicelib.api.shapes import VerdictShape


class TallyShape(TypedDict):
    """What one target group did in one period, without Turnout's own requests; `timed` have a response time, `slow` of them exceed the series' bound."""

    requests: int
    errors: int
    timed: int
    slow: int
    hosts_down: int


class PointShape(TypedDict):
    """One period. `share` is the candidate's part of production in percent, all through it."""

    at: str
    share: float
    candidate: TallyShape
    previous: TallyShape


class SeriesShape(TypedDict):
    """`slow_over_seconds` is null while nobody knows how fast the release before is."""

    period_seconds: float
    slow_over_seconds: float | None
    until: str
    points: list[PointShape]


class AlarmShape(TypedDict):
    """`state` is OK, ALARM, INSUFFICIENT_DATA or MISSING."""

    arn: str
    state: str
    since: str | None
    reason: str


class TargetStatesShape(TypedDict):
    healthy: int
    total: int
    states: dict[str, int]


class ProbesShape(TypedDict):
    """`recent` are the latest answers, oldest first: + good, - bad."""

    target: str
    failed_in_a_row: int
    passed_in_a_row: int
    last_at: str
    last_reason: str
    recent: str


class EvidenceShape(TypedDict):
    """Null where it could not be read; `alarms` are empty where none are named. `since` is when the step or the watch began."""

    color: str
    since: str
    weighted_since: str | None
    extended: bool
    watching: bool
    share: float | None
    targets: TargetStatesShape | None
    probes: ProbesShape | None
    alarms: list[AlarmShape] | None
    series: SeriesShape | None


class JudgementShape(TypedDict):
    """`subject` is the phase and step that ended with the verdict, `checks` the policy it was made by."""

    deployment: str
    version: str
    subject: str
    at: str
    verdict: VerdictShape
    checks: dict[str, Any]
    evidence: EvidenceShape


class SaidShape(TypedDict):
    outcome: str
    reason: str
    at: str


class PlayedShape(TypedDict):
    """`judged` and `would` are null without evidence, `effect` (caught, missed, stopped, passed) where nobody knows whether the release was good.

    `left_out` names the checks that could not be played.
    """

    deployment: str
    version: str
    ended_at: str | None
    ended: str
    outcome: str
    judged: SaidShape | None
    would: SaidShape | None
    effect: str | None
    left_out: list[str]


class PlayedSummaryShape(TypedDict):
    """`held` ended undecided, `not_played` are those for which there was no time."""

    played: int
    caught: int
    missed: int
    stopped: int
    passed: int
    held: int
    without_evidence: int
    not_played: int


class ReplayShape(TypedDict):
    """Newest first."""

    items: list[PlayedShape]
    summary: PlayedSummaryShape
