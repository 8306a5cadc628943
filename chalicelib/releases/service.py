"""What people ask about releases, and registering one by hand."""

import re
from typing import cast

from chalicelib.access.model import Caller
from chalicelib.errors import Conflict, Invalid, NotFound, Problem
from chalicelib.ledger import keys as ledger_keys
from chalicelib.ledger.filtered import filtered_page
from chalicelib.ledger.port import Ledger, Page, Ref
from chalicelib.releases import keys
from chalicelib.releases.intake import Admission, Intaking, Quietly, Refused
from chalicelib.releases.keys import ArtifactKey, BadKey
from chalicelib.releases.model import Rejection, Release
from chalicelib.releases.upload import Examined, Upload
from chalicelib.services.model import Service


class Releases:
    def __init__(self, ledger: Ledger, intake: Intaking) -> None:
        self._ledger = ledger
        self._intake = intake

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

    def register(
        self, service: str, *, version: str, key: str, object_version: str | None, sha256: str | None, by: Caller, reason: str = "",
        quietly: Quietly = lambda _: (),
    ) -> tuple[Release, bool]:
        """Bring in an object of the artifact bucket, published now. The bool says whether it is new.

        What would be a rejection is raised: `Invalid`, `NotFound` (the service), `Conflict` with the rejection's kind as slug.
        `quietly` makes what is to be written with a new one (an idempotency key); losing that one raises `Stale`.
        """
        _refuse_unknown(service, self._ledger.find(ledger_keys.service(service)))
        place = _place(service, version, key)
        upload = self._intake.upload(key, object_version)
        found = self._examined(upload)
        _refuse_mismatch(found, sha256)
        admitted = self._intake.admit(place, upload, found, Admission(by.name, reason, quietly=quietly))
        if isinstance(admitted, Refused):
            raise _raised(admitted)
        return (admitted, False) if admitted else (self.get(service, version), True)

    def _examined(self, upload: Upload) -> Examined:
        try:
            return self._intake.examine(upload)
        except NotFound as error:
            raise Invalid(f"there is no object {upload.source}; upload it first", field="artifact.key") from error


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
    if found.artifact.sha256 and sha256.lower() != found.artifact.sha256:
        raise Invalid(f"the object's sha256 is {found.artifact.sha256}; upload the artifact that was built", field="artifact.sha256")


def _raised(refused: Refused) -> Problem:
    match refused.kind:
        case "bad-zip" | "bad-metadata":
            return Invalid(refused.reason, field="artifact.key")
        case "unknown-service":
            return NotFound(refused.reason)
        case _:
            return Conflict(refused.reason, slug=refused.kind)
