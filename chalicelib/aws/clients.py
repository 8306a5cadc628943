"""AWS clients, made on first use and once per process.

Every client says how long it waits and how often it tries, because botocore's
defaults (a minute, silently five times) outlast a Lambda and repeat a weight
write long after its record. Region, credentials and endpoints come from the
environment alone. boto3 is imported by the first client, not by this module.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config

# Seconds to connect, seconds to read, attempts in all.
_WRITE_WEIGHTS = (1, 2, 1)  # 3 s and one attempt: retrying is the next pass's work
_LOOK = (0.5, 1.5, 1)
_PATIENT = (1, 5, 3)
_FENCED = (1, 5, 1)  # one attempt: what was ours to do when it was asked may not be when it is tried again
_HOOK = (1, 9, 1)  # whoever is asked has ten seconds; asking again is a later pass's work
_SLOW = (1, 20, 2)  # Lambda fetches the code while it is asked to take it
_BULK = (2, 30, 4)  # objects of some megabytes


class Clients:
    """One client per service and patience. Safe to share between threads."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, tuple[float, float, int]], Any] = {}
        self._session: boto3.Session | None = None
        # Neither sessions nor the making of clients are thread-safe; the clients are.
        self._lock = Lock()

    @property
    def weights(self) -> Any:
        """ELB for writing weights: one attempt, 3 s."""
        return self._get("elbv2", _WRITE_WEIGHTS)

    @property
    def look(self) -> Any:
        """ELB for what stands between a decision and a weight: one attempt, 2 s."""
        return self._get("elbv2", _LOOK)

    @property
    def elbv2(self) -> Any:
        """ELB for everything that may take its time."""
        return self._get("elbv2", _PATIENT)

    @property
    def lambda_(self) -> Any:
        """Lambda for putting builds on colours."""
        return self._get("lambda", _SLOW)

    @property
    def lambda_look(self) -> Any:
        """Lambda for what a pass looks at: one attempt, 2 s."""
        return self._get("lambda", _LOOK)

    @property
    def hooks(self) -> Any:
        """Lambda for a team's hooks: one attempt, 10 s."""
        return self._get("lambda", _HOOK)

    @property
    def cloudwatch(self) -> Any:
        return self._get("cloudwatch", _LOOK)

    @property
    def sqs(self) -> Any:
        return self._get("sqs", _PATIENT)

    @property
    def switches(self) -> Any:
        """Systems Manager for a cutover's read-only switch: one attempt, 2 s. The next look repeats it, and no revert waits for it."""
        return self._get("ssm", _LOOK)

    @property
    def ssm(self) -> Any:
        """SSM for the versions of parameters: one attempt, 2 s, for a rollback may wait for it."""
        return self._get("ssm", _LOOK)

    @property
    def secretsmanager(self) -> Any:
        """Secrets Manager for the versions of secrets: one attempt, 2 s, for a rollback may wait for it."""
        return self._get("secretsmanager", _LOOK)

    @property
    def autoscaling(self) -> Any:
        """EC2 Auto Scaling for changing groups: one attempt, 6 s."""
        return self._get("autoscaling", _FENCED)

    @property
    def autoscaling_look(self) -> Any:
        """EC2 Auto Scaling for what a pass looks at: one attempt, 2 s."""
        return self._get("autoscaling", _LOOK)

    @property
    def ec2(self) -> Any:
        """EC2 for making versions of launch templates, which are told apart by a token."""
        return self._get("ec2", _PATIENT)

    @property
    def ec2_look(self) -> Any:
        """EC2 for what a pass looks at: one attempt, 2 s."""
        return self._get("ec2", _LOOK)

    @property
    def ecr(self) -> Any:
        return self._get("ecr", _PATIENT)

    @property
    def ecr_look(self) -> Any:
        """ECR for what somebody waits to be shown: one attempt, 2 s."""
        return self._get("ecr", _LOOK)

    @property
    def ecs(self) -> Any:
        """ECS for registering task definitions, which shows nothing to anybody yet."""
        return self._get("ecs", _PATIENT)

    @property
    def ecs_look(self) -> Any:
        """ECS for what a pass looks at: one attempt, 2 s."""
        return self._get("ecs", _LOOK)

    @property
    def ecs_update(self) -> Any:
        """ECS for what changes a service: one attempt, 3 s. Repeating is the next pass's work, which asks again who is in charge."""
        return self._get("ecs", _WRITE_WEIGHTS)

    @property
    def application_autoscaling(self) -> Any:
        return self._get("application-autoscaling", _PATIENT)

    @property
    def application_autoscaling_look(self) -> Any:
        """Application Auto Scaling for what a pass looks at: one attempt, 2 s."""
        return self._get("application-autoscaling", _LOOK)

    @property
    def s3_look(self) -> Any:
        """S3 for what somebody waits to be shown: one attempt, 2 s."""
        return self._get("s3", _LOOK)

    @property
    def s3(self) -> Any:
        return self._get("s3", _BULK)

    def _get(self, service: str, patience: tuple[float, float, int]) -> Any:
        key = (service, patience)
        if key not in self._made:
            with self._lock:
                if key not in self._made:
                    self._made[key] = self._make(service, patience)
        return self._made[key]

    def _make(self, service: str, patience: tuple[float, float, int]) -> Any:
        import boto3

        self._session = self._session or boto3.Session()
        make: Any = self._session.client  # overloaded by service name, which is a variable here
        return make(service, config=_config(*patience))


def _config(connect: float, read: float, attempts: int) -> Config:
    from botocore.config import Config

    retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
    # A pass may look at many services side by side.
    return Config(connect_timeout=connect, read_timeout=read, retries=retries, max_pool_connections=32)
