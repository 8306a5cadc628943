"""Zips as honest and dishonest people make them, and a control plane's corner that takes them in."""

import io
import struct
import warnings
import zipfile
from dataclasses import dataclass, field
from typing import Any

from chalicelib.access.model import Caller, Role
from chalicelib.clock import ManualClock
from chalicelib.config.memory import MemorySecretIndex
from chalicelib.config.service import Configs
from chalicelib.health.memory import MemoryTargetHealth
from chalicelib.hooks.memory import MemoryHooks
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.ledger.port import Change
from chalicelib.releases.intake import Intaking
from chalicelib.releases.memory import MemoryObjects
from chalicelib.releases.objects import Fetched
from chalicelib.releases.service import Releases
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
        self.services = Services(self.ledger, self.router, MemoryRuntime(), self.target_health, self.clock, hooks=MemoryHooks())
        self.intake = Intaking(self.ledger, self.objects, self.clock, BUCKET)
        self.releases = Releases(self.ledger, self.intake)
        self.configs = Configs(self.ledger, self.clock, self.secrets)

    def register(self, name: str = "web", **fields: Any) -> "Corner":
        definition = a_definition(name, **fields)
        self.router.attach(definition.traffic)
        self.services.register(name, definition, if_match=None, by=ADMIN)
        return self

    def upload(self, key: str = "web/1.0.0/app.zip", content: bytes | None = None, **metadata: str) -> str:
        return self.objects.put(BUCKET, key, a_zip() if content is None else content, metadata=metadata)

    def arrive(self, key: str = "web/1.0.0/app.zip", content: bytes | None = None, **metadata: str) -> Any:
        """Upload and deliver the event."""
        return self.intake.take(BUCKET, key, self.upload(key, content, **metadata))

    def state(self) -> dict[Any, Any]:
        """Everything in the ledger, to compare."""
        return dict(self.ledger._kept)
