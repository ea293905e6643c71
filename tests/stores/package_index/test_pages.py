"""Which links of an index page a job is shown, and what a page says of each."""

from __future__ import annotations

import json

import pytest

from harness.stores.package_index.pages import BadPage, may_follow, project_of, read_page, write_page

HTML = "text/html; charset=utf-8"
URL = "https://index.example/simple/tiny/"
DIGEST = "a" * 64


def names(page: str, url: str = URL, project: str = "tiny") -> list[str]:
    return [link.filename for link in read_page(page.encode(), HTML, url, project)]


def test_a_page_keeps_hash_python_yank_and_metadata_of_its_files() -> None:
    page = f"""<base href="/files/"><a
        href="a/tiny-1.0-py3-none-any.whl#sha256={DIGEST}" data-requires-python="&gt;=3.9"
        data-yanked="bad &amp; old" data-core-metadata="sha256={DIGEST}">x</a><a href="tiny-1.0.tar.gz">y</a>"""
    wheel, archive = read_page(page.encode(), HTML, URL, "tiny")
    assert wheel.url == "https://index.example/files/a/tiny-1.0-py3-none-any.whl"
    assert (wheel.hashes, wheel.metadata) == ({"sha256": DIGEST}, DIGEST)
    assert (archive.hashes, archive.yanked, archive.metadata) == ({}, None, None)
    again = read_page(write_page("tiny", [wheel, archive], "../files/tiny/"), HTML, "http://here/simple/tiny/", "tiny")
    assert again[0].url == "http://here/simple/files/tiny/tiny-1.0-py3-none-any.whl"
    assert (again[0].requires_python, again[0].yanked) == (">=3.9", "bad & old")
    assert (again[0].hashes, again[0].metadata) == (wheel.hashes, wheel.metadata)


def test_json_pages_are_read_like_html() -> None:
    entry = {
        "filename": "tiny-1.0-py3-none-any.whl",
        "url": "../../f/tiny-1.0-py3-none-any.whl",
        "hashes": {"sha256": DIGEST, "md5": "0"},
        "requires-python": None,
        "yanked": True,
        "core-metadata": {"sha256": DIGEST},
    }
    page = json.dumps({"files": [entry, {"filename": 7}, None]}).encode()
    (link,) = read_page(page, "application/vnd.pypi.simple.v1+json", URL, "tiny")
    assert link.url == "https://index.example/f/tiny-1.0-py3-none-any.whl"
    assert (link.hashes, link.yanked, link.metadata) == ({"sha256": DIGEST}, "", DIGEST)


@pytest.mark.parametrize(
    "href",
    [
        "../../../etc/passwd",
        "tiny-1.0.tar.gz/..%2F..%2Fshadow",
        "x/..%2ftiny-1.0.tar.gz",
        "tiny-1.0%0a.tar.gz",
        "tiny-1.0.exe",
        "other-1.0-py3-none-any.whl",
        "tiny-1.0-py3.whl",
        "file:///etc/tiny-1.0.tar.gz",
        "ftp://files.example/tiny-1.0.tar.gz",
        "http://127.0.0.1:8080/tiny-1.0.tar.gz",
        "http://[::1]/tiny-1.0.tar.gz",
        "http://169.254.169.254/tiny-1.0.tar.gz",
        "http://10.0.0.8/tiny-1.0.tar.gz",
        "http://localhost/tiny-1.0.tar.gz",
        "http://intranet/tiny-1.0.tar.gz",
        "http://[broken/tiny-1.0.tar.gz",
    ],
)
def test_links_that_lead_elsewhere_are_left_out(href: str) -> None:
    assert names(f'<a href="{href}">x</a><a href="https://cdn.example/tiny-2.0.tar.gz">y</a>') == ["tiny-2.0.tar.gz"]


def test_an_index_on_this_machine_may_name_itself_and_local_files() -> None:
    assert names('<a href="/f/tiny-1.0.tar.gz">x</a>', "http://127.0.0.1:80/simple/tiny/") == ["tiny-1.0.tar.gz"]
    assert names('<a href="../../f/tiny-1.0.tar.gz">x</a>', "file:///p/simple/tiny/index.html") == ["tiny-1.0.tar.gz"]
    assert not may_follow("https://index.example/", "file:///etc/passwd")


def test_names_of_files_give_their_projects() -> None:
    assert project_of("Foo.Bar_baz-1.0.tar.gz") == "foo-bar-baz"
    assert project_of("foo_bar-1.0-py3-none-any.whl") == "foo-bar"
    assert project_of("foo") is None


@pytest.mark.parametrize(("text", "kind"), [(b"[]", "application/json"), (b"<a>", "image/png"), (b"{", "text/json")])
def test_what_is_no_page_is_an_error(text: bytes, kind: str) -> None:
    with pytest.raises(BadPage):
        read_page(text, kind, URL)
