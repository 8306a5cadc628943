"""What people ask about releases, and registering one by hand."""

import re
from dataclasses import dataclass
from typing import cast

from chalicelib.access.model import Caller
from chalicelib.errors import Conflict, Invalid, NotFound, Problem
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.filtered import filtered_page
from chalicelib.ledger.port import Ledger, Page, Ref
from chalicelib.releases import keys, tags
from chalicelib.releases.candidate import Candidate, Examined, Refused
from chalicelib.releases.intake import Admission, Intaking, Quietly
from chalicelib.releases.keys import ArtifactKey, BadKey
from chalicelib.releases.model import Rejection, Release
from chalicelib.releases.pushes import Pushes
from chalicelib.releases.uploads import Uploads
from chalicelib.services.model import Service


@dataclass(frozen=True, slots=True)
class ObjectByHand:
    """An object of the artifact bucket: its newest version where none is named. `sha256`, where it is given, must be the object's."""

    key: str
    object_version: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class ImageByHand:
    """What a tag of the service's repository is on now. `digest`, where it is given, must be that."""

    tag: str
    repository: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a person registers."""

    version: str
    artifact: ObjectByHand | ImageByHand
    reason: str = ""


class Releases:
    def __init__(self, ledger: Ledger, intake: Intaking, uploads: Uploads, pushes: Pushes) -> None:
        self._ledger = ledger
        self._intake = intake
        self._uploads = uploads
        self._pushes = pushes

    def get(self, service: str, version: str) -> Release:
        refs = cast(tuple[Ref[object], ...], (ledger_keys.service(service), ledger_keys.release(service, version)))
        record, release = cast(tuple[Service | None, Release | None], self._ledger.find_many(refs))
        _refuse_unknown(service, record)
        if release is None:
            raise NotFound(f"{service} has no release {version}")
        return release

    def list(self, service: str, *, limit: int, cursor: str | None) -> Page[Release]:
        _refuse_unknown(service, self._ledger.find(ledger_keys.service(service)))
        return self._ledger.list(ledger_keys.releases(service), limit=limit, cursor=cursor)

    def rejections(self, *, by: Caller, limit: int, cursor: str | None) -> Page[Rejection]:
        """Those of the services the caller sees; what belongs to no service is for those who see all."""

        def visible(rejection: Rejection) -> bool:
            return by.services == "*" or (rejection.service is not None and by.sees(rejection.service))

        return filtered_page(self._ledger, ledger_keys.rejections(), visible, limit=limit, cursor=cursor)

    def register(self, service: str, wanted: ByHand, by: Caller, *, quietly: Quietly = lambda _: ()) -> tuple[Release, bool]:
        """Bring in what is in the artifact bucket or in the service's repository, published now. The bool says whether it is new.

        What would be a rejection is raised: `Invalid`, `NotFound` (the service), `Conflict` with the rejection's kind as slug.
        `quietly` makes what is to be written with a new one (an idempotency key); losing that one raises `Stale`.
        """
        record = self._ledger.find(ledger_keys.service(service))
        _refuse_unknown(service, record)
        match wanted.artifact:
            case ObjectByHand() as one:
                candidate, field = self._upload(service, wanted.version, one), "artifact.key"
            case ImageByHand() as one:
                candidate, field = self._push(cast(Service, record), wanted.version, one), "artifact.tag"
        try:
            admitted = self._intake.admit(candidate, Admission(by.name, wanted.reason, quietly=quietly))
        except NotFound as error:
            raise Invalid(f"{candidate.source} is gone; publish it again", field=field) from error
        if isinstance(admitted, Refused):
            raise _raised(admitted, field)
        return (admitted, False) if admitted else (self.get(service, wanted.version), True)

    def _upload(self, service: str, version: str, one: ObjectByHand) -> Candidate:
        place = _place(service, version, one.key)
        try:
            uploaded = self._uploads.find(place, one.key, one.object_version)
        except NotFound as error:
            raise Invalid(f"there is no object {one.key} in the artifact bucket, or not that version; upload it first", field="artifact.key") from error
        _refuse_mismatch(uploaded.examined(), one.sha256)
        return uploaded

    def _push(self, service: Service, version: str, one: ImageByHand) -> Candidate:
        """Whether the service's pattern accepts the tag is not asked: a person says which one is meant."""
        repository = service.definition.source.ecr
        if repository is None:
            raise Invalid(f"{service.name} takes no releases from ECR; set source.ecr in its definition, or name a key of the bucket", field="artifact")
        if one.repository not in (None, repository):
            raise Invalid(f"{service.name} takes its releases from {repository}", field="artifact.repository")
        if one.tag != version or not tags.is_release(one.tag, "*"):
            raise Invalid(f"the tag of {version} is {version}, and latest is no version; tag the image so", field="artifact.tag")
        try:
            pushed = self._pushes.find(repository, one.tag, service.name)
        except NotFound as error:
            raise Invalid(f"there is no image {repository}:{one.tag}; push it first", field="artifact.tag") from error
        if one.digest not in (None, pushed.digest()):
            raise Invalid(f"{repository}:{one.tag} is {pushed.digest()}; push what was built", field="artifact.digest")
        return pushed


def _refuse_unknown(name: str, service: Service | None) -> None:
    if service is None or not service.registered:
        raise NotFound(f"there is no service {name}")


def _place(service: str, version: str, key: str) -> ArtifactKey:
    place = keys.parse(key)
    if isinstance(place, ArtifactKey) and place == ArtifactKey(service, version):
        return place
    why = place.reason if isinstance(place, BadKey) else f"the key is not that of an artifact of {service} {version}: {service}/{version}/name.zip"
    raise Invalid(why, field="artifact.key")


def _refuse_mismatch(found: Examined, sha256: str | None) -> None:
    if sha256 is None:
        return
    if not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise Invalid("a sha256 has 64 hexadecimal digits", field="artifact.sha256")
    if found.digest and f"sha256:{sha256.lower()}" != found.digest:
        raise Invalid(f"the object's digest is {found.digest}; upload the artifact that was built", field="artifact.sha256")


def _raised(refused: Refused, field: str) -> Problem:
    match refused.kind:
        case "bad-zip" | "bad-metadata" | "no-image":
            return Invalid(refused.reason, field=field)
        case "unknown-service":
            return NotFound(refused.reason)
        case _:
            return Conflict(refused.reason, slug=refused.kind)
