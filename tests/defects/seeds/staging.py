"""Before the shift: what arrives, what it is put on, and what it has to show there."""

from tests.defects.defect import Defect

STAGING = "chalicelib/deployments/staging.py"
PERFORM = "chalicelib/deployments/perform.py"
INTAKE = "chalicelib/releases/intake.py"
STORY = "tests/stories/test_rollout.py::TestStaging"
PINS = "tests/stories/test_references.py"
UPLOADS = "tests/unit/releases/test_intake.py"

BEFORE_THE_SHIFT = (
    Defect(
        "no deadline before staged", "a build that never verifies stays for ever", STAGING,
        text="    if elapsed(deployment.step_since or deployment.phase_since, moved.service, seen.at) < deployment.plan.deadline:",
        instead="    if True:",
        caught_by=f"{STORY}::test_fails_when_it_is_not_healthy_within_its_deadline",
    ),
    Defect(
        "health of the release before counts", "the ALB's answer of the build before is taken for the new one's", STAGING,
        text="    return since + timedelta(seconds=service.site.health_delay_seconds) + pace.health_margin",
        instead="    return since + pace.health_margin",
        caught_by=f"{STORY}::test_health_counts_only_after_the_alb_can_no_longer_mean_what_stood_there_before",
    ),
    Defect(
        "staged without health", "a release is staged that no target runs well", STAGING,
        text="    if targets is None or targets.healthy == 0 or targets.healthy < targets.total:",
        instead="    if False:",
        caught_by=f"{STORY}::test_is_not_staged_while_its_target_is",
    ),
    Defect(
        "staged without a trial", "a release is staged that does not answer", STAGING,
        text="    if trial is None or trial.outcome is not Outcome.HEALTHY:",
        instead="    if False:",
        caught_by=f"{STORY}::test_is_not_staged_while_another_release_answers_there",
    ),
    Defect(
        "prepared onto traffic", "a build is put on a colour that serves", STAGING,
        text="    if not traffic.is_drained(moved.service, color, seen, pace):\n        return moved\n",
        instead="",
        caught_by=f"{STORY}::test_puts_nothing_on_a_colour_that_somebody_gave_traffic_meanwhile",
    ),
    Defect(
        "drain not awaited before reuse", "a colour is reused at once", STAGING,
        text="    if not traffic.is_drained(service, idle, seen, pace):",
        instead="    if False:",
        caught_by=f"{STORY}::test_waits_until_nothing_can_be_on_its_way_to_what_stood_there_before",
    ),
    Defect(
        "a first release step by step", "nine of ten requests go to a colour with nothing on it", STAGING,
        text="    alone = moved.service.live is None or ",
        instead="    alone = ",
        caught_by="tests/stories/test_rollout.py::TestFirstRelease::test_is_shifted_at_once_whatever_the_plan",
    ),
    Defect(
        "config left behind", "a release runs with the settings of another config version", PERFORM,
        text="config.environment(repinned) if config else Environment()",
        instead="Environment()",
        caught_by="tests/stories/test_rollback.py::TestAfterwards::test_restores_the_config_with_the_code",
    ),
    Defect(
        "reference not pinned", "a config means whatever the secret says later", "chalicelib/config/service.py",
        text="                    pinned[name] = self._index.pinned(value)",
        instead="                    pinned[name] = value",
        caught_by="tests/unit/config/test_service.py::TestReferences::test_are_pinned_to_the_version_that_is_current",
    ),
    Defect(
        "lost reference used all the same", "an application starts without its secret", "chalicelib/deployments/pinning.py",
        text="    decided = moved.progress(repinned=replaced(seen.pins))",
        instead="    decided = moved.progress(repinned={})",
        caught_by=f"{PINS}::TestAPinnedVersionThatLostItsLabel::test_is_replaced_by_the_current_one_and_the_timeline_says_so",
    ),
    Defect(
        "a silent store stops a rollback", "nobody gets back while Secrets Manager does not answer", "chalicelib/deployments/pinning.py",
        text="    if unknown and moved.deployment.kind is Kind.ROLLOUT:",
        instead="    if unknown:",
        caught_by=f"{PINS}::TestASecretThatCannotBeLookedAt::test_does_not_hold_a_rollback",
    ),
    Defect(
        "intake mark forgotten", "an upload that is delivered twice is taken in twice", INTAKE,
        text="        if known.mark:\n            return None\n",
        instead="",
        caught_by=f"{UPLOADS}::TestDuplicates::test_three_deliveries_are_one_release",
    ),
    Defect(
        "intake mark apart", "a release is recorded, and the next event takes its upload in once more", INTAKE,
        text='quietly=(self._mark(candidate, "release", admission.marking), *admission.quietly(release)),',
        instead="quietly=admission.quietly(release),",
        caught_by=f"{UPLOADS}::TestReconciling::test_finds_nothing_a_second_time",
    ),
    Defect(
        "another digest under the same version", "what was promoted is not what was tested", INTAKE,
        text="        return known.release if known.release.digest == digest else _reuse(known.release, digest)",
        instead="        return known.release",
        caught_by=f"{UPLOADS}::TestRejection::test_of_another_digest_names_both",
    ),
    Defect(
        "the last event wins", "an older upload that is heard of later is deployed over a newer one", "chalicelib/deployments/commands/starting.py",
        text="    return published >= oldest.replace(microsecond=0)",
        instead="    return True",
        caught_by="tests/stories/test_order.py::TestOrderOfPublication::test_an_older_artifact_heard_of_later_is_registered_and_not_deployed",
    ),
)
