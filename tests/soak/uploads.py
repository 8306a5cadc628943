"""CI uploads; the events come twice, late, in another order, or never, and the bucket is gone through now and then."""

from datetime import datetime
from functools import cache

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from chalicelib.errors import Unavailable
from tests.faults.saboteur import Died
from tests.soak import model
from tests.soak.people import Ask
from tests.soak.picture import Picture, moment
from tests.soak.playing import Playing, happens
from tests.soak.requests import MAY, VERSIONS
from tests.world import BUCKET, a_zip

CONTENTS = ("as it is", "built anew", "no zip")


@cache
def made(version: str, content: str) -> bytes:
    """Made once: a zip says when it was made."""
    return f"{version}, no zip".encode() if content == "no zip" else a_zip(f"{version} {content}")


class Uploads(Playing):
    """`events` are those that S3 still has to deliver, `taken` the object versions of which something became."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[tuple[str, str, str, datetime]] = []
        self.taken: set[str] = set()

    @happens(version=VERSIONS)
    def push(self, version: str) -> None:
        """The common case: uploaded, and the event is delivered until somebody has dealt with it."""
        event = self.uploaded(version, "as it is")
        while not self.come(event):
            self.pass_time(1)
            self.look()
        self.events.remove(event)

    @happens(version=VERSIONS, content=st.sampled_from(CONTENTS))
    def upload(self, version: str, content: str) -> None:
        self.uploaded(version, content)

    @happens(version=VERSIONS, other=VERSIONS)
    def an_upload_is_heard_of_late(self, version: str, other: str) -> None:
        """Another one has overtaken it."""
        event = self.uploaded(version, "as it is")
        self.pass_time(2)
        self.look()
        self.push(version=other)
        if self.come(event):
            self.events.remove(event)

    @precondition(lambda self: self.events)
    @happens(which=st.sampled_from(range(12)), again=st.booleans())
    def an_event_comes(self, which: int, again: bool) -> None:
        event = self.events[which % len(self.events)]
        if self.come(event) and not again:
            self.events.remove(event)

    @happens()
    def the_bucket_is_gone_through(self) -> None:
        self.taken |= self.all_uploaded()  # or not, where something goes wrong: nobody knows
        try:
            self.deliver(self.place.control.intake.reconcile)
        except (Died, Unavailable):
            return

    @happens(who=MAY, version=VERSIONS)
    def register_by_hand(self, who: str, version: str) -> None:
        there = any(found.key == f"web/{version}/app.zip" for found in self.place.objects.versions(BUCKET))
        known = version in self.seen.releases
        expected: model.Expected = {(200 if known else 201, "")} if there else model.refused("invalid", 422)
        if there and not self.is_good(version):
            expected = model.refused("version-reuse") if known else model.refused("invalid", 422)
        body = {"version": version, "artifact": {"key": f"web/{version}/app.zip"}}
        self.taken |= self.all_uploaded()
        self.ask(Ask(who, "POST", "releases", body), lambda: expected)

    def all_uploaded(self) -> set[str]:
        return {found.object_version for found in self.place.objects.versions(BUCKET)}

    def is_good(self, version: str) -> bool:
        """Whether the newest object of this version could be registered under it."""
        known, content = self.seen.releases.get(version), self.place.content(version)
        return content[:2] == b"PK" if known is None else self.place.sha256(content) == known["artifact"]["sha256"]

    def uploaded(self, version: str, content: str) -> tuple[str, str, str, datetime]:
        object_version = self.place.objects.put(BUCKET, f"web/{version}/app.zip", made(version, content))
        event = version, object_version, content, self.place.clock.now().replace(microsecond=0)
        self.events.append(event)
        return event

    def come(self, event: tuple[str, str, str, datetime]) -> bool:
        """Whether it was dealt with. The first digest of a version is its release; another is a rejection; the same again is nothing."""
        version, object_version, content, at = event
        before, rejections = self.seen, len(self.people.read_all("/v1/rejections"))
        try:
            _, hit = self.deliver(lambda: self.place.control.intake.take(BUCKET, f"web/{version}/app.zip", object_version))
        except (Died, Unavailable):
            self.taken.add(object_version)
            return False
        after, rejected = self.look(), len(self.people.read_all("/v1/rejections")) - rejections
        if not hit and object_version not in self.taken:
            known = before.releases.get(version)
            digest = self.place.sha256(made(version, content))
            is_fine = content != "no zip" if known is None else known["artifact"]["sha256"] == digest
            assert rejected == (not is_fine), f"{event}: {rejected} rejections"
            assert version in after.releases or not is_fine
            begun = len(after.deployments) - len(before.deployments)
            assert begun == (known is None and is_fine and goes_on(before, digest, at)), f"{event} began {begun} deployments"
        elif not hit:
            assert rejected <= 1
        self.taken.add(object_version)
        return True


def goes_on(before: Picture, digest: str, at: datetime) -> bool:
    """Whether a new release goes to staging by itself: not if it is quarantined, nor if a newer one, or the service, came before it."""
    rollouts = [moment(one["published_at"]) for one in before.deployments if one["kind"] == "rollout"]
    newest = max([moment(before.service["registered_at"]), *rollouts]).replace(microsecond=0)
    quarantined = any(known.endswith(digest) and pair in {None, before.service["config_version"]} for known, pair in before.quarantined)
    return at >= newest and not quarantined
