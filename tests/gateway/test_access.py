"""Who may call the emulator: names, browsers, signatures, the admin token and other users, on a whole emulator."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.gateway.peers import Peer, PeerLookup
from harness.settings import Settings
from harness.stores.credentials import read_admin_token, read_client_secret

BUCKET = "the-bucket"
KEY = "123456789012"
PAGE = "http://page.example"
FOREIGN = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}


class Client:
    """A program that speaks HTTP to the emulator, and one that has boto3."""

    def __init__(self, address: str, state: Path) -> None:
        self.address, self.state = address, state
        where = urlsplit(address)
        self.host = where.netloc
        self._ip, self._port = where.hostname or "", where.port
        self.secret = read_client_secret(state)

    def ask(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"", host: str = ""
    ) -> tuple[int, bytes, Mapping[str, str]]:
        connection = http.client.HTTPConnection(self._ip, self._port, timeout=30)
        try:
            connection.request(method, target, body, {"Host": host or self.host, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.read(), dict(answer.headers)
        finally:
            connection.close()

    def boto(self, service: str, secret: str = "any", key: str = KEY, token: str | None = None, **config: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address.replace("127.0.0.1", config.pop("at", "127.0.0.1")),
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    def fetch(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Any:
        """Like a page's fetch of a URL, whatever name it has: the name is looked up as loopback."""
        where = urlsplit(url)
        return self.ask(method, f"{where.path}?{where.query}", headers, body, host=where.netloc)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    state = tmp_path_factory.mktemp("access") / ".harness"
    with Emulator(Settings(state=state, port=0, allowed_hosts=("emulator.example", "harness"))) as emulator:
        client = Client(emulator.address, emulator.state)
        client.boto("s3").create_bucket(Bucket=BUCKET)
        client.boto("s3").put_object(Bucket=BUCKET, Key="a b/ü", Body=b"private")
        yield client


@pytest.mark.parametrize(
    "name",
    [
        *("127.0.0.1", "127.9.9.9", "[::1]", "localhost", "LOCALHOST.", "x.localhost", "harness", "machine-1"),
        *("host.docker.internal", "b.host.docker.internal", "emulator.example", "my.b.emulator.example", "b.harness"),
        *("s3.localhost.localstack.cloud", "b.s3.localhost.localstack.cloud", "the-bucket.127.0.0.1"),
        *("s3.us-east-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", "api.sagemaker.us-east-1.amazonaws.com"),
        "sts.cn-north-1.amazonaws.com.cn",
    ],
)
def test_the_emulators_own_names_are_answered_at_any_port(here: Client, name: str) -> None:
    for host in (name, f"{name}:1234"):
        assert here.ask("GET", "/_harness/health", host=host)[0] == 200


@pytest.mark.parametrize(
    "name",
    [
        *("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost.com", "b.machine"),
        *("192.168.1.7", "[2001:db8::1]", "10.0.0.1", "amazonaws.com.evil.example", "notemulator.example"),
        *("0.0.0.0", "evil@127.0.0.1", "evil.example#.localhost", "", "127.0.0.1:x", "xamazonaws.com"),
    ],
)
def test_other_names_are_refused_whatever_is_asked(here: Client, name: str) -> None:
    token = {"Authorization": f"Bearer {read_admin_token(here.state)}"}
    for method, target, headers in (
        ("GET", "/_harness/health", {}),
        ("POST", "/_harness/reset", token),
        ("GET", f"/{BUCKET}", {}),
        ("GET", here.boto("s3").generate_presigned_url("list_buckets").removeprefix(here.address), {}),
    ):
        connection = http.client.HTTPConnection(here.host, timeout=30)
        connection.putrequest(method, target, skip_host=True)
        for header, value in {"Host": name, **headers}.items():
            connection.putheader(header, value)
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status in (400, 403)
            assert name != "evil.example" or b"allowed_hosts" in answer.read()
        connection.close()


