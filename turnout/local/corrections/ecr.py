"""ECR: images that are what was pushed, layers that are kept, and an event for every push.

Plain moto makes an image's digest from its layers' digests, takes images whose
layers nobody uploaded, deletes an image when its tag moves on, forgets what is
in a layer, lists without pages, and tells nobody.
"""

import base64
import copy
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from moto.core.responses import ActionResult
from moto.ecr.exceptions import InvalidParameterException
from moto.ecr.models import ECRBackend
from moto.ecr.responses import ECRResponse
from moto.events.models import events_backends

from turnout.local.corrections import ecr_images, ecr_layers
from turnout.local.corrections.patches import Patches

log = logging.getLogger(__name__)

_Make = Callable[[Any], Any]

PAGE = 100
_lock = threading.RLock()
"""A repository changes in one thread at a time: the server answers in many."""


def correct(patches: Patches) -> None:
    backend: dict[str, _Make] = {
        "put_image": lambda _: ecr_images.put_image,
        "batch_get_image": lambda _: ecr_images.batch_get_image,
        "batch_delete_image": ecr_images.naming_untagged,
        "upload_layer_part": ecr_layers.measured,
        "complete_layer_upload": lambda _: ecr_layers.complete_layer_upload,
    }
    responses: dict[str, _Make] = {
        "put_image": lambda _: _put_image,
        "describe_images": lambda _: _describe_images,
        "list_images": lambda _: _list_images,
        "get_download_url_for_layer": lambda _: _url,
    }
    for name, make in backend.items():
        patches.replace(ECRBackend, name, _alone(make))
    for name, make in responses.items():
        patches.replace(ECRResponse, name, make)


def _alone(make: _Make) -> _Make:
    def made(original: Any) -> Any:
        method = make(original)

        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            with _lock:
                return method(self, *args, **kwargs)

        return call

    return made


# Pushing


def _put_image(self: Any) -> ActionResult:
    """The image is complete when it is told of: who hears of it can read it."""
    image = self.ecr_backend.put_image(
        self._get_param("repositoryName"),
        self._get_param("imageManifest"),
        self._get_param("imageTag"),
        media_type=self._get_param("imageManifestMediaType"),
        digest=self._get_param("imageDigest"),
        registry_id=self._get_param("registryId"),
    )
    if image.image_tag:
        _tell(self.current_account, self.region, image)
    return ActionResult({"image": image})


def _tell(account: str, region: str, image: Any) -> None:
    bus = events_backends[account][region].event_buses["default"]
    event = _pushed(account, region, image)
    for rule in list(bus.rules.values()):
        try:
            rule.send_to_targets(event, transform_input=False)
        except Exception:  # as in AWS, a push that is made does not fail by who is told of it
            log.exception("event.undelivered rule=%s", rule.name)


def _pushed(account: str, region: str, image: Any) -> Any:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "ECR Image Action",
        "source": "aws.ecr",
        "account": account,
        "time": time.time(),
        "region": region,
        "resources": [],
        "detail": {
            "result": "SUCCESS",
            "repository-name": image.repository_name,
            "image-digest": image.image_digest,
            "action-type": "PUSH",
            "image-tag": image.image_tag,
        },
    }


# Listing


def _describe_images(self: Any) -> ActionResult:
    """Those that are asked for by name, or a page of those of that `tagStatus`."""
    wanted = self._get_param("imageIds")
    repository = _repository(self)
    if not wanted:
        found, token = _page(self, [image for image in list(repository.images) if _has_status(self, image)])
        return ActionResult({"imageDetails": [_detail(image) for image in found], "nextToken": token})
    if self._get_param("maxResults") or self._get_param("nextToken"):
        raise InvalidParameterException("Invalid parameter: maxResults and nextToken cannot be used with imageIds")
    images = {image.image_digest: image for image in (ecr_images.get(repository, one) for one in wanted)}
    return ActionResult({"imageDetails": [_detail(image) for image in images.values()]})


def _list_images(self: Any) -> ActionResult:
    """One entry for each tag, and one for an image without."""
    repository = _repository(self)
    ids, token = _page(self, [each for image in list(repository.images) if _has_status(self, image) for each in _ids(image)])
    return ActionResult({"imageIds": ids, "nextToken": token})


def _repository(self: Any) -> Any:
    return ecr_images.repository(self.ecr_backend, self._get_param("repositoryName"), self._get_param("registryId"))


def _ids(image: Any) -> Iterator[dict[str, str]]:
    for tag in list(image.image_tags):
        yield {"imageDigest": image.image_digest, "imageTag": tag}
    if not image.image_tags:
        yield {"imageDigest": image.image_digest}


def _detail(image: Any) -> Any:
    """A copy that nobody moves a tag of; AWS leaves out tags where there are none."""
    detail = copy.copy(image)
    detail.image_tags = list(image.image_tags) or None
    return detail


def _has_status(self: Any, image: Any) -> bool:
    status = (self._get_param("filter") or {}).get("tagStatus", "ANY")
    return bool(status == "ANY" or (status == "TAGGED") == bool(image.image_tags))


def _page(self: Any, results: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
    start, length = _place(self._get_param("nextToken")), self._get_param("maxResults") or PAGE
    end = start + length
    return results[start:end], base64.b64encode(f"from {end}".encode()).decode() if end < len(results) else None


def _place(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True).decode().removeprefix("from "))
    except ValueError:
        raise InvalidParameterException("Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'") from None


# Pulling


def _url(self: Any) -> ActionResult:
    """Plain HTTP from the embedded S3; AWS's is a presigned URL of S3 as well."""
    digest = self._get_param("layerDigest")
    repository = _repository(self)
    return ActionResult({"downloadUrl": ecr_layers.download_url(repository, digest, self.region, self.headers.get("Host", "")), "layerDigest": digest})
