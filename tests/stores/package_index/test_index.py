"""The cache in front of an HTTP index: what it fetches, keeps and refuses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from harness.stores.package_index import index as module
from harness.stores.package_index.configuration import IndexConfiguration
from harness.stores.package_index.index import PackageIndex, Refused

WHEEL = "tiny-1.0-py3-none-any.whl"
DIGEST = hashlib.sha256(b"wheel").hexdigest()


class Upstream:
    """An index that wants a password; ``answers`` are (status, content or target of a redirect) by path."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        page = f'<a href="/f/{WHEEL}#sha256={DIGEST}" data-core-metadata="true"></a><a href="/f/tiny-2.0.tar.gz"></a>'
        self.answers: dict[str, tuple[int, str]] = {
            "/simple/tiny/": (200, page),
            f"/f/{WHEEL}": (200, "wheel"),
            f"/f/{WHEEL}.metadata": (200, "Name: tiny"),
            "/f/tiny-2.0.tar.gz": (302, "file:///etc/passwd"),
        }
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                status, text = outer.answers.get(self.path, (404, ""))
                if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"me:s@cret").decode():
                    status = 401
                self.send_response(status)
                self.send_header("Content-Type", "text/html")
                if status == 302:
                    self.send_header("Location", text)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://me:s%40cret@127.0.0.1:{self.server.server_port}/simple"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    made = Upstream()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_pages_and_files_are_fetched_once_and_kept_for_later(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", -1.0)
    index = PackageIndex(IndexConfiguration((upstream.url,)), tmp_path)
    assert index.file("tiny", WHEEL).read_bytes() == b"wheel"
    assert index.file("tiny", f"{WHEEL}.metadata").read_text() == "Name: tiny"
    upstream.server.shutdown()
    upstream.server.server_close()
    later = PackageIndex(IndexConfiguration((upstream.url,)), tmp_path)
    assert later.file("tiny", WHEEL).read_bytes() == b"wheel"
    with pytest.raises(Refused, match=r"other was not installed before .* 127\.0\.0\.1 cannot be reached") as refused:
        later.links("other")
    assert "cret" not in str(refused.value)
    assert not any(b"cret" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_nothing_is_fetched_that_no_page_lists(upstream: Upstream, tmp_path: Path) -> None:
    index = PackageIndex(IndexConfiguration((upstream.url,)), tmp_path)
    attempts = [("tiny", "tiny-3.0.tar.gz"), ("tiny", "../x"), ("..", "x"), ("Tiny", WHEEL), ("a/b", "c")]
    for project, filename in attempts:
        with pytest.raises(Refused):
            index.file(project, filename)
    assert set(upstream.asked) == {"/simple/tiny/"}


def test_wrong_hashes_and_redirects_to_files_are_refused(upstream: Upstream, tmp_path: Path) -> None:
    upstream.answers[f"/f/{WHEEL}"] = (200, "other")
    index = PackageIndex(IndexConfiguration((upstream.url,)), tmp_path)
    with pytest.raises(Refused, match="its sha256 differs"):
        index.file("tiny", WHEEL)
    with pytest.raises(Refused, match=r"127\.0\.0\.1 cannot be reached"):
        index.file("tiny", "tiny-2.0.tar.gz")
    assert not [file for file in (tmp_path / "files").rglob("*") if file.is_file()]


def test_installing_switched_off_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="HARNESS_INSTALL=1"):
        PackageIndex(IndexConfiguration(()), tmp_path, install=False).links("tiny")


def test_the_first_index_that_knows_a_project_is_the_only_one_for_uv(tmp_path: Path) -> None:
    for name, version in (("one", "1.0"), ("two", "2.0")):
        folder = tmp_path / name / "tiny"
        folder.mkdir(parents=True)
        (folder / f"tiny-{version}.tar.gz").touch()
    links = tmp_path / "links"
    links.mkdir()
    (links / "tiny-3.0.tar.gz").touch()
    (links / "other-3.0.tar.gz").touch()
    sources = ((tmp_path / "one").as_uri(), (tmp_path / "two").as_uri())
    uv = PackageIndex(IndexConfiguration(sources, first_index_only=True), tmp_path)
    pip = PackageIndex(IndexConfiguration(sources, (links.as_uri(),)), tmp_path)
    assert [link.filename for link in uv.links("tiny")] == ["tiny-1.0.tar.gz"]
    assert [link.filename for link in pip.links("tiny")] == [f"tiny-{v}.0.tar.gz" for v in (3, 1, 2)]


def test_constraints_are_joined_without_options_and_credentials(tmp_path: Path) -> None:
    lines = ("--index-url https://me:x@i.example/", "-c more.txt", "b @ https://me:x@h.example/b-1.zip", "")
    (tmp_path / "c.txt").write_text("\n".join(lines))
    (tmp_path / "more.txt").write_text("a<2  # why\n")
    configuration = IndexConfiguration((), constraints=((tmp_path / "c.txt").as_uri(),))
    assert PackageIndex(configuration, tmp_path).constraints() == "a<2\nb @ https://h.example/b-1.zip\n"
