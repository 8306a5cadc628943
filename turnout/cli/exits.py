"""Exit codes, which are part of the contract, and the one place that says what leads to which."""

from enum import IntEnum

from turnout.problems import ApiProblem, Trouble


class Exit(IntEnum):
    DONE = 0
    ERROR = 1
    USAGE = 2
    TIMED_OUT = 3
    NOT_ALLOWED = 4
    ROLLED_BACK = 5
    GATE = 6
    CONFLICT = 7
    APPROVAL = 8
    NEEDS_HUMAN = 9
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.ERROR: "error, or a problem that doctor found; with --wait also: aborted or superseded meanwhile",
    Exit.USAGE: "usage",
    Exit.TIMED_OUT: "wait timed out (the deployment goes on)",
    Exit.NOT_ALLOWED: "not allowed",
    Exit.ROLLED_BACK: "failed, and was rolled back where it had traffic",
    Exit.GATE: "refused by a gate or quarantine",
    Exit.CONFLICT: "conflict: not in this state",
    Exit.APPROVAL: "waiting for approval",
    Exit.NEEDS_HUMAN: "needs a human",
    Exit.INTERRUPTED: "interrupted (the deployment goes on)",
}

BY_SLUG = {
    "gate-failed": Exit.GATE,
    "gate-pending": Exit.GATE,
    "quarantined": Exit.GATE,
    "approval-needed": Exit.APPROVAL,
}

BY_STATUS = {
    401: Exit.NOT_ALLOWED,
    403: Exit.NOT_ALLOWED,
    409: Exit.CONFLICT,
    412: Exit.CONFLICT,
}

# How a deployment that was waited for ended.
BY_PHASE = {
    "completed": Exit.DONE,
    "failed": Exit.ROLLED_BACK,
    "reverted": Exit.ROLLED_BACK,
    "aborted": Exit.ERROR,
    "superseded": Exit.ERROR,
    "needs-human": Exit.NEEDS_HUMAN,
}


class Failure(Exception):
    """What the command line itself has to report: one sentence saying what, which one and what to do."""

    def __init__(self, detail: str, exit_code: Exit = Exit.ERROR, slug: str = "error") -> None:
        super().__init__(detail)
        self.detail = detail
        self.exit_code = exit_code
        self.slug = slug


def exit_of(trouble: Trouble | Failure) -> Exit:
    match trouble:
        case Failure():
            return trouble.exit_code
        case ApiProblem():
            return BY_SLUG.get(trouble.slug) or BY_STATUS.get(trouble.status) or Exit.ERROR
        case _:
            return Exit.ERROR


def table() -> str:
    return "\n".join(f"{code.value:>4}  {meaning}" for code, meaning in MEANINGS.items())
