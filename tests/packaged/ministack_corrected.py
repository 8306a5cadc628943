"""Start ministack, put right where it would keep Turnout from running at all. Runs in the emulator's own environment (`make packaged`).

In five things ministack 1.5.33 is other than AWS, and Turnout could not go on:

- Actions lose their `ForwardConfig`, in the API and in CloudFormation: its rules
  forward to one target group, so no service of two colours could be registered.
- It asks policies for `sqs:SendMessageBatch`, which is no action; SQS asks for `sqs:SendMessage`.
- It asks them for `lambda:ListAliases` where one alias is read or moved; Lambda asks for what the operation is called.
- It leaves out `lambda:Principal`, on which a statement for `lambda:AddPermission` may have a condition.
- It does not know which listener rule a call is about, so that only a statement for `*` would allow it.

Nothing else is touched. tests/packaged/test_corrections.py shows that each is still needed.
"""

import json
import os
import random
import signal
import sys
import threading

from ministack import app
from ministack.core import iam_actions
from ministack.services import alb
from ministack.services.cloudformation import provisioners

_parse_actions, _action_xml, _execute_action = alb._parse_actions, alb._action_xml, alb._execute_action
_template_actions, _extract_iam_action = provisioners._elbv2_listener_actions, iam_actions.extract_iam_action
_request_tag_context, _extract_resource_arn = iam_actions.request_tag_context, iam_actions.extract_resource_arn


def parse_actions(params, prefix="DefaultActions"):
    actions = _parse_actions(params, prefix)
    return [action | asked(params, f"{prefix}.member.{number}.ForwardConfig.TargetGroups.member") for number, action in enumerate(actions, 1)]


def asked(params, prefix):
    groups = []
    while arn := alb._p(params, f"{prefix}.{len(groups) + 1}.TargetGroupArn"):
        groups.append({"TargetGroupArn": arn, "Weight": int(alb._p(params, f"{prefix}.{len(groups) + 1}.Weight", "1"))})
    return {"ForwardConfig": {"TargetGroups": groups}} if groups else {}


def template_actions(props, lb_arn, prop="DefaultActions"):
    declared = [action for action in props.get(prop) or [] if isinstance(action, dict)]
    kept = [{"ForwardConfig": action["ForwardConfig"]} if "ForwardConfig" in action else {} for action in declared]
    return [action | more for action, more in zip(_template_actions(props, lb_arn, prop), kept, strict=True)]


def action_xml(action):
    groups = "".join(
        f"<member><TargetGroupArn>{group['TargetGroupArn']}</TargetGroupArn><Weight>{group.get('Weight', 1)}</Weight></member>" for group in groups_of(action)
    )
    told = f"<ForwardConfig><TargetGroups>{groups}</TargetGroups></ForwardConfig>" if groups else ""
    return _action_xml(action).removesuffix("</member>") + told + "</member>"


async def execute_action(action, *args):
    if groups := groups_of(action):
        [chosen] = random.choices(groups, [int(group.get("Weight", 1)) for group in groups])
        action = {**action, "TargetGroupArn": chosen["TargetGroupArn"]}
    return await _execute_action(action, *args)


def groups_of(action):
    return action.get("ForwardConfig", {}).get("TargetGroups", [])


def extract_iam_action(service, method, path, *request):
    if service == "lambda" and (operation := iam_actions._match_rest_action(service, method, path, request[-1])):
        return f"lambda:{'InvokeFunction' if operation == 'Invoke' else operation}"
    action = _extract_iam_action(service, method, path, *request)
    return action.removesuffix("Batch") if service == "sqs" and action else action


def request_context(service, iam_action, body, params):
    more = {"lambda:Principal": json.loads(body)["Principal"]} if iam_action == "lambda:AddPermission" else {}
    return _request_tag_context(service, iam_action, body, params) | more


def extract_resource_arn(service, *request):
    query_params = request[4]
    rule = iam_actions._query_param(query_params, "RuleArn") if service == "elasticloadbalancing" else ""
    return rule or _extract_resource_arn(service, *request)


alb._parse_actions, alb._action_xml, alb._execute_action = parse_actions, action_xml, execute_action
provisioners._elbv2_listener_actions, iam_actions.extract_iam_action = template_actions, extract_iam_action
iam_actions.request_tag_context, iam_actions.extract_resource_arn = request_context, extract_resource_arn
iam_actions._BOTOCORE_SERVICE_MAP["lambda"] = ["lambda"]  # the routes by which it names the operations of other services


def end_with_the_tests():
    """Whoever started this holds the other end of its input: when that is gone, so are this and the workers of its functions."""
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_tests, daemon=True).start()
    app.main()