def test_a_request_has_one_host(here: Client) -> None:
    for hosts in ((), ("localhost", "evil.example")):
        connection = http.client.HTTPConnection(here.host, timeout=30)
        connection.putrequest("GET", "/_harness/health", skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.endheaders()
        with connection.getresponse() as answer:
            assert answer.status in (400, 403)
        connection.close()


@pytest.mark.parametrize(
    "marks",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "surprise"},
        {"Origin": "null"},
        {"Origin": PAGE},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://"},
        {"Origin": "chrome-extension://abc"},
        {"Origin": "http://localhost:{port}"},
        {"Sec-Fetch-Site": "none", "Origin": PAGE},
    ],
)
def test_a_page_of_another_site_changes_and_reads_nothing(here: Client, marks: Mapping[str, str]) -> None:
    marks = {name: value.format(port=urlsplit(here.address).port) for name, value in marks.items()}
    form = {**marks, "Content-Type": "application/x-www-form-urlencoded"}
    bearer = {**marks, "Authorization": f"Bearer {read_admin_token(here.state)}"}
    web_identity = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=s&WebIdentityToken=t"
    signed = "Credential=1/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"
    presigned = here.boto("s3").generate_presigned_url("delete_bucket", {"Bucket": BUCKET}).removeprefix(here.address)
    tries = [
        ("POST", "/_harness/reset", marks, b""),
        ("POST", "/_harness/shutdown", bearer, b""),
        ("GET", "/_harness/jobs", bearer, b""),
        ("POST", "/", form, b"Action=CreateUser&UserName=evil&Version=2010-05-08"),
        ("POST", "/", {**form, "Authorization": f"AWS4-HMAC-SHA256 {signed}"}, b"Action=CreateUser&UserName=evil"),
        ("POST", "/", form, web_identity),
        ("GET", f"/{BUCKET}/a%20b/%C3%BC", marks, b""),
        ("PUT", f"/{BUCKET}/planted", marks, b"x"),
        ("DELETE", presigned, marks, b""),
        ("POST", "/endpoints/e/invocations", marks, b"1"),
        ("POST", "/", {**marks, "X-Amz-Target": "SageMaker.ListModels"}, b"{}"),
    ]
    for method, target, headers, body in tries:
        status, _, answered = here.ask(method, target, headers, body)
        assert status in (401, 403), (method, target)
        assert not [name for name in answered if name.lower().startswith("access-control-")]
    assert here.boto("iam").list_users()["Users"] == []
    assert here.boto("s3").list_buckets()["Buckets"]


def test_an_unmarked_browser_on_a_name_that_gets_no_marks_must_sign(here: Client) -> None:
    """Browsers send Sec-Fetch-Site to loopback names only, where the protocol is plain http."""
    url = here.boto("s3").generate_presigned_url("list_buckets").replace("127.0.0.1", "s3.localhost.localstack.cloud")
    assert here.fetch("GET", url, {"User-Agent": "Mozilla/5.0 (X11)"})[0] == 403
    assert here.fetch("GET", url)[0] == 200


def test_every_call_says_who_makes_it(here: Client) -> None:
    for method, target, headers, body in (
        ("GET", "/", {}, b""),
        ("GET", f"/{BUCKET}?list-type=2", {}, b""),
        ("PUT", f"/{BUCKET}/k", {}, b"x"),
        ("GET", f"/{BUCKET}/k", {"Authorization": "Basic YTpi"}, b""),
        ("GET", "/?Action=ListUsers&Version=2010-05-08", {}, b""),
        ("POST", "/", {"X-Amz-Target": "SageMaker.ListModels"}, b"{}"),
        ("POST", "/endpoints/e/invocations", {}, b"1"),
        ("POST", "/?Action=CreateUser&Version=2010-05-08", _FORM, b"Action=AssumeRoleWithWebIdentity"),
        ("POST", "/", _FORM, b"Action=AssumeRoleWithWebIdentity&Version=2010-05-08"),
        ("POST", "/", _FORM, b"Action=CreateUser&Action=AssumeRoleWithWebIdentity&Version=2011-06-15"),
        ("POST", f"/{BUCKET}", {"Content-Type": "multipart/form-data; boundary=b"}, _part("key", "k") + _END),
    ):
        status, answered, _ = here.ask(method, target, headers, body)
        assert status == 403, (method, target)
        assert b"harness env" in answered or b"MissingAuthenticationToken" in answered
    assumed = here.ask(
        "POST",
        "/",
        _FORM,
        b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fr"
        b"&RoleSessionName=session&WebIdentityToken=token",
    )
    assert assumed[0] == 200


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_END = b"--b--\r\n"


