"""Layers and configs: uploaded in parts, checked, kept, and fetched from a URL.

Plain moto keeps the size of a layer and forgets the layer, takes any digest
for it, and has no URL to fetch it from.
"""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

from moto.core.exceptions import ServiceException
from moto.ecr.exceptions import InvalidLayerPartException, UploadNotFoundException
from moto.s3.models import s3_backends
from moto.utilities.utils import get_partition

from turnout.local.images.registry import blobs_of

LEAST_PART = 5 * 1024 * 1024
"""Of every part but the last."""
OWNER, BUCKET = "000000000000", "turnout-local-layers"
"""As in AWS, layers are in somebody else's bucket: it is not among one's own."""
_making_the_bucket = threading.Lock()


class Refused(ServiceException):
    """One of the errors of ECR's model that moto does not know: code, message. Raised as moto's own class it would be looked up in a service "core"."""


def measured(original: Any) -> Callable[..., Any]:
    """A part is as long as its first and last byte say."""

    def upload_layer_part(self: Any, repository_name: str, upload_id: str, *part: Any, registry_id: str | None = None) -> Any:
        first, last, blob = part
        repository = self._get_repository(repository_name, registry_id)
        upload = repository.uploads.get(upload_id)
        if upload and len(blob or b"") != last - first + 1:
            raise InvalidLayerPartException(repository.registry_id, repository_name, upload_id, upload.last_byte_received)
        answer = original(self, repository_name, upload_id, *part, registry_id=registry_id)
        vars(upload).setdefault("part_sizes", []).append(len(blob or b""))
        return answer

    return upload_layer_part


def complete_layer_upload(self: Any, repository_name: str, upload_id: str, layer_digests: list[str], registry_id: str | None = None) -> dict[str, Any]:
    repository = self._get_repository(repository_name, registry_id)
    upload = repository.uploads.get(upload_id)
    if upload is None:
        raise UploadNotFoundException(upload_id, repository_name, repository.registry_id)
    blob, sizes = bytes(upload.layer_parts), vars(upload).get("part_sizes", [])
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    where = f"in the repository with name '{repository_name}' in the registry with id '{repository.registry_id}'"
    if not blob:
        raise Refused("EmptyUploadException", f"The upload with id '{upload_id}' {where} has no parts")
    if min(sizes[:-1], default=LEAST_PART) < LEAST_PART:
        raise Refused("LayerPartTooSmallException", f"Layer parts of '{upload_id}' {where} must have at least 5 MiB, except the last")
    if digest not in layer_digests:
        raise Refused("InvalidLayerException", f"Layer digests {layer_digests} do not match the digest '{digest}' of what was uploaded {where}")
    del repository.uploads[upload_id]
    if digest in repository.layers:
        raise Refused("LayerAlreadyExistsException", f"The layer with the digest '{digest}' already exists {where}")
    repository.layers[digest] = len(blob)
    blobs_of(repository)[digest] = blob
    return {"registryId": repository.registry_id, "repositoryName": repository_name, "uploadId": upload_id, "layerDigest": digest}


def download_url(repository: Any, digest: str, region: str, host: str) -> str:
    """From the server that was asked, or from S3 by its name where moto answers in the process. It does not expire; AWS's does after a while."""
    blob = blobs_of(repository).get(digest)
    if blob is None:
        where = f"in the repository with name '{repository.name}' in the registry with id '{repository.registry_id}'"
        raise Refused("LayersNotFoundException", f"The layer with the digest '{digest}' does not exist {where}")
    key = f"{repository.registry_id}/{repository.name}/{digest.replace(':', '/')}"
    _keep(key, blob, region)
    served = f"https://{BUCKET}.s3.amazonaws.com" if host.endswith(".amazonaws.com") else f"http://{host}/{BUCKET}"
    return f"{served}/{key}?X-Amz-Signature=local"


def _keep(key: str, blob: bytes, region: str) -> None:
    s3 = s3_backends[OWNER][get_partition(region)]
    with _making_the_bucket:
        if BUCKET not in s3.buckets:
            s3.create_bucket(BUCKET, region)
        if key not in s3.buckets[BUCKET].keys:
            s3.put_object(BUCKET, key, blob)
