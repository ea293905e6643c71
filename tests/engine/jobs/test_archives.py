"""Archives that may be hostile: what is refused, and that nothing of it was written anywhere."""

from __future__ import annotations

import gzip
import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.engine.jobs.archives import pack, unpack
from harness.engine.jobs.failures import JobFailed
from harness.kernel import unpacking

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


Entry = tuple[str, bytes] | tarfile.TarInfo


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    return made


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    """The folder that entries were unpacked into."""

    def make(*entries: Entry) -> Path:
        archive, folder = tmp_path / "in" / "model.tar.gz", tmp_path / "deep" / "folder"
        archive.parent.mkdir()
        folder.mkdir(parents=True)
        with tarfile.open(archive, "w:gz") as tar:
            for entry in entries:
                if isinstance(entry, tarfile.TarInfo):
                    tar.addfile(entry)
                else:
                    info = tarfile.TarInfo(entry[0])
                    info.size = len(entry[1])
                    info.mode = 0o4755
                    tar.addfile(info, io.BytesIO(entry[1]))
        unpack(archive, folder, "s3://b/model.tar.gz")
        return folder

    return make


def everything(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    source, archive, target = tmp_path / "source", tmp_path / "a.tar.gz", tmp_path / "target"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "file").write_text("text")
    target.mkdir()
    with archive.open("wb") as stream:
        pack([("deep/file", (source / "deep" / "file").open("rb")), ("gone", None)], stream)
    unpack(archive, target, "a")
    assert (target / "deep" / "file").read_text() == "text"


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        (("../escaped", b"x"), "outside its own folder"),
        (("a/../../escaped", b"x"), "outside its own folder"),
        (("/tmp/escaped", b"x"), "outside its own folder"),
        (link("away", "/etc/passwd"), "links outside its folder"),
        (link("deep/away", "../../x"), "links outside its folder"),
        (link("hard", "../x", tarfile.LNKTYPE), "links outside its folder"),
        (link("hard", "/etc/passwd", tarfile.LNKTYPE), "links outside its folder"),
        (special("device", tarfile.CHRTYPE), "neither a file nor a folder"),
        (special("pipe", tarfile.FIFOTYPE), "neither a file nor a folder"),
    ],
)
def test_hostile_members_are_refused_before_anything_is_written(
    unpacked: Callable[..., Path], tmp_path: Path, entry: Entry, text: str
) -> None:
    with pytest.raises(JobFailed) as refused:
        unpacked(("harmless", b"1"), entry)
    assert refused.value.reason.startswith("ClientError: Model archive s3://b/model.tar.gz")
    assert text in refused.value.reason
    assert everything(tmp_path) == {"in", "in/model.tar.gz", "deep", "deep/folder"}


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([link("hard", "absent", tarfile.LNKTYPE)], "'hard' links to 'absent', which it does not hold"),
        ([("harmless/below", b"2")], "'harmless/below' cannot be unpacked: "),
        ([special("harmless", tarfile.DIRTYPE)], "'harmless' cannot be unpacked: File exists"),
        ([(".", b"2")], "'.' is the folder itself, and no folder"),
        ([("n" * 300, b"2")], "cannot be a file: File name too long: a part of it has 300 bytes"),
    ],
    ids=["link to nothing", "file as a folder", "folder over a file", "the folder itself", "long name"],
)
def test_members_that_can_be_no_files_are_named(
    unpacked: Callable[..., Path], tmp_path: Path, entries: list[Entry], text: str
) -> None:
    with pytest.raises(JobFailed) as refused:
        unpacked(("harmless", b"1"), *entries)
    assert refused.value.reason.startswith("ClientError: Model archive s3://b/model.tar.gz: ")
    assert text in refused.value.reason
    assert str(tmp_path) not in refused.value.reason


def test_links_that_climb_only_together(unpacked: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="outside"):
        unpacked(("f", b""), link("a", "."), link("a/b", ".."), ("a/b/escaped", b"x"))
    assert not list(tmp_path.rglob("escaped"))


def test_a_chain_of_links_is_followed_as_far_as_linux_follows_it(unpacked: Callable[..., Path]) -> None:
    chain = [link(f"l{number}", f"l{number - 1}") for number in range(1, 39)]
    folder = unpacked(("d/f", b"1"), link("l0", "./d//"), *chain, ("l38/g", b"2"))
    assert (folder / "d" / "g").read_bytes() == b"2"


def test_a_longer_chain_is_refused(unpacked: Callable[..., Path]) -> None:
    longer = [link(f"l{number}", f"absent/../l{number - 1}") for number in range(1, 3000)]
    with pytest.raises(JobFailed, match="'l41' cannot be unpacked: Too many levels of symbolic links"):
        unpacked(("f", b"1"), link("l0", "f"), *longer)


def test_a_link_that_another_one_replaces_is_looked_up_anew(unpacked: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="outside"):
        unpacked(
            ("x/y/f", b"1"), link("a", "x/y"), link("b", "a/.."), ("b/g", b"2"), link("a", "."), ("b/escaped", b"")
        )
    assert not list(tmp_path.rglob("escaped"))


def test_a_file_does_not_write_through_a_link(unpacked: Callable[..., Path]) -> None:
    folder = unpacked(("real", b"1"), link("name", "real"), ("name", b"2"))
    assert ((folder / "real").read_bytes(), (folder / "name").read_bytes()) == (b"1", b"2")