def _part(name: str, value: str) -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def test_public_objects_are_read_without_a_signature_and_no_others(here: Client) -> None:
    s3 = here.boto("s3")
    s3.create_bucket(Bucket="public-b")
    for key, acl in (("acl", "public-read"), ("no", "private"), ("policy/x", "private"), ("policy/no", "public-read")):
        s3.put_object(Bucket="public-b", Key=key, Body=b"x", ACL=acl)
    allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "arn:aws:s3:::public-b/policy/*"}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::public-b/policy/no"}
    s3.put_bucket_policy(Bucket="public-b", Policy=json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}))
    codes = {key: here.ask("GET", f"/public-b/{key}")[0] for key in ("acl", "no", "policy/x", "policy/no", "nothing")}
    assert codes == {"acl": 200, "no": 403, "policy/x": 200, "policy/no": 403, "nothing": 403}
    assert here.ask("HEAD", "/public-b/acl")[0] == 200
    assert here.ask("GET", "/public-b/acl?acl")[0] == 403
    assert here.ask("GET", "/public-b")[0] == 403
    assert here.ask("PUT", "/public-b/acl", body=b"other")[0] == 403


@pytest.mark.parametrize("version", ["s3", "s3v4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
@pytest.mark.parametrize("at", ["localhost", "emulator.example", "host.docker.internal"])
def test_a_page_may_use_what_the_emulators_secret_presigned(here: Client, version: str, style: str, at: str) -> None:
    config = {"signature_version": version, "s3": {"addressing_style": style}, "at": at}
    own, others = here.boto("s3", here.secret, **config), here.boto("s3", "others", **config)
    asked = {"Bucket": BUCKET, "Key": "a b/ü"}
    url = own.generate_presigned_url("get_object", asked)
    assert here.fetch("GET", url, FOREIGN)[:2] == (200, b"private")
    put = own.generate_presigned_url("put_object", {**asked, "Key": f"{version}{style}", "ContentType": "text/x"})
    assert here.fetch("PUT", put, {**FOREIGN, "Content-Type": "text/x"}, b"by a page")[0] == 200
    assert here.boto("s3").get_object(Bucket=BUCKET, Key=f"{version}{style}")["Body"].read() == b"by a page"
    for method, target in (
        ("GET", others.generate_presigned_url("get_object", asked)),
        ("GET", url.replace("%20", "%21")),
        ("PUT", url),
        ("GET", url + "&versionId=x"),
        ("GET", url + "&retention"),
        ("GET", own.generate_presigned_url("get_object", asked, ExpiresIn=-5)),
    ):
        assert here.fetch(method, target, FOREIGN)[0] == 403
    copied = here.fetch("PUT", put, {**FOREIGN, "Content-Type": "text/x", "x-amz-copy-source": "/the-bucket/a"})
    assert copied[0] == 403
    # Without a browser's marks anybody's signature will do.
    assert here.fetch("GET", others.generate_presigned_url("get_object", asked))[:2] == (200, b"private")


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_page_may_post_what_the_emulators_secret_allows(here: Client, version: str) -> None:
    conditions: list[Any] = [["starts-with", "$key", "up/"], ["content-length-range", 1, 20]]

    def post(
        secret: str = here.secret, data: bytes = b"hello", marks: Mapping[str, str] = FOREIGN, **fields: Any
    ) -> int:
        s3 = here.boto("s3", secret, signature_version=version)
        form = s3.generate_presigned_post(BUCKET, "up/${filename}", Conditions=conditions, ExpiresIn=lifetime)
        fields = {**form["fields"], **fields}
        found = requests.post(form["url"], data=fields, files={"file": ("f.txt", data)}, headers=marks, timeout=30)
        return found.status_code

    lifetime = 60
    assert post(key="up/mine") == 204
    assert here.boto("s3").get_object(Bucket=BUCKET, Key="up/mine")["Body"].read() == b"hello"
    assert post(data=b"x" * 20, key="up/longest") == 204
    assert post(key="elsewhere") == 403
    assert post(data=b"x" * 21, key="up/too-long") == 403
    assert post(acl="public-read", key="up/field") == 403
    assert post(secret="others", key="up/others") == 403
    assert post(policy="e30=", key="up/policy") == 403
    assert post(secret="others", marks={}, key="up/program") == 204
    assert post(key="up/head", **{"x-ignore-a": "x" * 3_000_000}) == 403
    lifetime = -5
    assert post(key="up/late") == 403
    kept = {each["Key"] for each in here.boto("s3").list_objects_v2(Bucket=BUCKET, Prefix="up/")["Contents"]}
    assert kept == {"up/mine", "up/longest", "up/program"}


def test_a_form_is_no_other_request_and_ends_with_its_file(here: Client) -> None:
    s3 = here.boto("s3", here.secret, signature_version="s3v4")
    form = s3.generate_presigned_post(BUCKET, "up/form")
    parts = [(name, None, value) for name, value in form["fields"].items()]
    parts += [("file", "f.txt", "line\n--b-oundary\n"), ("acl", None, "public-read"), ("submit", None, "Upload")]
    body = ""
    for name, filename, value in parts:
        named = f'name="{name}"' + (f'; filename="{filename}"' if filename else "")
        body += f"--b\r\nContent-Disposition: form-data; {named}\r\n\r\n{value}\r\n"
    body += "--b--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=b"}
    assert here.ask("POST", f"/{BUCKET}", {**FOREIGN, **kind}, body.encode())[0] == 204
    assert s3.get_object(Bucket=BUCKET, Key="up/form")["Body"].read() == b"line\n--b-oundary\n"
    assert len(s3.get_object_acl(Bucket=BUCKET, Key="up/form")["Grants"]) == 1
    cut = body[: body.index("oundary")].encode()
    for marks, target, sent, expected in (
        (FOREIGN, f"/{BUCKET}?delete", body.encode(), 403),
        (FOREIGN, f"/{BUCKET}/key?uploads", body.encode(), 403),
        ({}, f"/{BUCKET}?delete", body.encode(), 403),
        ({}, f"/{BUCKET}", cut, 400),
        ({}, f"/{BUCKET}", body.replace("x-amz-algorithm", "x-amz-other").encode(), 403),
    ):
        assert here.ask("POST", target, {**marks, **kind}, sent)[0] == expected


def test_other_origins_may_read_what_the_buckets_rules_say(here: Client) -> None:
    s3 = here.boto("s3")
    s3.create_bucket(Bucket="cors-b")
    s3.put_object(Bucket="cors-b", Key="k", Body=b"x")
    url = here.boto("s3", here.secret).generate_presigned_url("get_object", {"Bucket": "cors-b", "Key": "k"})
    preflight = {"Origin": PAGE, "Access-Control-Request-Method": "PUT", "Sec-Fetch-Site": "cross-site"}
    target = f"/cors-b/k?{urlsplit(url).query}"
    assert here.ask("OPTIONS", "/cors-b/k", preflight)[0] == 403
    status, _, headers = here.ask("GET", target, FOREIGN)
    assert (status, headers.get("Access-Control-Allow-Origin")) == (200, None)
    rules = [
        {"AllowedOrigins": ["http://*.example"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"]},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"], "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 5},
    ]
    s3.put_bucket_cors(Bucket="cors-b", CORSConfiguration={"CORSRules": rules})
    status, _, headers = here.ask("OPTIONS", "/cors-b/k", {**preflight, "Access-Control-Request-Headers": "X-Amz-Date"})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT"
    assert headers["Access-Control-Allow-Headers"] == "X-Amz-Date"
    for changed in (
        {"Origin": "http://page.invalid"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "x-amz-date, authorization"},
    ):
        assert here.ask("OPTIONS", "/cors-b/k", {**preflight, **changed})[0] == 403
    status, _, headers = here.ask("GET", target, FOREIGN)
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    status, _, headers = here.ask("HEAD", "/cors-b/k", {**preflight, "Origin": "http://any.where"})
    assert status == 403
    assert headers["Access-Control-Allow-Origin"] == "*"
    for elsewhere in ("/_harness/reset", "/endpoints/e/invocations", "/"):
        assert here.ask("OPTIONS", elsewhere, {**preflight, "Access-Control-Request-Method": "POST"})[0] == 403


def test_same_origin_and_plain_navigation_pass(here: Client) -> None:
    url = here.boto("s3").generate_presigned_url("list_buckets").removeprefix(here.address)
    for marks in ({"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin", "Origin": here.address}):
        assert here.ask("GET", url, {"User-Agent": "Mozilla/5.0", **marks})[0] == 200


def test_a_stored_page_gets_no_rights_of_the_emulator(here: Client) -> None:
    s3 = here.boto("s3", secret=here.secret)
    s3.put_object(Bucket=BUCKET, Key="page.html", Body=b"<script>", ContentType="text/html")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "page.html"})
    target = url.removeprefix(here.address)
    for marks in ({"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Mode": "navigate"}, {"User-Agent": "Mozilla/5.0"}):
        status, _, headers = here.ask("GET", target, marks)
        assert status == 200
        assert headers["Content-Security-Policy"].startswith("sandbox ")
        assert "allow-same-origin" not in headers["Content-Security-Policy"]
    assert "Content-Security-Policy" not in here.ask("GET", target)[2]


