"""Cross-origin access: preflights and ``Access-Control`` headers, by the CORS rules of the bucket and nothing else.

The rules of matching are those of https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree as ET

from multidict import CIMultiDict

from harness.gateway.fault_injection.s3_names import s3_call
from harness.gateway.host_check import find_bucket_in_host
from harness.gateway.request_context import RequestContext
from harness.gateway.s3_questions import ask_s3
from harness.kernel.errors import ApiError
from harness.kernel.http import Request, Response
from harness.kernel.wildcards import matches

_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
_METHOD, _HEADERS = "Access-Control-Request-Method", "Access-Control-Request-Headers"


class AccessForbidden(ApiError):
    code = "AccessForbidden"
    status = 403


@dataclass(frozen=True)
class CorsRule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: str = ""

    def matches(self, origin: str, method: str, headers: tuple[str, ...] = ()) -> bool:
        return (
            any(_matches(pattern, origin) for pattern in self.origins)
            and method in self.methods
            and all(any(_matches(pattern.lower(), name.lower()) for pattern in self.headers) for name in headers)
        )

    def answer(self, origin: str, requested: tuple[str, ...] = ()) -> Mapping[str, str]:
        """The headers of an answer to a request that this rule matches."""
        everyone = "*" in self.origins
        answer = {
            "Access-Control-Allow-Origin": "*" if everyone else origin,
            "Access-Control-Allow-Methods": ", ".join(self.methods),
            "Access-Control-Allow-Headers": ", ".join(requested),
            "Access-Control-Expose-Headers": ", ".join(self.exposed),
            "Access-Control-Max-Age": self.max_age,
            "Access-Control-Allow-Credentials": "" if everyone else "true",
            "Vary": _VARY,
        }
        return {name: value for name, value in answer.items() if value}


def is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "Origin" in request.headers and _METHOD in request.headers


async def answer_preflight(exchange: RequestContext) -> Response:
    headers = exchange.request.headers
    exchange.service, exchange.account = "s3", exchange.site.settings.account
    await find_bucket_in_host(exchange)
    rules = await _bucket_rules(exchange)
    if not rules:
        raise AccessForbidden("CORSResponse: CORS is not enabled for this bucket.")
    origin = headers["Origin"]
    requested = tuple(name.strip() for name in headers.get(_HEADERS, "").split(",") if name.strip())
    for rule in rules:
        if rule.matches(origin, headers[_METHOD], requested):
            return Response(200, CIMultiDict(rule.answer(origin, requested)))
    raise AccessForbidden(
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
        "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
        "resource's CORS spec."
    )


async def set_cors_headers(exchange: RequestContext, response: Response) -> None:
    """Drop what the backend says of other origins; say what the bucket's rules say to the request's origin."""
    if is_preflight(exchange.request):
        return
    for name in [name for name in response.headers if name.lower().startswith("access-control-")]:
        response.headers.popall(name, None)
    origin = exchange.origin
    if not origin or exchange.service != "s3":
        return
    for rule in await _bucket_rules(exchange):
        if rule.matches(origin, exchange.request.method):
            response.headers.update(rule.answer(origin))
            return


async def _bucket_rules(exchange: RequestContext) -> tuple[CorsRule, ...]:
    bucket = s3_call(exchange.request).bucket
    document = await ask_s3(exchange, f"/{quote(bucket, safe='')}?cors") if bucket else None
    return read_rules(document) if document is not None else ()


def read_rules(document: bytes) -> tuple[CorsRule, ...]:
    """The rules of a GetBucketCors answer."""
    rules = []
    for element in ET.fromstring(document).iter():
        if _tag(element) != "CORSRule":
            continue
        values: dict[str, tuple[str, ...]] = {}
        for child in element:
            values[_tag(child)] = (*values.get(_tag(child), ()), child.text or "")
        rules.append(
            CorsRule(
                values.get("AllowedOrigin", ()),
                values.get("AllowedMethod", ()),
                values.get("AllowedHeader", ()),
                values.get("ExposeHeader", ()),
                values.get("MaxAgeSeconds", ("",))[0],
            )
        )
    return tuple(rules)


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _matches(pattern: str, text: str) -> bool:
    return matches(pattern, text, one="")
