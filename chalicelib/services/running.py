"""What runs a service, as its definition says (a function, ECS services or Auto Scaling groups), and where its releases come from."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from chalicelib.services.parts import Pair, Part

EcsName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
GroupName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,255}$")]
Repository = Annotated[str, Field(pattern=r"^[a-z0-9]+([._/-][a-z0-9]+)*$", min_length=2, max_length=256)]
TagPattern = Annotated[str, Field(pattern=r"^[0-9A-Za-z._*?-]{1,128}$")]


class EcsServices(Pair):
    blue: EcsName
    green: EcsName


class Groups(Pair):
    blue: GroupName
    green: GroupName


class LambdaRuntime(Part):
    """Two aliases of one function, which is as large as it has to be by itself, unless it is to have executions ready before requests come.

    `provisioned` is how much provisioned concurrency an alias is given where the other one has none, else it is given as much as the
    other one; `idle_provisioned` is what the idle alias keeps, for a rollback without cold starts. With 0 Turnout leaves it alone.
    """

    kind: Literal["lambda"]
    function: str = Field(pattern=r"^[A-Za-z0-9-_]{1,64}$")
    provisioned: int = Field(default=0, ge=0, le=100_000)
    idle_provisioned: int = Field(default=0, ge=0, le=100_000)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.idle_provisioned > self.provisioned:
            raise ValueError("idle_provisioned is what is kept of provisioned, and cannot be more")
        return self

    @property
    def has_sizes(self) -> bool:
        return self.provisioned > 0

    @property
    def first_size(self) -> int:
        return self.provisioned

    @property
    def kept_idle(self) -> int:
        return self.idle_provisioned

    @property
    def sized_after_build(self) -> bool:
        return True

    @property
    def stands_at_zero(self) -> bool:
        return True

    @property
    def ground(self) -> tuple[object, ...]:
        return self.kind, self.function


class Sized(Part):
    """A runtime whose colours have a number of tasks or instances.

    `size` is what a colour is started with where the other one has none, else it is made as large as the other one; `idle_size` is
    what is kept of the idle colour, warm for a rollback. `port` is where the application listens.
    """

    port: int = Field(default=8080, ge=1, le=65535)
    size: int = Field(default=1, ge=1, le=1000)
    idle_size: int = Field(default=1, ge=0, le=1000)

    @property
    def has_sizes(self) -> bool:
        """Whether its colours have a size that is to be seen to."""
        return True

    @property
    def first_size(self) -> int:
        """What a colour is given where the other one has nothing."""
        return self.size

    @property
    def kept_idle(self) -> int:
        """What is kept of the idle colour."""
        return self.idle_size

    @property
    def sized_after_build(self) -> bool:
        """Whether a colour gets its size in a call of its own, after the one that puts the build there, so that it can be lost in between."""
        return False

    @property
    def stands_at_zero(self) -> bool:
        """Whether a build goes on standing there, and answering, with a size of 0."""
        return False


class EcsRuntime(Sized):
    """Two ECS services. `task_definition` is the family that says everything but image and environment; without it that is what a service runs now."""

    kind: Literal["ecs"]
    cluster: EcsName
    services: EcsServices
    container: str = Field(default="app", pattern=r"^[A-Za-z0-9_-]{1,255}$")
    task_definition: EcsName | None = None

    @property
    def ground(self) -> tuple[object, ...]:
        """What decides where builds stand and how they are known there; the rest says how the next one is put there, and how large."""
        return self.kind, self.cluster, self.services, self.container, self.port


class AutoScalingRuntime(Sized):
    """Two Auto Scaling groups. The default version of `launch_template` says everything but user data."""

    kind: Literal["autoscaling"]
    groups: Groups
    launch_template: str = Field(pattern=r"^[A-Za-z0-9().\-/_]{3,128}$")

    @property
    def ground(self) -> tuple[object, ...]:
        return self.kind, self.groups, self.launch_template, self.port


Runtime = Annotated[LambdaRuntime | EcsRuntime | AutoScalingRuntime, Field(discriminator="kind")]


class Source(Part):
    """Where releases come from: zips in the artifact bucket, or images in a repository whose tags match, as in a shell (`*`, `?`)."""

    s3: bool = True
    ecr: Repository | None = None
    tag_pattern: TagPattern = "*"

    @model_validator(mode="before")
    @classmethod
    def _one_source(cls, given: Any) -> Any:
        """Who names a repository need not say that S3 is none."""
        return {"s3": False, **given} if isinstance(given, dict) and given.get("ecr") else given

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.s3 and self.ecr:
            raise ValueError("a service takes zips from s3 or images from ecr, not both")
        if self.tag_pattern != "*" and not self.ecr:
            raise ValueError("tag_pattern goes with ecr")
        return self