def test_the_admin_interface_needs_the_token(here: Client) -> None:
    token = read_admin_token(here.state)
    assert (here.state / "admin-token").stat().st_mode & 0o777 == 0o600
    assert (here.state / "client-secret").stat().st_mode & 0o777 == 0o600
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {token}"}, {"X-Token": token}):
        assert here.ask("GET", "/_harness/jobs", headers)[0] == 401
        assert here.ask("POST", "/_harness/reset", headers)[0] == 401
        assert here.ask("GET", "/_harness/nothing", headers)[0] == 401
    assert here.ask("GET", f"/_harness/jobs?token={token}")[0] == 401
    assert here.ask("GET", "/_harness/jobs", {"Authorization": f"Bearer {token}"})[0] == 200
    assert here.ask("GET", "//_harness/jobs", {"Authorization": f"Bearer {token}"})[0] == 403


def test_credentials_stay_from_one_start_to_the_next_unless_others_could_read_them(tmp_path: Path) -> None:
    from harness.stores.credentials import issue_credentials

    first = issue_credentials(tmp_path)
    assert issue_credentials(tmp_path) == first
    (tmp_path / "admin-token").chmod(0o644)
    second = issue_credentials(tmp_path, "my-own")
    assert second.admin_token != first.admin_token
    assert second.client_secret == "my-own" == read_client_secret(tmp_path)
    assert issue_credentials(tmp_path) == second
    (tmp_path / "admin-token").unlink()
    (tmp_path / "elsewhere").write_text("known")
    (tmp_path / "admin-token").symlink_to("elsewhere")
    third = issue_credentials(tmp_path)
    assert third.admin_token not in ("known", second.admin_token)
    for damaged in (b"", third.admin_token[:20].encode(), b"\xff" * 40, b"\0" * 40):
        (tmp_path / "admin-token").write_bytes(damaged)
        assert len(issue_credentials(tmp_path).admin_token) == 40


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
@pytest.mark.parametrize("by_table", [False, True])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_user_of_a_connection_is_found_by_netlink_and_by_table(address: str, by_table: bool) -> None:
    lookup = PeerLookup()
    if by_table:
        lookup.close()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as listener:
        peer = socket.create_connection(listener.getsockname()[:2])
        accepted, _ = listener.accept()
        with accepted:
            names = accepted.getpeername()[:2], accepted.getsockname()[:2]
            assert lookup.find(*names) == Peer(os.geteuid())
            peer.close()  # what is closed has no user any more, not even root
            assert lookup.find(*names) == Peer(None)
    lookup.close()


