"""Zips as honest and dishonest people make them, and a control plane's corner that takes them in."""

import io
import struct
import warnings
import zipfile
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

from chalicelib.access.model import Caller, Role
from chalicelib.clock import ManualClock
from chalicelib.config.memory import MemorySecretIndex
from chalicelib.config.service import Configs
from chalicelib.errors import Unavailable
from chalicelib.health.memory import MemoryAlarms, MemoryTargetHealth
from chalicelib.hooks.memory import MemoryHooks
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change
from chalicelib.releases.intake import Intaking
from chalicelib.releases.memory import MemoryImages, MemoryObjects
from chalicelib.releases.objects import Fetched
from chalicelib.releases.pushes import Pushes
from chalicelib.releases.service import Releases
from chalicelib.releases.sources import Sources
from chalicelib.releases.uploads import Uploads
from chalicelib.runtimes.memory import MemoryRuntime
from chalicelib.services.definition import Definition
from chalicelib.services.service import Services
from chalicelib.traffic.memory import MemoryRouter

BUCKET = "artifacts"
ADMIN = Caller("ada", Role.ADMIN)
_ELB = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"


def a_zip(files: dict[str, bytes] | None = None, *, compress: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    """A sound zip of these files, always the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compress) as archive:
        for name, content in (files or {"app.py": b"def handler(event, context): return {}\n"}).items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content, compress)
        archive.comment = comment
    return target.getvalue()


def a_zip_of(*entries: zipfile.ZipInfo, content: bytes = b"content") -> bytes:
    """A zip of just these entries, whatever they claim to be."""
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w") as archive:
        warnings.simplefilter("ignore")  # zipfile warns of names that come twice, and writes them
        for entry in entries:
            archive.writestr(entry, content)
    return target.getvalue()


def an_entry(name: str = "app.py", *, mode: int = 0, at: tuple[int, int, int, int, int, int] = (2026, 1, 1, 0, 0, 0)) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("placeholder", at)
    entry.filename = name
    entry.external_attr = mode << 16
    return entry


def patched(archive: bytes, *, local: tuple[int, str, int] | None = None, central: tuple[int, str, int] | None = None) -> bytes:
    """The archive with a number of its first local and its first central header written over: (offset, struct format, value)."""
    data = bytearray(archive)
    for mark, patch in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        if patch:
            offset, form, value = patch
            struct.pack_into(form, data, data.index(mark) + offset, value)
    return bytes(data)


def both_headers(archive: bytes, field_at: int, form: str, value: int) -> bytes:
    """The same number in the first entry's local and central header; most fields lie two bytes further in the central one."""
    return patched(archive, local=(field_at, form, value), central=(field_at + 2, form, value))


def a_definition(name: str = "web", **fields: Any) -> Definition:
    return Definition.model_validate({"name": name, "runtime": {"kind": "lambda", "function": name}, "traffic": a_traffic(name), **fields})


def an_ecs_definition(name: str = "web", **source: Any) -> Definition:
    """Of a service that takes images: from the repository of its name, unless `source` says another."""
    services = {color: f"{name}-{color}" for color in ("blue", "green")}
    runtime = {"kind": "ecs", "cluster": "turnout", "services": services}
    return a_definition(name, runtime=runtime, source={"ecr": name} | source)


def a_traffic(name: str = "web") -> dict[str, Any]:
    return {
        "production_rule": f"{_ELB}:listener-rule/app/lb/1/2/{name}-production",
        "staging_rule": f"{_ELB}:listener-rule/app/lb/1/2/{name}-staging",
        "target_groups": {"blue": f"{_ELB}:targetgroup/{name}-blue/1", "green": f"{_ELB}:targetgroup/{name}-green/1"},
        "load_balancer": f"{_ELB}:loadbalancer/app/lb/1",
    }


class CountingLedger(MemoryLedger):
    """Counts calls, and lets somebody else act just before a commit."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.before_commit: list[Any] = []

    def find(self, ref: Any) -> Any:
        self.calls.append("find")
        return super().find(ref)

    def find_many(self, refs: Any) -> Any:
        self.calls.append("find_many")
        return tuple(MemoryLedger.find(self, ref) for ref in refs)

    def list(self, listing: Any, *, limit: int, cursor: str | None = None) -> Any:
        """One call, however this ledger does it."""
        made = [*self.calls, "list"]
        page = super().list(listing, limit=limit, cursor=cursor)
        self.calls[:] = made
        return page

    def commit(self, change: Change) -> None:
        self.calls.append("commit")
        if self.before_commit:
            self.before_commit.pop(0)()
        super().commit(change)


class CountingObjects(MemoryObjects):
    """Counts downloads."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.fetched = 0

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Fetched:
        self.fetched += 1
        return super().fetch(bucket, key, object_version)


class CountingImages(MemoryImages):
    """Counts what is asked of it, and is slow or silent about labels if it is told to be."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.calls: list[str] = []
        self.without_labels = False
        self.seconds_for_labels = 0.0
        self.before_labels: list[Any] = []

    def find(self, repository: str, tag: str) -> Any:
        self.calls.append("find")
        return super().find(repository, tag)

    def tagged(self, repository: str) -> Any:
        self.calls.append("tagged")
        return super().tagged(repository)

    def labels(self, artifact: Any) -> dict[str, str]:
        self.calls.append("labels")
        cast(ManualClock, self.clock).move(timedelta(seconds=self.seconds_for_labels))
        if self.before_labels:
            self.before_labels.pop(0)()
        if self.without_labels:
            raise Unavailable("no answer")
        return super().labels(artifact)


@dataclass
class Corner:
    """Everything between the bucket and the ledger, in memory."""

    clock: ManualClock = field(default_factory=ManualClock)
    ledger: CountingLedger = field(default_factory=CountingLedger)

    def __post_init__(self) -> None:
        self.objects = CountingObjects(self.clock)
        self.router = MemoryRouter(self.clock)
        self.secrets = MemorySecretIndex()
        self.target_health = MemoryTargetHealth(self.clock)
        self.alarms = MemoryAlarms(self.clock)
        self.images = CountingImages(self.clock)
        self.attached: set[str] = set()
        self.services = Services(self.ledger, self.router, MemoryRuntime(), self.target_health, self.clock, hooks=MemoryHooks(), images=self.images, alarms=self.alarms)
        intake = Intaking(self.ledger, self.clock)
        self.uploads = Uploads(intake, self.ledger, self.objects, self.clock, BUCKET)
        self.pushes = Pushes(intake, self.ledger, self.images, self.clock)
        self.intake = Sources(self.uploads, self.pushes, self.clock)
        self.releases = Releases(self.ledger, intake, self.uploads, self.pushes)
        self.configs = Configs(self.ledger, self.clock, self.secrets)

    def register(self, name: str = "web", **fields: Any) -> "Corner":
        definition = a_definition(name, **fields)
        self.router.attach(definition.traffic)
        self.services.register(name, definition, if_match=None, by=ADMIN)
        return self

    def register_images(self, name: str = "web", **source: Any) -> "Corner":
        definition = an_ecs_definition(name, **source)
        if definition.traffic.production_rule not in self.attached:
            self.router.attach(definition.traffic)
            self.attached.add(definition.traffic.production_rule)
        self.services.register(name, definition, if_match=None, by=ADMIN)
        return self

    def push_image(self, tag: str = "v1.0.0", content: bytes = b"image", *, repository: str = "web", **how: Any) -> tuple[Any, ...]:
        """Push and deliver the event."""
        self.images.push(repository, tag, content, **how)
        return self.intake.take_image(repository, tag)

    def upload(self, key: str = "web/1.0.0/app.zip", content: bytes | None = None, **metadata: str) -> str:
        return self.objects.put(BUCKET, key, a_zip() if content is None else content, metadata=metadata)

    def arrive(self, key: str = "web/1.0.0/app.zip", content: bytes | None = None, **metadata: str) -> Any:
        """Upload and deliver the event."""
        return self.intake.take(BUCKET, key, self.upload(key, content, **metadata))

    def state(self) -> dict[Any, Any]:
        """Everything in the ledger, to compare."""
        return dict(self.ledger._kept)
