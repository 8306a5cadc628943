"""Images: made of a folder, found in the embedded ECR, unpacked, and never beyond the directory they are unpacked to."""

import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from moto.ecr.models import ecr_backends

from tests.local.both_ways import REGION, client
from turnout.local import corrections
from turnout.local.addresses import ACCOUNT
from turnout.local.images import BadImage, ImageConfig, ImageName, ImageNotFound, StoredImage, image, unpacked
from turnout.local.images.build import Built, CannotBuild, Recipe, built, web_command
from turnout.local.images.model import OCI_INDEX
from turnout.local.images.push import TagTaken, push

RUN = Recipe("python app.py")
Entry = tuple[str, bytes, str | bytes]
"""Name, type, and what a file holds or a link leads to."""


def digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def file(name: str, content: bytes = b"x") -> Entry:
    return name, tarfile.REGTYPE, content


def folder(name: str) -> Entry:
    return name, tarfile.DIRTYPE, b""


def link(name: str, to: str) -> Entry:
    return name, tarfile.SYMTYPE, to


def hard_link(name: str, to: str) -> Entry:
    return name, tarfile.LNKTYPE, to


def a_layer(*entries: Entry, packed: bool = True, mode: int = 0o755) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for name, kind, what in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, mode
            if isinstance(what, str):
                entry.linkname = what
            else:
                entry.size = len(what)
            archive.addfile(entry, io.BytesIO(what) if isinstance(what, bytes) else None)
    return gzip.compress(plain.getvalue()) if packed else plain.getvalue()


def unpack(into: Path, *layers: bytes, config: dict[str, Any] | None = None) -> ImageConfig:
    blobs = {digest(blob): blob for blob in (json.dumps({"config": config or {}}).encode(), *layers)}
    described = [{"digest": each} for each in blobs]
    return unpacked(blobs.__getitem__, {"config": described[0], "layers": [{"digest": digest(layer)} for layer in layers]}, into)


