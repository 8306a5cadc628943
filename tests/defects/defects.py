"""Small defects, each of which the quick tests must catch: what is broken, in which file, and what stands there instead."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """`breaks` says what it breaks; `instead` takes the place of `text`, which is in `file` exactly once."""

    name: str
    breaks: str
    file: str
    text: str
    instead: str


DEPLOYMENTS = "chalicelib/deployments"

DEFECTS = (
    Defect(
        "health not checked before a step", "weight is raised onto a group without a healthy target", f"{DEPLOYMENTS}/traffic.py",
        "        if split.share(color) > seen.split.share(color) and not healthy(seen, color):", "        if False:",
    ),
    Defect(
        "goes back onto the dead", "a revert raises the weight of a group the last look found dead", f"{DEPLOYMENTS}/traffic.py",
        "    if _known_dead(seen, color):", "    if False:",
    ),
    Defect(
        "silence is death", "a revert waits because health cannot be read", f"{DEPLOYMENTS}/traffic.py",
        "    if _known_dead(seen, color):", "    if not healthy(seen, color):",
    ),
    Defect("drift not noticed", "weights somebody else set are taken for ours", f"{DEPLOYMENTS}/traffic.py", "    if split is None or split not in moved.service.expected:", "    if split is None:"),
    Defect("drift ignored", "the candidate is raised on a rule that drifted", f"{DEPLOYMENTS}/traffic.py", '    if service.drift:\n        return moved.wait("the production rule holds', '    if False:\n        return moved.wait("the production rule holds'),
    Defect("drain skipped", "a colour is reused while requests are on their way to it", f"{DEPLOYMENTS}/traffic.py", "    return seen.at - since >= lasting", "    return True"),
    Defect("stickiness not switched off", "cookies hold visitors on what was rolled back", f"{DEPLOYMENTS}/traffic.py", "unstick=seen.rules is None or seen.sticky_seconds > 0", "unstick=False"),
    Defect(
        "asked for every pass", "the weights are written again before they could be seen", f"{DEPLOYMENTS}/traffic.py",
        "    if on_its_way:", "    if False:",
    ),
    Defect("live without a read-back", "what was asked for counts as live before the balancer shows it", f"{DEPLOYMENTS}/traffic.py", "    if seen.rules is None:\n        return moved\n    split = seen.split\n", "    split = moved.service.desired\n"),
    Defect("read-back skipped", "a step is held that the balancer never showed", f"{DEPLOYMENTS}/shifting.py", "    if seen.split != wanted or len(moved.service.expected) > 1:", "    if not deployment.moved:"),
    Defect("bad verdict ignored in a step", "a bad release is not turned back", f"{DEPLOYMENTS}/shifting.py", "    if deployment.moved and (bad := _bad(seen)):", "    if deployment.moved and (bad := None):"),
    Defect("what stands there is not looked at", "another digest than the one that passed gets traffic", f"{DEPLOYMENTS}/shifting.py", "    if seen.standing is None or not seen.standing.holds(deployment.build):", "    if False:"),
    Defect("pause does not stop a step", "the next weight is raised in a pause", f"{DEPLOYMENTS}/shifting.py", "    if service.paused:\n", "    if False:\n"),
    Defect("clock not stopped by a pause", "a hold passes while the service is paused", f"{DEPLOYMENTS}/clocks.py", "    until = min(now, service.paused.at) if service.paused else now", "    until = now"),
    Defect("clocks not moved on by a pause", "the time of the pause counts as hold and watch", f"{DEPLOYMENTS}/clocks.py", "        return moment + (now - max(moment, pause_began)) if moment else None", "        return moment"),
    Defect("too few targets for the whole traffic", "a candidate with one target takes what three served", f"{DEPLOYMENTS}/shifting.py", "    if wanted.share(color) == WHOLE and not _is_large_enough(service, color, seen):", "    if False:"),
    Defect("settle skipped before completed", "success is told before the weights were read back for the last time", f"{DEPLOYMENTS}/shifting.py", "    settled = seen.at - (deployment.step_since or deployment.phase_since) >= pace.settle", "    settled = True"),
    Defect("no deadline for a step", "a step that cannot be judged goes on for ever", f"{DEPLOYMENTS}/shifting.py", "    if elapsed(deployment.step_since or deployment.phase_since, moved.service, now) < (bound or deployment.plan.deadline):", "    if True:"),
    Defect("no deadline before staged", "a build that never verifies stays for ever", f"{DEPLOYMENTS}/staging.py", "    if elapsed(deployment.step_since or deployment.phase_since, moved.service, seen.at) < deployment.plan.deadline:", "    if True:"),
    Defect("watch skipped", "a release is certified at once", f"{DEPLOYMENTS}/shifting.py", "    if moved.service.paused or watched < deployment.plan.watch:", "    if False:"),
    Defect("no extension of the watch", "a watch without a clear answer is over at once", f"{DEPLOYMENTS}/shifting.py", "    if deployment.extensions == 0:\n", "    if False:\n"),
    Defect("health of the release before counts", "the ALB's answer of the build before is taken for the new one's", f"{DEPLOYMENTS}/staging.py", "    if seen.at < health_counts_from(moved.service, deployment, pace):", "    if False:"),
    Defect("staged without health", "a release is staged that no target runs well", f"{DEPLOYMENTS}/staging.py", "    if targets is None or targets.healthy == 0 or targets.healthy < targets.total:", "    if False:"),
    Defect("staged without a trial", "a release is staged that does not answer", f"{DEPLOYMENTS}/staging.py", "    if trial is None or trial.outcome is not Outcome.HEALTHY:", "    if False:"),
    Defect("prepared onto traffic", "a build is put on a colour that serves", f"{DEPLOYMENTS}/staging.py", "    if seen.split is None or seen.split.share(color) > 0:\n        return moved\n", ""),
    Defect("drain not awaited before reuse", "a colour is reused at once", f"{DEPLOYMENTS}/staging.py", "    if not traffic.is_drained(service, idle, seen, pace):", "    if False:"),
    Defect("quarantine forgotten", "what was rolled back comes back with the next push", f"{DEPLOYMENTS}/reverting.py", "    judged = moved.quarantine(deployment.build, deployment.id, seen.at).tell", "    judged = moved.tell"),
    Defect("a bad rollback goes back and forth", "a rollback moves by itself a second time", f"{DEPLOYMENTS}/reverting.py", "    if deployment.kind is Kind.ROLLBACK:", "    if False:"),
    Defect("reverted without a read-back", "a revert is reported that did not happen", f"{DEPLOYMENTS}/reverting.py", "    if seen.split != Split.all_on(color) or len(moved.service.expected) > 1:", "    if not deployment.asked_at:"),
    Defect("automatic not suspended", "the next push goes live by itself after a rollback", f"{DEPLOYMENTS}/reverting.py", "    return moved.having(automatic_suspended=True).enter(", "    return moved.enter("),
    Defect("acted on before it was recorded", "a worker that lost its race writes weights all the same", f"{DEPLOYMENTS}/passes.py", "        except Stale:\n            return Next.SOON\n        led_to", "        except Stale:\n            service = moved.service\n        led_to"),
    Defect("stale swallowed", "a lost race counts as won", "chalicelib/ledger/memory.py", "            if lost:\n                raise Stale(tuple(keys.ref_of(put.document) for put in lost))\n", "            if lost:\n                return\n"),
    Defect("condition dropped", "a record is written over whatever is there", "chalicelib/services/recording.py", "Put(written, before.revision, before.epoch) if before", "Put(written, Expect.ANY) if before"),
    Defect("epoch dropped", "another deployment takes charge in the same epoch", f"{DEPLOYMENTS}/machine.py", ", waiting=tuple(rest), epoch=moved.service.epoch + 1)", ", waiting=tuple(rest))"),
    Defect("audit patch missing", "the chain does not replay to the state", "chalicelib/services/recording.py", "    patch = patch_between(_documents(before, (), ()), _documents(after, ended, also))", "    patch = patch_between(_documents(before, (), ()), _documents(after, (), also))"),
    Defect("audit entry not written", "a change is in no chain", "chalicelib/services/recording.py", ", Put(entry, Expect.NEW)]", "]"),
    Defect("idempotency key not in the transaction", "a request that is sent again is obeyed again", f"{DEPLOYMENTS}/service.py", "also=also, quietly=once)", "also=also)"),
    Defect("too late is done all the same", "weights are written long after their record", f"{DEPLOYMENTS}/perform.py", "self.clock.monotonic() - since > self.pace.act_within.total_seconds() or ", ""),
    Defect("zero omitted", "a group without weight is left out of the rule, and the ALB stops checking it", "chalicelib/traffic/memory.py", "after = Forward({traffic.target_groups.of(color): weight_by_color[color] for color in Color},", "after = Forward({traffic.target_groups.of(color): weight_by_color[color] for color in Color if weight_by_color[color]},"),
    Defect("abort touches production", "an abort before the shift turns back what never went", f"{DEPLOYMENTS}/commands/going_back.py", "    if deployment.phase.is_before_shift or (deployment.previous is None and not deployment.moved):", "    if deployment.previous is None and not deployment.moved:"),
    Defect("supersede forgotten", "a newer release waits behind one that nobody promoted", f"{DEPLOYMENTS}/commands/starting.py", "    if gives_way:\n", "    if False:\n"),
    Defect("intake mark forgotten", "an upload that is delivered twice is taken in twice", "chalicelib/releases/intake.py", "        if known.mark:\n            return None\n", ""),
    Defect("config left behind", "a release runs with the settings of another config version", f"{DEPLOYMENTS}/perform.py", "config.environment(repinned) if config else {}", "{}"),
    Defect("rollback waits for its steps", "a rollback goes up step by step", f"{DEPLOYMENTS}/staging.py", "    alone = moved.service.live is None or deployment.kind is Kind.ROLLBACK", "    alone = moved.service.live is None"),
)
