"""The bodies that requests may have, as declarations: they parse the requests, and the OpenAPI document is made from them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, PlainValidator, Tag, ValidationInfo, field_validator

from chalicelib.access.model import Role
from chalicelib.config.model import Reference, Store
from chalicelib.releases.service import ByHand, ImageByHand, ObjectByHand
from chalicelib.services.definition import VERSION_NAME, Checks

_DESCRIBED = "Why, for the timeline and the audit."

Version = Annotated[str, Field(pattern=VERSION_NAME)]
ConfigNumber = Annotated[int, Field(ge=0, le=99_999_999)]
Seconds = Annotated[int, Field(ge=1, le=366 * 24 * 3600)]
Reason = Annotated[str, Field(max_length=1000, description=_DESCRIBED), BeforeValidator(lambda given: "" if given is None else given)]

NINETY_DAYS = 90 * 24 * 3600


class Body(BaseModel):
    """Closed to unknown fields. `for_approvers` are fields that need an approver as soon as they say anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    for_approvers: ClassVar[tuple[str, ...]] = ()


class Reasoned(Body):
    reason: Reason = ""


class Overriding(Body):
    """`reason` stands behind what it explains, because a field's validator sees the fields before it."""

    for_approvers = ("override_quarantine",)
    override_quarantine: bool = Field(default=False, description="Go on although the release is quarantined. For approvers, with a reason.")
    reason: Reason = Field(default="", validate_default=True)

    @field_validator("reason")
    @classmethod
    def _explains_the_override(cls, reason: str, info: ValidationInfo) -> str:
        return _explained(reason, "override_quarantine", info)


class DeployRequest(Overriding):
    version: Version
    config_version: ConfigNumber | None = Field(default=None, description="Left out: the newest.")


class PromoteRequest(Overriding):
    version: Version | None = Field(default=None, description="What is meant to be staged; another one staged is a conflict.")
    strategy: Literal["all-at-once", "linear", "canary"] | None = None
    skip_holds: bool = False


class RollbackRequest(Body):
    to: Version | None = Field(default=None, description="Left out: what the preflight names.")
    reason: str = Field(min_length=1, max_length=1000, description=_DESCRIBED)


class PauseRequest(Reasoned):
    pass


class AbortRequest(Reasoned):
    pass


class ResumeRequest(Body):
    for_approvers = ("drift",)
    drift: Literal["restore", "adopt"] | None = Field(default=None, description="How to end a drift. For approvers, with a reason.")
    reason: Reason = Field(default="", validate_default=True)

    @field_validator("reason")
    @classmethod
    def _explains_the_end_of_the_drift(cls, reason: str, info: ValidationInfo) -> str:
        return _explained(reason, "drift", info)


class ApproveRequest(Reasoned):
    version: Version = Field(description="What is meant to be approved; another one in progress is a conflict.")


class CertifyRequest(Reasoned):
    certified: bool = Field(default=True, description="False ends the watch without certifying.")


class ArtifactByHand(Body):
    """An object of the artifact bucket. Without `object_version` its newest one is meant."""

    key: str = Field(min_length=1, max_length=1024)
    object_version: str | None = Field(default=None, min_length=1, max_length=1024)
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="Given, it must be the object's.")


    def by_hand(self) -> ObjectByHand:
        return ObjectByHand(self.key, self.object_version, self.sha256)


class ImageArtifactByHand(Body):
    """What a tag of the service's repository is on now."""

    tag: str = Field(pattern=r"^[0-9A-Za-z_][0-9A-Za-z._-]{0,127}$", description="The version.")
    repository: str | None = Field(default=None, min_length=2, max_length=256, description="Given, it must be the service's `source.ecr`.")
    digest: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$", description="Given, it must be the image's.")

    def by_hand(self) -> ImageByHand:
        return ImageByHand(self.tag, self.repository, self.digest)


def _where(given: Any) -> str:
    """Which of the two is meant. What is neither is refused as an object of the bucket."""
    return "image" if isinstance(given, dict) and "key" not in given and given.keys() & {"tag", "repository", "digest"} else "object"


class ReleaseRequest(Reasoned):
    version: Version
    artifact: Annotated[Annotated[ArtifactByHand, Tag("object")] | Annotated[ImageArtifactByHand, Tag("image")], Discriminator(_where)]

    def by_hand(self) -> ByHand:
        return ByHand(self.version, self.artifact.by_hand(), self.reason)


SecretName = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=2048, description="A name or an ARN.")]


class SsmReference(Body):
    """A parameter of SSM Parameter Store."""

    ssm: SecretName
    version: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Left out: the one that is current now.")

    def reference(self) -> Reference:
        return Reference(Store.SSM, self.ssm, str(self.version or ""))


class SecretsManagerReference(Body):
    """A secret of Secrets Manager; `version` is a VersionId."""

    secretsmanager: SecretName
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] | None = Field(default=None, description="Left out: the one that is current now.")

    def reference(self) -> Reference:
        return Reference(Store.SECRETS_MANAGER, self.secretsmanager, self.version or "")


def _setting(given: Any) -> str | Reference:
    match given:
        case str():
            return given
        case {"ssm": _}:
            return SsmReference.model_validate(given, strict=True).reference()
        case {"secretsmanager": _}:
            return SecretsManagerReference.model_validate(given, strict=True).reference()
        case _:
            raise ValueError('a value is a text, {"ssm": …} or {"secretsmanager": …}')


Setting = Annotated[str | Reference, PlainValidator(_setting, json_schema_input_type=str | SsmReference | SecretsManagerReference)]


class ReplayRequest(Body):
    checks: Checks = Field(default=Checks(), description="As in a definition; what is left out is as the service has it now.")
    deployments: int = Field(default=50, ge=1, le=100, description="How many rollouts that had traffic, newest first.")


class ConfigRequest(Reasoned):
    set: dict[str, Setting] = Field(default_factory=dict, max_length=1000)
    unset: list[str] = Field(default_factory=list, max_length=1000)


class TokenRequest(Body):
    name: str = Field(min_length=1, max_length=100)
    role: Role
    services: str = Field(default="*", pattern=r"^[a-z*][a-z0-9*-]{0,39}$", description="A pattern, such as `web*`.")
    expires_in_seconds: Seconds = NINETY_DAYS


def _explained(reason: str, what: str, info: ValidationInfo) -> str:
    if info.data.get(what) and not reason.strip():
        raise ValueError(f"{what} needs a reason")
    return reason