def files(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where to unpack to, with something beside it that nobody may touch."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "kept").write_text("kept")
    yield tmp_path / "root"
    assert {path.name for path in tmp_path.iterdir()} <= {"beside", "root", "app"}
    assert files(tmp_path / "beside") == {"kept": b"kept"}


class TestLayers:
    @pytest.mark.parametrize("packed", [True, False])
    def test_lie_over_each_other(self, place: Path, packed: bool) -> None:
        unpack(place, a_layer(file("a/x", b"1"), file("b", b"1"), packed=packed), a_layer(file("./a/x", b"2"), file("/c", b"2"), packed=packed))

        assert files(place) == {"a/x": b"2", "b": b"1", "c": b"2"}

    def test_remove_a_file(self, place: Path) -> None:
        unpack(place, a_layer(file("a/x"), file("a/y"), file("b/z")), a_layer(file("a/.wh.x"), file(".wh.b")))

        assert files(place) == {"a/y": b"x"}

    def test_remove_all_that_a_directory_had_below(self, place: Path) -> None:
        """Wherever in the layer it says so."""
        unpack(place, a_layer(file("a/x"), file("a/b/y")), a_layer(file("a/new"), file("a/.wh..wh..opq"), file("a/newer")))

        assert files(place) == {"a/new": b"x", "a/newer": b"x"}

    def test_may_remove_what_is_not_there(self, place: Path) -> None:
        unpack(place, a_layer(file("a/.wh.x"), file("b/.wh..wh..opq"), file(".wh..wh.plnk")))

        assert list(place.iterdir()) == []

    def test_may_put_one_kind_of_thing_over_another(self, place: Path) -> None:
        unpack(place, a_layer(file("a/x"), file("b"), link("c", "a")), a_layer(file("a", b"file"), folder("b"), file("b/y"), folder("c"), file("c/z")))

        assert files(place) == {"a": b"file", "b/y": b"x", "c/z": b"x"}

    def test_write_through_links_of_the_image(self, place: Path) -> None:
        unpack(place, a_layer(folder("usr/lib"), link("lib", "usr/lib")), a_layer(file("lib/x")))

        assert (place / "usr/lib/x").read_bytes() == b"x"

    def test_replace_a_link_and_not_what_it_leads_to(self, place: Path) -> None:
        unpack(place, a_layer(file("real", b"1"), link("name", "real")), a_layer(file("name", b"2")))

        assert files(place) == {"real": b"1", "name": b"2"}

    def test_replace_one_name_of_a_file_with_two(self, place: Path) -> None:
        unpack(place, a_layer(file("a", b"1"), hard_link("b", "a")), a_layer(file("a", b"2")))

        assert files(place) == {"a": b"2", "b": b"1"}

    def test_mean_the_image_by_an_absolute_link(self, place: Path) -> None:
        unpack(place, a_layer(file("etc/alternatives/awk", b"awk"), link("usr/bin/awk", "/etc/alternatives/awk")))

        assert (place / "usr/bin/awk").read_bytes() == b"awk"

    def test_keep_what_can_be_executed(self, place: Path) -> None:
        unpack(place, a_layer(file("run"), mode=0o6755), a_layer(file("data"), folder("closed"), file("closed/x"), mode=0o000))

        assert {name: oct((place / name).stat().st_mode & 0o7777) for name in ("run", "data", "closed")} == {"run": "0o755", "data": "0o600", "closed": "0o700"}

    def test_leave_out_devices(self, place: Path) -> None:
        unpack(place, a_layer(("dev/null", tarfile.CHRTYPE, b""), ("pipe", tarfile.FIFOTYPE, b""), file("x")))

        assert [path.name for path in place.rglob("*") if not path.is_dir()] == ["x"]


class TestAHostileLayer:
    """`place` says after each that nothing beside the directory has changed."""

    @pytest.mark.parametrize(
        "entries",
        [
            [file("../beside/kept", b"gone")],
            [file("a/../../beside/kept", b"gone")],
            [file("../beside/.wh.kept")],
            [file("../beside/.wh..wh..opq")],
            [hard_link("x", "../beside/kept"), file("x", b"gone")],
            [file("a/.wh..")],
            [file(".wh...")],
            [file(".wh.")],
            [file("x", b"1"), file("x/y", b"2")],
            [link("a", "b"), link("b", "a"), file("a/x")],
            [folder("d"), hard_link("x", "d")],
            [hard_link("x", "missing")],
            [file("a/x"), hard_link("a", "a/x")],
            [file("n" * 300)],
        ],
        ids=lambda entries: " ".join(name[:20] for name, _, _ in entries),
    )
    def test_is_refused(self, place: Path, entries: list[Entry]) -> None:
        with pytest.raises(BadImage):
            unpack(place, a_layer(*entries))

    @pytest.mark.parametrize(
        "entries",
        [
            [link("out", "../beside"), file("out/kept", b"gone")],
            [link("out", "../beside"), file("out/.wh.kept")],
            [link("out", "../../../../../beside"), file("out/.wh..wh..opq")],
            [link("kept", "../beside/kept"), file("kept", b"gone")],
            [folder("d/e"), link("d/l", "e/../../../beside"), file("d/.wh.e"), link("d/e", ".."), file("d/l/kept", b"gone")],
            [link("a", "d"), folder("d"), link("a/up", "../beside"), file("d/up/kept", b"gone")],
            [link("kept", "../beside/kept"), hard_link("x", "kept"), file("x", b"gone")],
        ],
        ids=lambda entries: " ".join(name for name, _, _ in entries),
    )
    def test_changes_nothing_outside(self, place: Path, entries: list[Entry]) -> None:
        unpack(place, *(a_layer(entry) for entry in entries))

    def test_has_no_link_that_leads_out(self, place: Path) -> None:
        outward = ["/etc/passwd", "../../../../../../etc/passwd", "../beside/kept", "d/../../beside/kept", "//etc/passwd"]
        unpack(place, a_layer(folder("d"), *(link(f"d/{number}", to) for number, to in enumerate(outward)), link("top", "/")))

        led = {Path(os.path.realpath(path)) for path in place.rglob("*") if path.is_symlink()}
        assert len(led) >= 3
        assert all(path.is_relative_to(os.path.realpath(place)) for path in led)

    def test_is_told_from_another(self, place: Path) -> None:
        good = a_layer(file("x"))
        config = b"{}"
        manifest = {"config": {"digest": digest(config)}, "layers": [{"digest": digest(good)}]}

        with pytest.raises(BadImage, match="other bytes"):
            unpacked({digest(config): config, digest(good): a_layer(file("y"))}.__getitem__, manifest, place)

    @pytest.mark.parametrize("blob", [b"text", b"", b"\x1f\x8btext", a_layer(file("x", bytes(9999)))[:60], a_layer(file("x", bytes(9999)), packed=False)[:5000]])
    def test_may_be_no_tar_at_all(self, place: Path, blob: bytes) -> None:
        with pytest.raises(BadImage, match="cannot be unpacked"):
            unpack(place, blob)


class TestAnImagesConfig:
    def test_says_how_to_run_it(self, place: Path) -> None:
        config = unpack(
            place,
            config={
                "Entrypoint": ["/run"], "Cmd": ["a", "b"], "Env": ["A=1", "B=x=y", "C="], "WorkingDir": "/app", "User": "web",
                "Labels": {"k": "v"}, "ExposedPorts": {"8080/tcp": {}, "53/udp": {}, "80": {}},
            },
        )  # fmt: skip

        assert config == ImageConfig(("/run",), ("a", "b"), {"A": "1", "B": "x=y", "C": ""}, "/app", "web", {"k": "v"}, (80, 8080))

    def test_may_say_nothing(self, place: Path) -> None:
        assert unpack(place, config={"Cmd": None, "Labels": None, "ExposedPorts": None}) == ImageConfig()

    @pytest.mark.parametrize("config", [b"[]", b"no json", b'{"config": {"Env": [1]}}', b'{"config": {"ExposedPorts": {"http": {}}}}'])
    def test_that_is_none_is_refused(self, place: Path, config: bytes) -> None:
        with pytest.raises(BadImage, match="config cannot be read"):
            unpacked({digest(config): config}.__getitem__, {"config": {"digest": digest(config)}, "layers": []}, place)

    @pytest.mark.parametrize("manifest", [{}, {"manifests": []}, {"config": {}, "layers": []}, {"fsLayers": []}])
    def test_is_named_by_its_manifest(self, place: Path, manifest: dict[str, Any]) -> None:
        with pytest.raises(BadImage):
            unpacked(dict[str, bytes]().__getitem__, manifest, place)


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("1.dkr.ecr.us-east-1.amazonaws.com/web@sha256:ab", ("1.dkr.ecr.us-east-1.amazonaws.com", "web", "sha256:ab")),
        ("1.dkr.ecr.us-east-1.amazonaws.com/team/web:1.0", ("1.dkr.ecr.us-east-1.amazonaws.com", "team/web", "1.0")),
        ("registry/web:1.0@sha256:ab", ("registry", "web", "sha256:ab")),
        ("localhost:5000/web", ("localhost:5000", "web", "latest")),
        ("web:2", ("", "web", "2")),
    ],
)
def test_an_image_has_a_name(uri: str, name: tuple[str, str, str]) -> None:
    found = ImageName.of(uri)

    assert (found.registry, found.repository, found.reference) == name


