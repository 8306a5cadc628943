"""Images made by hand and pushed through ECR's API, for tests of what runs them."""

import gzip
import hashlib
import io
import json
import tarfile
from typing import Any

LAYER, CONFIG = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def push(ecr: Any, repository: str, tag: str, files: dict[str, str], **config: Any) -> str:
    """Returns the image's URI by digest. `config` is the image's: Cmd, Entrypoint, Env, WorkingDir."""
    layer = _packed(files)
    settings = json.dumps({"architecture": "amd64", "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    blobs = [_uploaded(ecr, repository, settings, CONFIG), _uploaded(ecr, repository, layer, LAYER)]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": blobs[0], "layers": blobs[1:]}
    put = ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageManifestMediaType=MANIFEST, imageTag=tag)
    uri = ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]["repositoryUri"]
    return f"{uri}@{put['image']['imageId']['imageDigest']}"


def _packed(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


def _uploaded(ecr: Any, repository: str, blob: bytes, kind: str) -> dict[str, Any]:
    digest = "sha256:" + hashlib.sha256(blob).hexdigest()
    there = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])["layers"]
    if not any(layer["layerAvailability"] == "AVAILABLE" for layer in there):
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob)
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    return {"mediaType": kind, "digest": digest, "size": len(blob)}