OTHER_USER = r"""
import encodings.idna, os, socket, sys
os.setuid(65534)
host, port = sys.argv[1].split(":")
connection = socket.create_connection((host, int(port)), timeout=20)
connection.sendall(("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (sys.argv[2], sys.argv[1])).encode())
for block in iter(lambda: connection.recv(65536), b""):
    sys.stdout.write(block.decode())
"""


def as_other_user(client: Client, target: str) -> str:
    argv = [sys.executable, "-c", OTHER_USER, client.host, target]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout


@pytest.mark.needs("root")
def test_processes_of_other_users_are_refused_unless_a_setting_lets_them_in(here: Client, tmp_path: Path) -> None:
    said = as_other_user(here, "/_harness/health")
    assert said.startswith("HTTP/1.1 403 ")
    assert "allow_other_users" in said


@pytest.mark.needs("root")
def test_a_setting_lets_other_users_in(tmp_path: Path) -> None:
    with Emulator(Settings(state=tmp_path / ".harness", port=0, allow_other_users=True)) as emulator:
        assert as_other_user(Client(emulator.address, emulator.state), "/_harness/health").startswith("HTTP/1.1 200 ")


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    state = tmp_path_factory.mktemp("exposed") / ".harness"
    with Emulator(Settings(state=state, host="0.0.0.0", port=0, client_secret="the-secret")) as emulator:
        yield Client(emulator.address, emulator.state)