@pytest.fixture
def app(tmp_path: Path) -> Path:
    made = tmp_path / "app"
    (made / "lib").mkdir(parents=True)
    (made / "app.py").write_text("print(1)")
    (made / "lib" / "run.sh").write_text("true")
    (made / "lib" / "run.sh").chmod(0o700)
    (made / "lib" / "main").symlink_to("../app.py")
    return made


def unbuilt(image: Built, into: Path) -> ImageConfig:
    return unpacked({blob.digest: blob.content for blob in image.blobs}.__getitem__, json.loads(image.manifest), into)


class TestAFolder:
    def test_is_an_image_and_back(self, app: Path, place: Path) -> None:
        config = unbuilt(built(app, Recipe("python app.py", "/srv/web", {"A": "1=2"}, {"org.opencontainers.image.revision": "abc"})), place)

        assert config == ImageConfig(
            command=("python", "app.py"), env={"A": "1=2"}, workdir="/srv/web", labels={"org.opencontainers.image.revision": "abc"}
        )
        assert files(place) == {"srv/web/app.py": b"print(1)", "srv/web/lib/run.sh": b"true", "srv/web/lib/main": b"print(1)"}
        assert (place / "srv/web/lib/main").is_symlink()
        assert os.access(place / "srv/web/lib/run.sh", os.X_OK)

    def test_can_be_at_the_root(self, app: Path, place: Path) -> None:
        unbuilt(built(app, Recipe("python app.py", "/")), place)

        assert (place / "app.py").is_file()

    def test_is_the_same_image_again(self, app: Path) -> None:
        first = built(app, RUN)
        os.utime(app / "app.py", (1, 1))
        (app / "lib" / "__pycache__").mkdir()
        (app / "lib" / "__pycache__" / "x.pyc").write_text("x")
        (app / ".git").write_text("gitdir: elsewhere")

        assert built(app, RUN) == first
        (app / "app.py").write_text("print(2)")
        assert built(app, RUN).digest != first.digest

    def test_has_no_times_and_owners_in_its_image(self, app: Path) -> None:
        [layer, _] = built(app, RUN).blobs
        with tarfile.open(fileobj=io.BytesIO(layer.content)) as archive:
            entries = archive.getmembers()

        assert [entry.name for entry in entries] == ["app", "app/app.py", "app/lib", "app/lib/main", "app/lib/run.sh"]
        assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname) for entry in entries} == {(0, 0, 0, "", "")}
        assert layer.content[4:8] == bytes(4)

    def test_has_an_image_as_oci_says(self, app: Path) -> None:
        image = built(app, RUN)
        [layer, config] = image.blobs
        told, manifest = json.loads(config.content), json.loads(image.manifest)

        assert (told["architecture"], told["os"], told["rootfs"]["type"]) == ("amd64", "linux", "layers")
        assert told["rootfs"]["diff_ids"] == [digest(gzip.decompress(layer.content))]
        assert manifest["layers"] == [{"mediaType": layer.media_type, "digest": digest(layer.content), "size": len(layer.content)}]
        assert manifest["config"]["digest"] == digest(config.content)
        assert image.digest == digest(image.manifest.encode())

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("python app.py", ["python", "app.py"]),
            ("python 'my app.py'", ["python", "my app.py"]),
            ("gunicorn -b :$PORT app", ["/bin/sh", "-c", "gunicorn -b :$PORT app"]),
            ("A=1 python app.py", ["/bin/sh", "-c", "A=1 python app.py"]),
            ("cd src && python app.py", ["/bin/sh", "-c", "cd src && python app.py"]),
        ],
    )
    def test_is_started_by_a_line(self, app: Path, line: str, words: list[str]) -> None:
        assert json.loads(built(app, Recipe(line)).blobs[1].content)["config"]["Cmd"] == words

    def test_may_say_in_a_procfile_what_to_start(self, app: Path) -> None:
        (app / "Procfile").write_text("worker: other\nweb:  python app.py  \n")

        assert web_command(app) == "python app.py"

    @pytest.mark.parametrize("procfile", [None, "worker: other\n", "web:\nworker: x\n"])
    def test_must_say_it_somewhere(self, app: Path, procfile: str | None) -> None:
        if procfile is not None:
            (app / "Procfile").write_text(procfile)

        with pytest.raises(CannotBuild, match="--command"):
            web_command(app)

    @pytest.mark.parametrize("to", ["/etc/hostname", "../../elsewhere", "../elsewhere"])
    def test_has_no_link_out_of_it(self, app: Path, to: str) -> None:
        (app / "out").symlink_to(to)

        with pytest.raises(CannotBuild, match="outside"):
            built(app, RUN)

    def test_has_no_absolute_link_into_it(self, app: Path) -> None:
        (app / "in").symlink_to(app / "app.py")

        with pytest.raises(CannotBuild, match="relative link"):
            built(app, RUN)

    def test_has_no_pipe(self, app: Path) -> None:
        os.mkfifo(app / "pipe")

        with pytest.raises(CannotBuild, match="pipe"):
            built(app, RUN)

    def test_has_files(self, tmp_path: Path) -> None:
        (tmp_path / "empty" / "lib").mkdir(parents=True)
        (tmp_path / "empty" / ".git").mkdir()
        (tmp_path / "empty" / ".git" / "HEAD").write_text("x")

        with pytest.raises(CannotBuild, match="no files"):
            built(tmp_path / "empty", RUN)


