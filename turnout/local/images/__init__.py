"""OCI images without Docker: made from a folder, kept by the embedded ECR, unpacked for a task.

    build      a folder becomes one layer, a config and a manifest
    push       puts them into a registry by the ECR layer API
    registry   finds an image in the embedded ECR
    unpack     applies its layers to a directory

A task is started with the last two:

    name = ImageName.of("123456789012.dkr.ecr.us-east-1.amazonaws.com/web@sha256:…")
    found = image(ecr_backends[account][region], name.repository, name.reference)
    config = unpacked(found.read_blob, found.manifest, into=Path("…/task/root"))
"""

from turnout.local.images.model import BadImage, ImageConfig, ImageName, ImageNotFound, ReadBlob, StoredImage
from turnout.local.images.registry import image
from turnout.local.images.unpack import unpacked

__all__ = ["BadImage", "ImageConfig", "ImageName", "ImageNotFound", "ReadBlob", "StoredImage", "image", "unpacked"]
