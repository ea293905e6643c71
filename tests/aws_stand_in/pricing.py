"""The price list's answers for a few machines, in the form of the real one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.aws_stand_in.refusals import Refused

_HOURLY = {"ml.t2.medium": 0.056, "ml.m5.large": 0.115, "ml.m5.xlarge": 0.23, "ml.c5.xlarge": 0.204}
_COMPONENTS = {"Training": "Train", "Processing": "Processing", "Hosting": "Host", "Batch Transform": "Tsform"}


def told(operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    if operation != "GetProducts":
        raise Refused("AccessDeniedException", f"the stand-in does not have {operation}")
    if asked.get("ServiceCode") != "AmazonSageMaker":
        return {"FormatVersion": "aws_v1", "PriceList": []}
    products = [_product(machine, component) for machine in _HOURLY for component in _COMPONENTS]
    found = [product for product in products if _matches(product["product"]["attributes"], asked.get("Filters", ()))]
    start, size = int(asked.get("NextToken", "0")), int(asked.get("MaxResults", 100))
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    return {"FormatVersion": "aws_v1", "PriceList": [json.dumps(each) for each in found[start : start + size]], **more}


def _matches(attributes: Mapping[str, str], filters: Any) -> bool:
    for each in filters:
        if each["Type"] != "TERM_MATCH":
            raise Refused("InvalidParameterException", f"the stand-in has no {each['Type']} filters")
        if attributes.get(each["Field"], "").lower() != each["Value"].lower():
            return False
    return True


def _product(machine: str, component: str) -> dict[str, Any]:
    sku = hashlib.sha256(f"{machine} {component}".encode()).hexdigest()[:16].upper()
    price = {
        "unit": "Hrs",
        "description": f"${_HOURLY[machine]} per hour of {machine} for {component}",
        "pricePerUnit": {"USD": f"{_HOURLY[machine]:.10f}"},
    }
    return {
        "product": {
            "productFamily": "ML Instance",
            "sku": sku,
            "attributes": {
                "servicecode": "AmazonSageMaker",
                "regionCode": "us-east-1",
                "location": "US East (N. Virginia)",
                "locationType": "AWS Region",
                "instanceName": machine,
                "instanceType": f"{machine}-{component.replace(' ', '')}",
                "component": component,
                "usagetype": f"USE1-{_COMPONENTS[component]}:{machine}",
                "operation": "RunInstance",
            },
        },
        "serviceCode": "AmazonSageMaker",
        "publicationDate": "2026-09-01T00:00:00Z",
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": {"priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": price}}}},
    }