@pytest.fixture
def ecr() -> Iterator[Any]:
    with mock_aws(), corrections.apply():
        yield client("ecr")


def found(digest_or_tag: str, repository: str = "web") -> StoredImage:
    return image(ecr_backends[ACCOUNT][REGION], repository, digest_or_tag)


class TestPushing:
    def test_is_found_and_run(self, ecr: Any, app: Path, place: Path) -> None:
        pushed = push(ecr, built(app, RUN), "web", "1")

        assert pushed.uri == f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/web@{pushed.digest}"
        by_tag, by_digest = found("1"), found(pushed.digest)
        assert by_tag.digest == by_digest.digest == pushed.digest
        assert unpacked(by_tag.read_blob, by_tag.manifest, place).command == ("python", "app.py")
        assert (place / "app/app.py").read_text() == "print(1)"

    def test_sends_what_is_not_there(self, ecr: Any, app: Path) -> None:
        push(ecr, built(app, RUN), "web", "1")

        again = push(ecr, built(app, RUN), "web", "1")
        labelled = push(ecr, built(app, Recipe("python app.py", labels={"a": "b"})), "web", "2")

        assert ([layer.pushed for layer in again.layers], again.pushed) == ([False, False], False)
        assert ([layer.pushed for layer in labelled.layers], labelled.pushed) == ([False, True], True)

    def test_comes_in_parts(self, ecr: Any, app: Path) -> None:
        (app / "noise").write_bytes(os.urandom(11 * 1024 * 1024))

        push(ecr, built(app, RUN), "web", "1")

        assert len(found("1").read_blob(str(found("1").manifest["layers"][0]["digest"]))) > 11 * 1024 * 1024

    def test_leaves_an_immutable_tag(self, ecr: Any, app: Path) -> None:
        ecr.create_repository(repositoryName="web", imageTagMutability="IMMUTABLE")
        push(ecr, built(app, RUN), "web", "1")

        with pytest.raises(TagTaken, match=r"web.*1"):
            push(ecr, built(app, Recipe("python other.py")), "web", "1")


