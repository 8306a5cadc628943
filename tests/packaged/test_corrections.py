"""What `ministack_corrected.py` puts right is still wrong: a correction that is needed no more is to go."""

import json
import subprocess
from pathlib import Path
from typing import Any

_CORRECTED = Path(__file__).with_name("ministack_corrected.py")
_ASKED = """
import json, runpy, sys
if len(sys.argv) > 1:
    runpy.run_path(sys.argv[1])
from ministack.core import iam_actions
from ministack.services import alb
from ministack.services.cloudformation import provisioners
sent = {f"Actions.member.1.{name}": [value] for name, value in {
    "Type": "forward", "ForwardConfig.TargetGroups.member.1.TargetGroupArn": "a", "ForwardConfig.TargetGroups.member.1.Weight": "7",
    "ForwardConfig.TargetGroups.member.2.TargetGroupArn": "b", "ForwardConfig.TargetGroups.member.2.Weight": "0"}.items()}
declared = {"Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "a", "Weight": 7}, {"TargetGroupArn": "b", "Weight": 0}]}}]}
json_1 = {"x-amz-target": "AmazonSQS.SendMessageBatch"}
alias, rule = "/2015-03-31/functions/web/aliases/green", {"Action": ["ModifyRule"], "RuleArn": ["arn:rule"]}
print(json.dumps({
    "weights": alb._action_xml(alb._parse_actions(sent, "Actions")[0]).count("<Weight>"),
    "declared weights": alb._action_xml(provisioners._elbv2_listener_actions(declared, None, "Actions")[0]).count("<Weight>"),
    "batch": iam_actions.extract_iam_action("sqs", "POST", "/", json_1, b"{}", {}),
    "alias": [iam_actions.extract_iam_action("lambda", method, alias, {}, b"", {}) for method in ("GET", "PUT")],
    "principal": list(iam_actions.request_tag_context("lambda", "lambda:AddPermission", b'{"Principal": "p"}', {}).values()),
    "rule": iam_actions.extract_resource_arn("elasticloadbalancing", "POST", "/", {}, b"", rule, "eu-west-1", "123456789012"),
}))
"""


class TestCorrections:
    def test_what_aws_is_known_to_do_is_done(self, python: Path):
        assert asked(python, str(_CORRECTED)) == {
            "weights": 2, "declared weights": 2, "batch": "sqs:SendMessage",
            "alias": ["lambda:GetAlias", "lambda:UpdateAlias"], "principal": ["p"], "rule": "arn:rule",
        }  # fmt: skip

    def test_nothing_of_it_is_done_without(self, python: Path):
        assert asked(python) == {
            "weights": 0, "declared weights": 0, "batch": "sqs:SendMessageBatch",
            "alias": ["lambda:ListAliases", "lambda:ListAliases"], "principal": [], "rule": "*",
        }  # fmt: skip


def asked(python: Path, *corrections: str) -> Any:
    done = subprocess.run((str(python), "-B", "-c", _ASKED, *corrections), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
