"""The groups of the embedded AWS, the instances moto makes for them, and their places in target groups."""

import sys
from typing import Any

from turnout.local.instances.model import Lifecycle, Template, launched_with

_RUNNING = "running"


class Groups:
    """Those of one account and region. What moto raises goes through."""

    def __init__(self, *, region: str, account: str) -> None:
        self._region, self._account = region, account

    def all(self) -> list[Any]:
        """None as long as nobody has imported moto's part for them: the data plane would stand still while it did."""
        backends = getattr(sys.modules.get("moto.autoscaling.models"), "autoscaling_backends", None)
        return list(backends[self._account][self._region].autoscaling_groups.values()) if backends else []

    def launch(self, group: Any) -> Any:
        """A new instance of moto's, Pending; the state that the group has for it."""
        group.replace_autoscaling_group_instances(1, group.get_propagated_tags())
        return group.instance_states[-1]

    def user_data(self, template: Template) -> str:
        version = self._ec2().get_launch_template(template.id).get_version(template.version)
        return version.user_data.decode() if version.user_data else ""

    def is_running(self, state: Any) -> bool:
        """Whether EC2 still has it running: it may have been stopped or terminated there."""
        return bool(self._ec2().get_instance(state.instance_id).state == _RUNNING)

    def forget(self, group: Any | None, instance: str) -> None:
        """It is terminated."""
        if group is not None:
            group.instance_states = [state for state in group.instance_states if state.instance_id != instance]
        if self._ec2().get_instance(instance).state != "terminated":
            self._ec2().terminate_instances([instance])

    def register(self, arn: str, instance: str) -> None:
        if arn in self._elb().target_groups:
            self._elb().register_targets(arn, [{"Id": instance}])

    def deregister(self, arn: str, instance: str) -> float:
        """The seconds it may take to drain."""
        group = self._elb().target_groups.get(arn)
        if group is None:
            return 0.0
        self._elb().deregister_targets(arn, [{"Id": instance}])
        return float(group.attributes.get("deregistration_delay.timeout_seconds") or 0)

    def _ec2(self) -> Any:
        from moto.ec2.models import ec2_backends

        return ec2_backends[self._account][self._region]

    def _elb(self) -> Any:
        from moto.elbv2.models import elbv2_backends

        return elbv2_backends[self._account][self._region]


def is_there(state: Any) -> bool:
    """Counts towards the desired capacity."""
    return state.lifecycle_state in {Lifecycle.PENDING, Lifecycle.IN_SERVICE}


def version_of(state: Any) -> int:
    template = launched_with(state)
    return template.version if template else 0
