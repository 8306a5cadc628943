"""Makes checks side by side, each bounded in time: whatever one of them meets, the others are made, and it is said why it has no answer."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from turnout.cli.doctor.findings import Check, Finding, Outcome, unknown
from turnout.cli.doctor.troubles import finding_of

AT_ONCE = 8
LIMIT_SECONDS = 20.0


def made(checks: Sequence[Check], *, limit_seconds: float = LIMIT_SECONDS) -> list[tuple[Check, list[Finding]]]:
    """What each found, in their order. None takes longer than the limit once its turn has come."""
    runs = [_Run(check) for check in checks]
    for start in range(0, len(runs), AT_ONCE):
        together = runs[start : start + AT_ONCE]
        for run in together:
            # Of a daemon: one that hangs must not keep the command from ending.
            run.thread.start()
        for run in together:
            run.thread.join(limit_seconds)
    return [(run.check, run.answer(limit_seconds)) for run in runs]


@dataclass
class _Run:
    check: Check
    found: list[Finding] = field(default_factory=list)
    thread: threading.Thread = field(init=False)
    is_over: bool = False

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._examine, name=f"doctor-{self.check.name}", daemon=True)

    def answer(self, limit_seconds: float) -> list[Finding]:
        """Every fault; what is well only where there is none."""
        found = list(self.found)
        if not self.is_over:
            found.append(unknown(f"no answer within {limit_seconds:g} s", "try again; if it stays so, look at the network between here and there"))
        faults = [each for each in found if each.outcome is not Outcome.OK]
        return faults or found

    def _examine(self) -> None:
        try:
            for each in self.check.examine():
                self.found.append(each)
        except Exception as error:  # noqa: BLE001 - one broken check must not stop the others, nor show a trace
            self.found.append(finding_of(error))
        self.is_over = True