class TestTheRegistry:
    def an_index(self, ecr: Any, app: Path, **architectures: str) -> dict[str, str]:
        """By architecture, the digest of its image."""
        made = {each: push(ecr, built(app, Recipe(command)), "web", f"only-{each}").digest for each, command in architectures.items()}
        listed = [{"digest": each, "platform": {"os": "linux", "architecture": name}} for name, each in made.items()]
        ecr.put_image(repositoryName="web", imageManifest=json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}), imageTag="all")
        return made

    def test_has_the_image_for_this_platform(self, ecr: Any, app: Path, place: Path) -> None:
        made = self.an_index(ecr, app, arm64="arm", amd64="amd")

        chosen = found("all")

        assert chosen.digest == made["amd64"]
        assert unpacked(chosen.read_blob, chosen.manifest, place).command == ("amd",)

    def test_may_have_none_for_it(self, ecr: Any, app: Path) -> None:
        self.an_index(ecr, app, arm64="arm")

        with pytest.raises(BadImage, match="linux/amd64"):
            found("all")

    def test_says_what_is_missing(self, ecr: Any, app: Path) -> None:
        push(ecr, built(app, RUN), "web", "1")

        for wanted in (lambda: found("2"), lambda: found("1", "other"), lambda: found("1").read_blob(digest(b"x"))):
            with pytest.raises(ImageNotFound):
                wanted()

    def test_has_the_image_that_a_tag_left(self, ecr: Any, app: Path) -> None:
        old = push(ecr, built(app, RUN), "web", "1").digest
        new = push(ecr, built(app, Recipe("python other.py")), "web", "1").digest

        assert (found("1").digest, found(old).digest) == (new, old)
