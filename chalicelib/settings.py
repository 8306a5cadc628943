"""What the environment says, read once; refuses to exist if something is missing, and says everything that is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta

from chalicelib.errors import Problem


class Misconfigured(Problem):
    slug = "misconfigured"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long AWS takes and how long we wait for it. The local stack is quicker and sets these lower.

    Each is set by `TURNOUT_PACE_<NAME>_SECONDS`.
    """

    metric_period: timedelta = timedelta(seconds=60)
    """Length of a metric period."""
    metric_delay: timedelta = timedelta(seconds=150)
    """How long after its end a metric period may still be incomplete."""
    settle: timedelta = timedelta(seconds=10)
    """A deployment ends only after a read-back at least this long after its last record."""
    look_again: timedelta = timedelta(seconds=300)
    """The rule gets one more look this long after the end."""
    idle_look: timedelta = timedelta(seconds=900)
    """How often a service is looked at where nothing moves, for what somebody else may have changed."""
    drain_floor: timedelta = timedelta(seconds=60)
    """A colour counts as drained no sooner than this after its weight was seen to be 0."""
    health_margin: timedelta = timedelta(seconds=5)
    """Added to interval × unhealthy threshold before health counts as of the new version."""
    ask_again: timedelta = timedelta(seconds=10)
    """How long to wait for a weight to be seen before asking for it again."""
    act_within: timedelta = timedelta(seconds=5)
    """A weight write begins this soon after its record, or not at all."""
    patience: timedelta = timedelta(seconds=25)
    """How long one pass goes on by itself while something is on its way."""
    poll: timedelta = timedelta(seconds=1)
    """Between two rounds of a pass that is waiting for something on its way."""
    preparing: timedelta = timedelta(seconds=20)
    """About how long it takes until a build stands on a colour: only for estimates that are shown."""
    probe_run: timedelta = timedelta(seconds=55)
    """How long one prober goes on."""
    shadow_run: timedelta = timedelta(seconds=40)
    """How long the requests of one access log are repeated at most."""
    shadow_within: timedelta = timedelta(seconds=900)
    """How long a healthy candidate waits for enough mirrored requests; balancers write their logs every five minutes."""
    confirm_within: timedelta = timedelta(seconds=600)
    """How long it is tried to see on the data plane that the traffic is where the rule says."""
    cutover_margin: timedelta = timedelta(seconds=5)
    """A weight write of a read-only cutover begins at least this long before its limit, or a quarter of the limit where that is shorter."""


_REQUIRED = ("TURNOUT_TABLE", "TURNOUT_ARTIFACT_BUCKET", "TURNOUT_DUE_QUEUE_URL", "TURNOUT_PROBE_QUEUE_URL")


@dataclass(frozen=True, slots=True)
class Settings:
    table: str
    artifact_bucket: str
    due_queue_url: str
    probe_queue_url: str
    pace: Pace = field(default_factory=Pace)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Raises `Misconfigured` naming every variable that is missing or no number, or two that contradict each other."""
        missing = [name for name in _REQUIRED if not environ.get(name)]
        pace, wrong = _pace(environ)
        if missing or wrong:
            parts = ([f"not set: {', '.join(missing)}"] if missing else []) + ([f"not a number of seconds: {', '.join(wrong)}"] if wrong else [])
            raise Misconfigured("the environment is incomplete: " + "; ".join(parts))
        if pace.ask_again < pace.act_within:
            raise Misconfigured(
                f"{_variable('ask_again')} is below {_variable('act_within')}: a write that is still to begin could come after the one that was asked for again"
            )
        table, bucket, due, probes = (environ[name] for name in _REQUIRED)
        return cls(table, bucket, due, probes, pace)


def _pace(environ: Mapping[str, str]) -> tuple[Pace, list[str]]:
    given, wrong = {}, []
    for entry in fields(Pace):
        name = _variable(entry.name)
        if name in environ:
            try:
                given[entry.name] = timedelta(seconds=float(environ[name]))
            except ValueError:
                wrong.append(name)
    return Pace(**given), wrong


def _variable(pace: str) -> str:
    return f"TURNOUT_PACE_{pace.upper()}_SECONDS"
