"""The preflight of a rollback: reads what is recorded, and looks whether the artifact and the secrets are still there.

A GET like any other: it never calls the balancer. What it asks of S3 and of the
secret stores is asked for nobody but the person who reads it, so it may fail:
a rollback itself waits for none of it.
"""

from dataclasses import dataclass

from chalicelib.clock import Clock
from chalicelib.config.model import ConfigVersion
from chalicelib.config.pins import Pins
from chalicelib.deployments import rehearsing, rollback
from chalicelib.deployments.answers import Preflight
from chalicelib.deployments.model import Build
from chalicelib.deployments.rehearsing import Findings, Seen, Side
from chalicelib.deployments.rollback import Target
from chalicelib.errors import NotFound, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger
from chalicelib.releases.images import Images
from chalicelib.releases.model import ImageArtifact, Release, S3Artifact
from chalicelib.releases.objects import Objects
from chalicelib.services.model import Look, Service
from chalicelib.settings import Pace


@dataclass(frozen=True, slots=True)
class Preflights:
    ledger: Ledger
    objects: Objects
    images: Images
    pins: Pins
    clock: Clock
    pace: Pace

    def of(self, name: str, *, to: str | None = None) -> Preflight:
        """What `rollback` would do now, from the last look. Raises `NotFound` for an unknown service or version."""
        service, look = self.ledger.find_many((keys.service(name), keys.look(name)))
        if not isinstance(service, Service) or not service.registered:
            raise NotFound(f"there is no service {name}")
        seen, now = look if isinstance(look, Look) else None, self.clock.now()
        target = rehearsing.target_of(service, self._named(service, to) if to else None)
        if target is None:
            return rehearsing.nowhere(service, seen, now)
        return rehearsing.preflight(service, Seen(seen, now, to is not None), target, self._findings(service, target), self.pace)

    def _named(self, service: Service, version: str) -> Build:
        lived = rollback.named(service, version)
        if lived:
            return lived
        release = self.ledger.find(keys.release(service.name, version))
        if release is None:
            raise NotFound(f"{service.name} has no release {version}")
        return Build(release.version, release.artifact, service.config_version)

    def _findings(self, service: Service, target: Target) -> Findings:
        live = service.live.build if service.live else None
        theirs = self._side(service, target.build)
        return Findings(self._side(service, live), theirs, self._exists(target.build), self.pins.of_config(theirs.config))

    def _side(self, service: Service, build: Build | None) -> Side:
        """What stood there before Turnout came has neither a config nor a release."""
        if build is None or build.is_adopted:
            return Side(ConfigVersion(service.name, 0))
        config, release = self.ledger.find_many((keys.config(service.name, build.config_version), keys.release(service.name, build.version)))
        return Side(
            config if isinstance(config, ConfigVersion) else ConfigVersion(service.name, build.config_version),
            release.schema_range if isinstance(release, Release) else None,
        )

    def _exists(self, build: Build) -> bool | None:
        if build.is_adopted:
            return None
        try:
            match build.artifact:
                case S3Artifact(bucket=bucket, key=key, object_version=version):
                    return self.objects.exists(bucket, key, version)
                case ImageArtifact() as image:
                    return self.images.exists(image)
        except Unavailable:
            return None
