"""boto3 clients that give up soon, for several threads, and that remember what AWS refused to let them read."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from turnout.cli.aws import local_stack
from turnout.cli.context import Context
from turnout.cli.doctor.troubles import DENIED, unless
from turnout.cli.exits import Failure

_ACTIONS = {"monitoring": "cloudwatch"}
"""Where policies name a service otherwise than signatures do."""


@dataclass
class Clients:
    """`region` is what the user has set; None: nothing. `home` is where the services are, and counts where nothing is set."""

    region: str | None
    endpoint_url: str | None = None
    credentials: dict[str, str] = field(default_factory=dict)
    home: str | None = None
    denied: set[str] = field(default_factory=set)
    has_answered: bool = False
    _made: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _session: Any = None

    @classmethod
    def of(cls, context: Context, region: str | None) -> "Clients":
        """The embedded AWS takes any credentials, so those of a person are not asked for."""
        endpoint, named = context.environ.get("AWS_ENDPOINT_URL"), region or context.environ.get("AWS_REGION") or context.environ.get("AWS_DEFAULT_REGION")
        try:
            local = local_stack(context)
        except Failure:  # which the check of the server tells
            local = None
        if local:
            return cls(region or local.region, endpoint or local.aws_endpoint_url, {"aws_access_key_id": "local", "aws_secret_access_key": "local"})
        return cls(named or _configured_region(), endpoint)

    def __call__(self, service: str, region: str | None = None) -> Any:
        where = region or self.region or self.home
        with self._lock:  # making clients of one session is not for several threads
            if (service, where) not in self._made:
                self._made[service, where] = self._client(service, where)
            return self._made[service, where]

    def _client(self, service: str, region: str | None) -> Any:
        from botocore.config import Config

        self._session = self._session or _session()
        config = Config(connect_timeout=3, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 2}, account_id_endpoint_mode="disabled")
        made = self._session.client(service, region_name=region, endpoint_url=self.endpoint_url, config=config, **self.credentials)
        made.meta.events.register("after-call", self._note)
        return made

    def _note(self, *, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.has_answered = True
        if parsed.get("Error", {}).get("Code") in DENIED:
            signed = model.service_model.signing_name
            self.denied.add(f"{_ACTIONS.get(signed, signed)}:{model.name}")


def _configured_region() -> str | None:
    """None also where the configuration is broken, which every client will say."""
    from botocore.exceptions import BotoCoreError

    try:
        region: str | None = _session().region_name
    except BotoCoreError:
        return None
    return region


def _session() -> Any:
    import boto3

    return boto3.Session()


def found(ask: Callable[..., Any], *absent: str, **of: Any) -> Any:
    """The answer; None where AWS answers one of these codes, by which it says that there is none."""
    from botocore.exceptions import ClientError

    try:
        return ask(**of)
    except ClientError as error:
        unless(error, *absent)
        return None
