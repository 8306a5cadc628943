"""The conditions that are made from what was seen: the verdict, targets, weights, the data plane, a read-only, and what the last pass waited for."""

from collections.abc import Iterator

from chalicelib.colors import Color
from chalicelib.deployments.model import Phase
from chalicelib.deployments.situation import HEALTHY, PENDING, Situation, moment, shares
from chalicelib.health.model import Check


def verdict(at: Situation) -> Iterator[Check]:
    if at.fresh and at.fresh.verdict:
        yield Check("verdict", at.fresh.verdict.outcome, at.fresh.verdict.reason)
        for one in at.fresh.verdict.checks:
            yield Check(f"verdict-{one.name}", one.outcome, one.reason, one.numbers, one.effective)


def targets(at: Situation) -> Iterator[Check]:
    for color in Color if at.look else ():
        seen = at.look.targets.get(color) if at.look and at.look.targets_at.get(color) == at.look.at else None
        if seen is None:
            yield Check(f"targets-{color}", PENDING, f"the targets of {color} could not be read at the last look")
        else:
            why = f" ({', '.join(seen.reasons)})" if seen.reasons and not seen.healthy else ""
            said = f"{seen.healthy} of {seen.total} targets of {color} are healthy{why}"
            yield Check(f"targets-{color}", HEALTHY if seen.healthy else PENDING, said, {"healthy": float(seen.healthy), "total": float(seen.total)})


def weights(at: Situation) -> Iterator[Check]:
    wanted, shown = at.service.desired, at.look.production if at.look else None
    numbers = {f"desired_{color}": share for color, share in wanted.percentages().items()}
    if at.look is None:
        yield Check("weights", PENDING, f"asked for {shares(wanted)}; nobody has looked yet", numbers)
    elif shown == wanted:
        yield Check("weights", HEALTHY, f"the balancer shows what was asked for, {shares(shown)}", numbers)
    else:
        found = shares(shown) if shown else "no split of the two colours"
        yield Check("weights", PENDING, f"asked for {shares(wanted)}, the balancer shows {found}", numbers)


def shadow(at: Situation) -> Iterator[Check]:
    """Mirrored traffic: only what is to be staged waits for it."""
    if at.shadow and at.deployment.phase is Phase.VERIFYING:
        yield at.shadow


def last_pass(at: Situation) -> Iterator[Check]:
    if at.fresh and at.fresh.waits_for:
        yield Check("waits-for", PENDING, at.fresh.waits_for)


def confirmation(at: Situation) -> Iterator[Check]:
    """Of this phase and step; one of another says nothing."""
    found = at.deployment.confirmation
    if found and found.subject == at.deployment.subject:
        yield Check("data-plane", HEALTHY if found.seen else PENDING, found.reason)


def read_only(at: Situation) -> Iterator[Check]:
    """A cutover's: it ends by itself, whatever becomes of the deployment."""
    found = at.service.read_only
    if found and at.service.is_read_only(at.now):
        left = (found.until - at.now).total_seconds()
        said = f"the application is read-only for the cutover until {moment(found.until)}, another {int(left)} s at most, and then ends that by itself"
        yield Check("read-only", PENDING, said, {"remaining": left})
