"""Download of current prices from AWS's price API into the user's cache folder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from harness.kernel.errors import StateError
from harness.kernel.kinds import HOSTING, PROCESSING, TRAINING, TRANSFORM
from harness.promotion.cost.prices import load_prices, refreshed_file

PRICE_API_REGION = "us-east-1"
"""The region of the price API that is called: few regions offer the API, and each serves the prices of all regions."""
_COMPONENTS = {
    "training": TRAINING,
    "processing": PROCESSING,
    "hosting": HOSTING,
    "batchtransform": TRANSFORM,
    "transform": TRANSFORM,
}
# The use of a product without a component, from its usage type: USE1-Train:ml.m5.xlarge.
_USAGES = {"Train": TRAINING, "Process": PROCESSING, "Processing": PROCESSING, "Host": HOSTING, "Tsform": TRANSFORM}

Prices = dict[str, dict[str, float]]


def refresh(session: Any, region: str, instance_types: Iterable[str]) -> Path:
    """Fetch the prices of instance types in a region, add them to the region's file and return the file.

    ``session`` is a boto3 session.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    client = session.client("pricing", region_name=PRICE_API_REGION)
    try:
        fetched = {name: prices for name in instance_types if (prices := _fetch_prices(client, region, name))}
    except (BotoCoreError, ClientError) as error:
        raise StateError(
            f"the price API call failed: {error}", "allow pricing:GetProducts, or go on without it"
        ) from error
    file = refreshed_file(region)
    known = dict(load_prices(file).hourly_by_use) if file.is_file() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(_format_table(region, {**known, **fetched}), encoding="utf-8")
    fresh.replace(file)
    return file


def _fetch_prices(client: Any, region: str, instance_type: str) -> dict[str, float]:
    fields = {"regionCode": region, "instanceName": instance_type}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in fields.items()]
    pages = client.get_paginator("get_products").paginate(ServiceCode="AmazonSageMaker", Filters=filters)
    products = [json.loads(text) for page in pages for text in page["PriceList"]]
    return dict(_by_use(products))


def _by_use(products: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, float]]:
    for product in products:
        attributes = product["product"]["attributes"]
        use, dollars = _use(attributes), _dollars(product)
        if use and dollars:
            yield use, dollars


def _use(attributes: Mapping[str, str]) -> str | None:
    if component := attributes.get("component"):
        return _COMPONENTS.get(re.sub(r"[^a-z]", "", component.lower()))
    usage = attributes.get("usagetype", "").partition(":")[0].rpartition("-")[2]
    return _USAGES.get(usage)


def _dollars(product: Mapping[str, Any]) -> float:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term["priceDimensions"].values():
            price = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            if price and dimension.get("unit", "Hrs").lower().startswith(("hr", "hour")):
                return price
    return 0.0


def _format_table(region: str, hourly: Mapping[str, Mapping[str, float]]) -> str:
    lines = [
        f'dated = "{datetime.now(timezone.utc):%Y-%m-%d}"',
        f'region = "{region}"',
        f'source = "the AWS price API, {region}"',
        "",
        "[hourly]",
    ]
    for name, prices in sorted(hourly.items()):
        lines.append(f'"{name}" = {{ {", ".join(f"{use} = {price}" for use, price in sorted(prices.items()))} }}')
    return "\n".join([*lines, ""])
