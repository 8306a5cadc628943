"""The edges: what AWS, a team's hook and a caller are believed."""

from tests.defects.defect import Defect

LAMBDA = "chalicelib/runtimes/lambda_/runtime.py"
RUNTIME = "tests/contract/test_runtime.py"

EDGES = (
    Defect(
        "digest of the function not looked at", "an object that was replaced after its gates runs in production", LAMBDA,
        text="        if not reached and hex_digest(updated) != build.digest:",
        instead="        if False:",
        caught_by=f"{RUNTIME}::TestLambda::test_an_object_that_is_not_what_was_gated_never_stands",
    ),
    Defect(
        "fence not asked at Lambda", "an alias is moved for a deployment that is not in charge any more", LAMBDA,
        text="            if not still_ours():",
        instead="            if False:",
        caught_by=f"{RUNTIME}::TestPreparing::test_leaves_the_colour_alone_once_another_deployment_took_over",
    ),
    Defect(
        "one public address is enough", "a hook's URL leads into the account's own network", "chalicelib/hooks/https.py",
        text="not all(is_public(address) for address in addresses)",
        instead="not any(is_public(address) for address in addresses)",
        caught_by="tests/contract/test_hooks.py::TestByHttps::test_reaches_nothing_but_public_addresses",
    ),
    Defect(
        "permission not asked for", "any token may do anything to any service", "chalicelib/api/routes.py",
        text='        permit(caller_of(request.context), endpoint.action, params.get("service"))',
        instead="        caller_of(request.context)",
        caught_by="tests/unit/api/test_routes.py::TestTheOrder::test_403_goes_before_404",
    ),
    Defect(
        "another body under a used key", "a second request is answered as done that was never done", "chalicelib/api/once.py",
        text="    if kept.body_sha256 != parsing.fingerprint(call.values):",
        instead="    if False:",
        caught_by="tests/unit/api/test_once.py::TestARepeat::test_with_another_body_is_422",
    ),
)
