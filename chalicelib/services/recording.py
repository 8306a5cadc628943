"""The one way a service is written: the new record, what changed with it, its timeline and its audit entry, together.

Callers say what they had read and what it shall become; this puts the
condition, the revision, the audit entry and every deployment that changed
into one `Change`.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import uuid4

from chalicelib.audit.chain import Document, Entry, patch_between, sealed
from chalicelib.deployments.model import Deployment, Event
from chalicelib.formats import FORMAT
from chalicelib.ledger import codec
from chalicelib.ledger.port import Change, Expect, Put
from chalicelib.services.model import Chain, Service

_UNCHAINED = frozenset({"revision", "chain", "write_id"})
"""Fields that differ with every write; what they say is in the entry itself."""


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what and why, for the audit chain. `action` is a past participle: `promoted`, `release-registered`."""

    at: datetime
    actor: str
    action: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing to tell on a deployment's timeline."""

    deployment: Deployment
    kind: str
    message: str
    data: dict[str, object] = field(default_factory=dict)


def recorded(
    before: Service | None, after: Service, deed: Deed, *,
    ended: tuple[Deployment, ...] = (), told: tuple[Told, ...] = (), also: tuple[Put, ...] = (), quietly: tuple[Put, ...] = (),
) -> tuple[Service, Change]:
    """The service as it will be, and the change that makes it so if nobody was quicker.

    `ended` are deployments that left the record with this change; `also` are
    further documents that are part of it and belong in the audit, `quietly`
    those that do not (idempotency keys, intake marks).
    """
    head = before.chain if before else Chain()
    # A record of another format may lack what has a default here, and then so does its chain.
    of_another_format = before is not None and before.written_by != FORMAT
    patch = patch_between(_documents(before, (), ()), _documents(after, ended, also), whole=of_another_format)
    entry = sealed(Entry(f"service/{after.name}", head.seq + 1, deed.at, deed.actor, deed.action, deed.reason, patch, head.hash))
    written = replace(after, revision=(before.revision if before else 0) + 1, chain=Chain(entry.seq, entry.hash), write_id=uuid4().hex, written_by=FORMAT)
    puts = [Put(written, before.revision, before.epoch) if before else Put(written, Expect.NEW), Put(entry, Expect.NEW)]
    puts += [Put(deployment, Expect.ANY) for deployment in _changed(before, after) + ended]
    puts += [Put(event, Expect.NEW) for event in _events(told, entry)]
    return written, Change((*puts, *also, *quietly))


def deployments_of(service: Service | None) -> tuple[Deployment, ...]:
    """Those the record itself carries: the one in progress and those that wait."""
    if service is None:
        return ()
    return (*((service.deployment,) if service.deployment else ()), *service.waiting)


def _changed(before: Service | None, after: Service) -> tuple[Deployment, ...]:
    known = deployments_of(before)
    return tuple(deployment for deployment in deployments_of(after) if deployment not in known)


def _documents(service: Service | None, ended: tuple[Deployment, ...], also: tuple[Put, ...]) -> Document:
    """The documents of the service's chain, by name. What only appears on the after side is what this entry adds."""
    if service is None:
        return {}
    state = {name: value for name, value in codec.told(service).items() if name not in _UNCHAINED}
    documents: Document = {"service": state}
    for document in (*ended, *(put.document for put in also)):
        documents[_name(document)] = codec.told(document)
    return documents


def _name(document: object) -> str:
    kind = type(document).__name__.lower()
    identity = next(str(getattr(document, name)) for name in ("id", "version", "number", "name") if hasattr(document, name))
    return f"{kind}/{identity}"


def _events(told: tuple[Told, ...], entry: Entry) -> list[Event]:
    """Numbered behind the audit entry they came with, so that their ids sort in the order of what happened."""
    return [
        Event(
            id=f"{entry.seq:012}-{position:02}", at=entry.at, service=one.deployment.service, deployment=one.deployment.id, kind=one.kind,
            phase=one.deployment.phase, step=one.deployment.step, actor=entry.actor, message=one.message, data=one.data,
        )
        for position, one in enumerate(told)
    ]
