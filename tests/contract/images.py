"""Images of every kind, put into moto's ECR through its API."""

import hashlib
import json
from typing import Any

OCI, DOCKER = "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"
MANIFEST, INDEX = "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Registry:
    """One repository is enough: `web`, unless another is named."""

    def __init__(self, ecr: Any) -> None:
        self.ecr = ecr

    def create(self, repository: str = "web") -> None:
        self.ecr.create_repository(repositoryName=repository)

    def push(self, tag: str | None, content: bytes = b"content", *, labels: Any = None, media_type: str = OCI, config: bytes | None = None) -> str:
        """An image for one platform; answers its digest. `config` is its whole config, whatever that is."""
        written = json.dumps({"os": "linux", "config": {"Labels": labels}}).encode() if config is None else config
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self._layer(written, media_type), "layers": [self._layer(content, LAYER)]}
        return self._put(manifest, tag)

    def push_index(self, tag: str | None, platforms: list[tuple[str, dict[str, str]]]) -> str:
        """An image for several platforms, of images that were pushed."""
        listed = [{"mediaType": MANIFEST, "digest": digest, "size": 1, "platform": platform} for digest, platform in platforms]
        return self._put({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}, tag)

    def lose(self, digest: str) -> None:
        self.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": digest}])

    def url_of_config(self, digest: str) -> str:
        [image] = self.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageDigest": digest}])["images"]
        config = json.loads(image["imageManifest"])["config"]["digest"]
        url: str = self.ecr.get_download_url_for_layer(repositoryName="web", layerDigest=config)["downloadUrl"]
        return url

    def _put(self, manifest: dict[str, Any], tag: str | None) -> str:
        tagged = {"imageTag": tag} if tag else {}
        put = self.ecr.put_image(repositoryName="web", imageManifest=json.dumps(manifest), imageManifestMediaType=manifest["mediaType"], **tagged)
        digest: str = put["image"]["imageId"]["imageDigest"]
        return digest

    def _layer(self, blob: bytes, kind: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        there = self.ecr.batch_check_layer_availability(repositoryName="web", layerDigests=[digest])["layers"]
        if not any(layer["layerAvailability"] == "AVAILABLE" for layer in there):
            upload = self.ecr.initiate_layer_upload(repositoryName="web")["uploadId"]
            self.ecr.upload_layer_part(repositoryName="web", uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob)
            self.ecr.complete_layer_upload(repositoryName="web", uploadId=upload, layerDigests=[digest])
        return {"mediaType": kind, "digest": digest, "size": len(blob)}
