"""The play: a shop, its customers, and what becomes of three releases.

1.0.0 goes live ─▶ 1.1.0 is staged, canaried, promoted ─▶ rolled back by hand
─▶ 1.2.0 passes staging and goes bad under its customers ─▶ put back by itself
─▶ the same zip again, and a broken one
beside it a ledger with a database: 1.0.0 ─▶ 2.0.0, read-only for a moment
and parcels as tasks of ECS: 1.0.0 ─▶ 1.1.0, and 1.2.0 that cannot run
"""

import math
import time
from collections.abc import Iterator
from typing import Any

from turnout.demo import containers, cutover
from turnout.demo.bundle import LEAK, Workshop, retitled
from turnout.demo.screen import Claim, Screen
from turnout.demo.shop import Page, Shop
from turnout.demo.stack import Stack, until
from turnout.demo.traffic import Answer, Traffic, lost
from turnout.demo.weights import Weights

PER_SECOND = 90
_ENDED = ("completed", "reverted", "failed", "aborted", "superseded", "needs-human")
# A request that was asked while the weights moved may have gone either way.
_BLUR = 0.3


def play(stack: Stack, workshop: Workshop, screen: Screen) -> Iterator[Claim]:
    """Yields each claim as soon as it is measured."""
    screen.act("A shop with customers, a ledger, and parcels")
    with cutover.prepared(stack) as ledger, containers.prepared(stack) as parcels:
        with screen.step("1.0.0 of all three is uploaded and promoted"):
            shop = Shop(stack)
            shop.set(GREETING="Welcome")
            shop.stage("1.0.0", workshop.artifact())
            shop.promote("1.0.0")
            ledger.promote("1.0.0")
            parcels.promote("1.0.0")
            until("1.0.0 is live", lambda: shop.phase("1.0.0") in {"watching", "completed"}, seconds=60)
        yield from _with_customers(stack, shop, workshop, screen)
        yield cutover.play(ledger, screen)
        yield containers.play(parcels, screen)


def _with_customers(stack: Stack, shop: Shop, workshop: Workshop, screen: Screen) -> Iterator[Claim]:
    original, second = shop.about(shop.production), workshop.artifact(retitled("New railway things"))
    with Traffic(shop.production, per_second=PER_SECOND) as traffic, Weights(stack, shop.traffic) as weights:
        screen.pulse = lambda: f"{traffic.count():,} requests, {len(lost(traffic.since(0)))} bad, {_shares(weights)}"
        with screen.step("1.0.0 is watched to the end"):
            until("1.0.0 completed", lambda: shop.phase("1.0.0") == "completed", seconds=60)
        yield from _a_good_release(shop, traffic, weights, screen, second)
        yield _a_rollback(shop, traffic, screen, original)
        yield _a_bad_release(shop, traffic, weights, screen, workshop.artifact(LEAK))
        yield _uploads_that_change_nothing(shop, screen, "1.1.0", second)


def _a_good_release(shop: Shop, traffic: Traffic, weights: Weights, screen: Screen, artifact: bytes) -> Iterator[Claim]:
    screen.act("1.1.0: a good release with a new setting")
    began = time.monotonic()
    with screen.step("1.1.0 is uploaded and put on staging"):
        shop.set(GREETING="Willkommen")
        shop.stage("1.1.0", artifact)
    yield _staged(shop, traffic, began)

    candidate, asked = shop.now()["candidate"]["color"], time.monotonic()
    with screen.step("1.1.0 is promoted: 10 %, 50 %, 100 %, and watched"):
        shop.promote("1.1.0")
        until("1.1.0 has ended", lambda: shop.phase("1.1.0") in _ENDED, seconds=90)
    time.sleep(0.5)
    yield _canaried(traffic, weights, candidate, asked)
    yield _nothing_lost(shop, traffic, asked)


def _staged(shop: Shop, traffic: Traffic, began: float) -> Claim:
    seen = {url: {shop.about(url).version for _ in range(10)} for url in (shop.staging, shop.production)}
    served = {answer.release for answer in traffic.since(began)}
    held = seen == {shop.staging: {"1.1.0"}, shop.production: {"1.0.0"}} and served == {"1.0.0"}
    measured = f"10 looks each: staging {_listed(seen[shop.staging])}, production {_listed(seen[shop.production])}; customers meanwhile got {_listed(served)}"
    return Claim("staging serves the candidate while production serves the previous release", held, measured)


def _canaried(traffic: Traffic, weights: Weights, candidate: str, since: float) -> Claim:
    claim = "a 10 % canary gets about 10 % of the requests"
    stretch = weights.stretch(candidate, 10.0, since=since)
    if stretch is None:
        return Claim(claim, held=False, measured="the production rule never said 10 %")
    answers = [answer for answer in traffic.since(stretch[0] + _BLUR, stretch[1] - _BLUR) if answer.release]
    hits, all_of_them = sum(answer.release == "1.1.0" for answer in answers), len(answers)
    margin = 3.29 * math.sqrt(all_of_them * 0.1 * 0.9)
    within = f"{max(0, 0.1 * all_of_them - margin):.0f} to {0.1 * all_of_them + margin:.0f} would be chance (99.9 %)"
    measured = f"{hits} of {all_of_them} requests ({100 * hits / max(1, all_of_them):.1f} %) in {stretch[1] - stretch[0]:.1f} s; {within}"
    return Claim(claim, all_of_them >= 1000 and abs(hits - 0.1 * all_of_them) <= margin, measured)


