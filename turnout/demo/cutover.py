"""The act of the ledger: an application whose two colours must never write at the same time, cut over while its customers write."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from turnout.demo.ledger import LIMIT_SECONDS, Ledger, Writers, found
from turnout.demo.screen import Claim, Screen
from turnout.demo.stack import Stack, until

_CLAIM = "a read-only cutover loses no write and never lets both sides write"


@contextmanager
def prepared(stack: Stack) -> Iterator[Ledger]:
    """The service with an empty database and 1.0.0 on its way."""
    with TemporaryDirectory(prefix="ledger-", dir=stack.folder) as folder:
        ledger = Ledger(stack, Path(folder, "ledger.db"))
        ledger.upload("1.0.0")
        yield ledger


def play(ledger: Ledger, screen: Screen) -> Claim:
    screen.act("The ledger, 2.0.0: a database that must not be written from both sides")
    until("1.0.0 of the ledger is live", lambda: ledger.has_settled_on("1.0.0"), seconds=60)
    old = ledger.now()["live"]["color"]
    with Writers(ledger.url) as writers:
        screen.pulse = lambda: f"{len(writers.taken())} rows written, {sum(one.status == 503 for one in writers.answers.copy())} refused"
        with screen.step("2.0.0 is uploaded, promoted and read-only for a moment"):
            ledger.upload("2.0.0")
            ledger.promote("2.0.0")
            until("2.0.0 has completed", lambda: ledger.has_settled_on("2.0.0"), seconds=60)
        over = time.monotonic()
        until("2.0.0 takes writes", lambda: writers.taken(since=over), seconds=10)
    finding = found(writers.answers, ledger.rows(), old)
    measured = (
        f"{finding.taken} writes answered 201, {finding.lost} of them lost; {finding.refused} refused with 503 in {finding.read_only:.1f} s of read-only"
        f" (limit {LIMIT_SECONDS} s), {finding.odd} answered otherwise; the last row of 1.0.0 is {finding.between:.1f} s older than the first of 2.0.0"
    )
    return Claim(_CLAIM, finding.is_clean, measured)