def test_links_within_the_folder_are_kept(unpacked: Callable[..., Path]) -> None:
    folder = unpacked(("deep/real", b"1"), link("soft", "deep/real"), link("hard", "deep/real", tarfile.LNKTYPE))
    assert ((folder / "soft").read_bytes(), (folder / "hard").read_bytes()) == (b"1", b"1")


def test_modes_and_owners_are_ours(unpacked: Callable[..., Path]) -> None:
    assert (unpacked(("run.sh", b"1")) / "run.sh").stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain text",
        gzip.compress(b"text, not tar"),
        gzip.compress(b"x" * 100_000)[:60],
        gzip.compress(b"y" * 5000)[:-12] + b"\0" * 12,
    ],
    ids=["empty", "text", "gzip of text", "cut", "damaged"],
)
def test_what_is_no_archive(tmp_path: Path, data: bytes) -> None:
    archive, folder = tmp_path / "model.tar.gz", tmp_path / "folder"
    archive.write_bytes(data)
    folder.mkdir()
    with pytest.raises(JobFailed) as refused:
        unpack(archive, folder, "s3://b/m.tar.gz")
    assert refused.value.reason.startswith("ClientError: Model data s3://b/m.tar.gz is not a tar.gz archive")


def test_a_cut_archive(tmp_path: Path) -> None:
    whole, folder = tmp_path / "whole.tar.gz", tmp_path / "folder"
    (tmp_path / "big").write_bytes(bytes(range(256)) * 4000)
    folder.mkdir()
    with whole.open("wb") as stream:
        pack([("big", (tmp_path / "big").open("rb"))], stream)
    whole.write_bytes(whole.read_bytes()[:-2000])
    with pytest.raises(JobFailed, match=r"^ClientError: "):
        unpack(whole, folder, "m")


def test_an_archive_without_a_file(unpacked: Callable[..., Path]) -> None:
    with pytest.raises(JobFailed, match="holds no file"):
        unpacked(special("only-a-folder", tarfile.DIRTYPE))


def test_packed_files_belong_to_a_containers_root_without_privileges(tmp_path: Path) -> None:
    (tmp_path / "program").write_text("x")
    (tmp_path / "program").chmod(0o6755)
    with (tmp_path / "packed.tar.gz").open("wb") as stream:
        pack([("program", (tmp_path / "program").open("rb"))], stream)
    with tarfile.open(tmp_path / "packed.tar.gz") as tar:
        [member] = tar.getmembers()
    assert (member.mode, member.uid, member.gid, member.uname) == (0o755, 0, 0, "root")


def sparse_file(size: int) -> bytes:
    """A gzipped tar of a few bytes whose one member is a file of so many zeros (old GNU format)."""
    info = tarfile.TarInfo("sparse")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))

    def number(value: int) -> bytes:
        return tarfile.itn(value, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined,no-any-return]

    header[386:398], header[398:410], header[483:495] = number(size), number(0), number(size)
    return gzip.compress(with_checksum(header) + b"\0" * 1024)


def with_checksum(header: bytearray) -> bytes:
    header[148:156] = b"        "
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header[:512])


def large_header(size: int) -> bytes:
    """A gzipped tar whose one extended header claims, and has, so many bytes."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(size))


def negative_size() -> bytes:
    header = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 10 + b"\xfc\0"
    return gzip.compress(with_checksum(header) + b"\0" * 1024)


def chain_of_headers(count: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type = tarfile.XHDTYPE
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) * count)


def many_members(count: int) -> bytes:
    return gzip.compress(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT) * count, compresslevel=1)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (sparse_file(1 << 40), "is too large: it unpacks to more than"),
        (large_header(65 << 20), "is too large: its headers have more than"),
        (many_members(100_001), "is too large: it has more than 100,000 members"),
        (negative_size(), "size below 0"),
        (chain_of_headers(2000), "is not a tar.gz archive"),
    ],
    ids=["sparse", "large header", "many members", "negative size", "chain of headers"],
)
def test_an_archive_that_grows_beyond_measure_is_refused_before_it_is_unpacked(
    tmp_path: Path, data: bytes, text: str
) -> None:
    archive, folder = tmp_path / "model.tar.gz", tmp_path / "folder"
    archive.write_bytes(data)
    folder.mkdir()
    with pytest.raises(JobFailed) as refused:
        unpack(archive, folder, "s3://b/m.tar.gz")
    assert refused.value.reason.startswith("ClientError: Model ")
    assert text in refused.value.reason
    assert not list(folder.iterdir())


def test_what_is_larger_than_the_free_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, folder = tmp_path / "model.tar.gz", tmp_path / "folder"
    archive.write_bytes(sparse_file(1 << 20))
    folder.mkdir()
    unpack(archive, folder, "m")
    free = unpacking.RESERVE + (1 << 19)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with pytest.raises(JobFailed, match="more than 524,288 bytes"):
        unpack(archive, folder, "m")


def test_hard_links_take_no_room(unpacked: Callable[..., Path]) -> None:
    folder = unpacked(("real", b"1"), link("hard", "real", tarfile.LNKTYPE), link("real", "hard", tarfile.LNKTYPE))
    assert (folder / "real").stat().st_nlink == 2
    assert (folder / "hard").read_bytes() == b"1"