def _nothing_lost(shop: Shop, traffic: Traffic, asked: float) -> Claim:
    answers = traffic.since(asked)
    bad, live = lost(answers), shop.now()["live"]["version"]
    measured = f"{len(bad)} of {len(answers)} requests from promotion to the end of the watch; phase {shop.phase('1.1.0')}, live is {live}{_first(bad)}"
    return Claim("a good promotion loses no request", not bad and live == "1.1.0" and shop.phase("1.1.0") == "completed", measured)


def _a_rollback(shop: Shop, traffic: Traffic, screen: Screen, original: Page) -> Claim:
    screen.act("Back to 1.0.0, by hand")
    before, asked = shop.about(shop.production), time.monotonic()
    with screen.step("a rollback is asked for"):
        id = shop.rollback()
        until("1.0.0 is live again", lambda: _is_whole(shop.now(), "1.0.0"), seconds=60)
        back = time.monotonic()
        until("the rollback has ended", lambda: shop.phase_of(id) in _ENDED, seconds=60)
    after, bad = shop.about(shop.production), lost(traffic.since(asked))
    exactly = after == original and before != original
    measured = (
        f"{before.version} {before.source[:8]} {before.settings['greeting']!r} -> {after.version} {after.source[:8]} {after.settings['greeting']!r}"
        f" (was {original.source[:8]} {original.settings['greeting']!r}), 100 % after {back - asked:.1f} s, {len(bad)} requests lost, phase {shop.phase_of(id)}"
    )
    return Claim("a manual rollback restores exactly the earlier code and config", exactly and shop.phase_of(id) == "completed", measured)


def _a_bad_release(shop: Shop, traffic: Traffic, weights: Weights, screen: Screen, artifact: bytes) -> Claim:
    screen.act("1.2.0: passes staging, and loses a connection with every customer")
    with screen.step("1.2.0 is uploaded and put on staging"):
        shop.stage("1.2.0", artifact)
    candidate, asked = shop.now()["candidate"]["color"], time.monotonic()
    with screen.step("1.2.0 is promoted; nobody watches but Turnout"):
        shop.promote("1.2.0")
        until("1.2.0 has ended", lambda: shop.phase("1.2.0") in _ENDED, seconds=120)
    time.sleep(0.5)
    return _put_back(shop, traffic.since(asked), weights, candidate)


def _put_back(shop: Shop, answers: list[Answer], weights: Weights, candidate: str) -> Claim:
    claim, phase, bad = "a bad release is rolled back by itself", shop.phase("1.2.0"), lost(answers)
    if not bad:
        return Claim(claim, held=False, measured=f"no customer got a bad answer; phase {phase}")
    first = min(answer.answered_at for answer in bad)
    back = weights.stretch(candidate, 0.0, since=first)
    if back is None:
        return Claim(claim, held=False, measured=f"{len(bad)} bad answers and the weights never came back; phase {phase}")
    late = [answer for answer in bad if answer.asked_at > back[0] + _BLUR]
    hurt, users = {answer.user for answer in bad}, {answer.user for answer in answers}
    measured = (
        f"{back[0] - first:.1f} s from the first bad answer to weights back; {len(bad)} of {len(answers)} requests were bad and"
        f" {len(hurt)} of {len(users)} users ({100 * len(hurt) / len(users):.0f} %) saw one, {len(late)} bad answers after that; phase {phase}: {_why(shop)}"
    )
    return Claim(claim, phase == "reverted" and shop.now()["live"]["version"] == "1.0.0" and not late, measured)


def _uploads_that_change_nothing(shop: Shop, screen: Screen, version: str, artifact: bytes) -> Claim:
    screen.act("The same zip again, and a broken one")
    before, rejected = shop.state(), len(shop.rejections())
    with screen.step(f"{version} is uploaded once more, 1.3.0 is cut off in the middle"):
        shop.upload(version, artifact)
        shop.upload("1.3.0", artifact[: len(artifact) // 2])
        until("the broken zip is rejected", lambda: len(shop.rejections()) > rejected, seconds=30)
        time.sleep(3)
    after, [newest, *_] = shop.state(), shop.rejections()
    changed = [name for name in before if before[name] != after[name]]
    held = not changed and len(shop.rejections()) == rejected + 1 and newest["version"] == "1.3.0" and bool(newest["reason"])
    measured = f"changed: {', '.join(changed) or 'nothing'}; 1 new rejection expected, {len(shop.rejections()) - rejected} made: {newest['reason']}"
    return Claim("a re-upload and a broken zip change nothing", held, measured)


def _is_whole(now: dict[str, Any], version: str) -> bool:
    live = now["live"]
    return bool(live and live["version"] == version and now["weights"]["observed"].get(live["color"]) == 100)


def _why(shop: Shop) -> str:
    return next((str(one["outcome"]) for one in shop.deployments() if one["version"] == "1.2.0"), "")


def _first(bad: list[Answer]) -> str:
    return f"; the first: {bad[0].path} {bad[0].status} {bad[0].error}" if bad else ""


def _listed(names: set[str] | set[str | None]) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "nothing"


def _shares(weights: Weights) -> str:
    latest = weights.latest()
    return " / ".join(f"{color} {share:g}" for color, share in sorted(latest.items()))