def test_listening_elsewhere_is_warned_of_and_needs_the_secret(exposed: Client) -> None:
    assert "listening on 0.0.0.0" in (exposed.state / "emulator.log").read_text()
    for service, operation in (("s3", "list_buckets"), ("iam", "list_users"), ("sagemaker", "list_models")):
        getattr(exposed.boto(service, "the-secret"), operation)()
        with pytest.raises(ClientError, match="harness env"):
            getattr(exposed.boto(service, "others"), operation)()
    assert exposed.ask("GET", "/_harness/health")[0] == 200
    assert exposed.ask("POST", "/_harness/reset")[0] == 401
    web_identity = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=s&WebIdentityToken=t"
    assert exposed.ask("POST", "/", _FORM, web_identity)[0] == 403


def test_bodies_odd_keys_and_keys_that_sts_issued_verify(exposed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = socket.getaddrinfo  # not every resolver knows the names below localhost
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: look_up("127.0.0.1", *rest, **more))
    s3 = exposed.boto("s3", "the-secret", key="AKIDANYTHING")
    s3.create_bucket(Bucket=BUCKET)
    for style in ("path", "virtual"):
        odd = exposed.boto("s3", "the-secret", s3={"addressing_style": style}, at="localhost")
        odd.put_object(Bucket=BUCKET, Key="a b/ü+%2F//~x", Body=b"x" * 200_000, Metadata={"some": "thing  else"})
        assert odd.list_objects_v2(Bucket=BUCKET, Prefix="a b/ü+")["KeyCount"] == 1
        assert len(odd.get_object(Bucket=BUCKET, Key="a b/ü+%2F//~x")["Body"].read()) == 200_000
    role = {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session"}
    given = exposed.boto("sts", "the-secret").assume_role(**role)["Credentials"]
    session = {"key": given["AccessKeyId"], "token": given["SessionToken"]}
    assert exposed.boto("s3", given["SecretAccessKey"], **session).list_buckets()["Buckets"]
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        exposed.boto("s3", "the-secret", **session).list_buckets()


def test_a_body_that_was_not_signed_is_not_stored(exposed: Client) -> None:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    exposed.boto("s3", "the-secret").create_bucket(Bucket="bodies")
    signed = AWSRequest("PUT", f"{exposed.address}/bodies/k", data=b"mine")
    S3SigV4Auth(Credentials(KEY, "the-secret"), "s3", "us-east-1").add_auth(signed)
    headers = dict(signed.headers)
    assert exposed.ask("PUT", "/bodies/k", headers, b"evil")[0] == 400
    assert exposed.ask("PUT", "/bodies/k?acl", headers, b"mine")[0] == 403
    assert exposed.boto("s3", "the-secret").list_objects_v2(Bucket="bodies")["KeyCount"] == 0
    assert exposed.ask("PUT", "/bodies/k", headers, b"mine")[0] == 200


def test_an_old_signature_is_refused(exposed: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.gateway import signatures

    now = time.time()
    monkeypatch.setattr(signatures.time, "time", lambda: now + 3600)
    with pytest.raises(ClientError, match="15 minutes"):
        exposed.boto("s3", "the-secret").list_buckets()
