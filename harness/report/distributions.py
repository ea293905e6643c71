"""Drawings of distributions: histograms of one or two populations on one axis, and bars of categories.

The two populations are Model Monitor's buckets, whose edges differ. Both are converted to the same bins, which are no
finer than the coarser buckets: else a wide bucket beside a narrow one would look like drift where there is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from harness.report.plots import Frame, draw_axes, draw_legend, wrap_svg
from harness.report.text import visible

MOST_BINS, MOST_INTEGERS, MOST_CATEGORIES = 60, 30, 10
TAIL = 0.005
"""The share of rows at either end that may be left out, so that one outlier does not flatten the picture."""
_WIDTH, _HEIGHT, _FOOT = 220, 84, 15


@dataclass(frozen=True)
class HistogramBin:
    """The number of rows between two values."""

    low: float
    high: float
    count: float


Buckets = Sequence[HistogramBin]


def draw_histogram(current: Buckets, baseline: Buckets, label: str, *, integral: bool = False) -> str:
    """Draw one feature as a small SVG: the baseline as an area, the current data as a line over it."""
    both = [buckets for buckets in (current, baseline) if _total(buckets)]
    if not both:
        return ""
    edges, whole = common_edges(both, integral)
    actual, expected = (shares(buckets, edges, whole=whole) for buckets in (current, baseline))
    first, last = _visible_bins(actual, expected)
    edges, actual, expected = edges[first : last + 1], actual[first:last], expected[first:last]
    top = max(*actual, *expected) or 1.0
    parts = [_steps(values, top, name) for values, name in ((expected, "baseline"), (actual, "current")) if any(values)]
    low, high = (edges[0] + 0.5, edges[-1] - 0.5) if whole else (edges[0], edges[-1])
    # A bin may begin before the first value.
    low, high = max(low, min(each[0].low for each in both)), min(high, max(each[-1].high for each in both))
    parts.append(f'<line class="axis" x1="0" y1="{_HEIGHT - _FOOT}" x2="{_WIDTH}" y2="{_HEIGHT - _FOOT}"/>')
    parts.append(f'<text class="tick" x="1" y="{_HEIGHT - 3}">{_short(low)}</text>')
    parts.append(f'<text class="tick" x="{_WIDTH - 1}" y="{_HEIGHT - 3}" text-anchor="end">{_short(high)}</text>')
    return _small_svg(label, parts)


def draw_categories(current: Mapping[str, float], baseline: Mapping[str, float], label: str) -> str:
    """Draw the most frequent categories as a small SVG with two bars for each: the baseline and the current data."""
    totals = sum(current.values()) or 1.0, sum(baseline.values()) or 1.0
    names = sorted({*current, *baseline}, key=lambda name: -max(current.get(name, 0), baseline.get(name, 0)))
    names = names[:MOST_CATEGORIES]
    if not names:
        return ""
    pairs = [(current.get(name, 0) / totals[0], baseline.get(name, 0) / totals[1]) for name in names]
    top, width = max(max(pair) for pair in pairs) or 1.0, _WIDTH / len(names)
    parts = []
    for at, (name, (actual, expected)) in enumerate(zip(names, pairs, strict=True)):
        for offset, share, kind in ((0.08, expected, "baseline"), (0.48, actual, "current")):
            tall = share / top * (_HEIGHT - _FOOT - 4)
            title = f"<title>{escape(visible(name))}: {share:.1%} ({kind})</title>"
            parts.append(
                f'<rect class="{kind}" x="{(at + offset) * width:.1f}" y="{_HEIGHT - _FOOT - tall:.1f}" '
                f'width="{width * 0.38:.1f}" height="{tall:.1f}">{title}</rect>'
            )
        letters = max(int(width / 7), 1)
        shown = visible(name) if len(name) <= letters else visible(name)[: letters - 1] + "…"
        parts.append(
            f'<text class="tick" x="{(at + 0.5) * width:.1f}" y="{_HEIGHT - 3}" text-anchor="middle">'
            f"{escape(shown)}</text>"
        )
    return _small_svg(label, parts)


def draw_scores(edges: Sequence[float], series: Mapping[str, Sequence[float]], x_label: str) -> str:
    """Draw a histogram for each class over the others, as shares of its rows: how well scores separate the classes."""
    spread = {name: [count / (sum(counts) or 1) for count in counts] for name, counts in series.items()}
    top = max((share for shares_of in spread.values() for share in shares_of), default=0.0)
    if not top or len(edges) < 2:
        return ""
    frame = Frame(edges[0], edges[-1], 0, top * 1.05)
    parts = [draw_axes(frame, x_label, "share of rows")]
    for number, shares_of in enumerate(spread.values()):
        corners = [frame.at(edges[0], 0)]
        for left, right, share in zip(edges, edges[1:], shares_of, strict=False):
            corners += [frame.at(left, share), frame.at(right, share)]
        corners.append(frame.at(edges[-1], 0))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
        parts.append(f'<polygon class="area a{number % 6}" points="{path}"/>')
    return wrap_svg(f"Distribution of {x_label}", parts) + (draw_legend(list(spread), "a") if len(spread) > 1 else "")


def histogram(values: Sequence[float], bins: int = 20) -> tuple[list[float], list[float]]:
    """Count values in bins of equal width; return the edges of the bins and the counts."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return [], []
    low, high = min(finite), max(finite)
    if not high > low:
        low, high = low - 0.5, high + 0.5
    counts = [0.0] * bins
    for value in finite:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return [low + (high - low) * at / bins for at in range(bins + 1)], counts


def common_edges(populations: Sequence[Buckets], integral: bool) -> tuple[list[float], bool]:
    """Return the edges of bins for all populations, and whether each bin is one whole number."""
    low = min(buckets[0].low for buckets in populations)
    high = max(buckets[-1].high for buckets in populations)
    if integral and high - low < MOST_INTEGERS:
        return [number - 0.5 for number in range(math.ceil(low), math.floor(high) + 2)], True
    coarse = max(populations, key=lambda buckets: _span(buckets) / len(buckets))
    width, anchor = _span(coarse) / len(coarse), coarse[0].low
    if not width:
        return [low - 0.5, low + 0.5], False
    start = anchor - math.ceil((anchor - low) / width - 1e-9) * width
    bins = max(math.ceil((high - start) / width - 1e-9), 1)
    if bins > MOST_BINS:
        start, bins, width = low, MOST_BINS, (high - low) / MOST_BINS
    return [start + width * at for at in range(bins + 1)], False


def shares(buckets: Buckets, edges: Sequence[float], *, whole: bool = False) -> list[float]:
    """Return the share of rows in each bin; a bucket's rows are spread evenly over it, or over its whole numbers."""
    filled, total = [0.0] * (len(edges) - 1), _total(buckets)
    start, width = edges[0], edges[1] - edges[0]
    for bucket in buckets:
        ends = _whole_numbers(bucket, last=bucket is buckets[-1]) if whole else (bucket.low, bucket.high)
        low, high = ends[0] - 0.5 * whole, ends[1] + 0.5 * whole
        if not high > low:
            filled[min(max(int((low - start) / width), 0), len(filled) - 1)] += bucket.count
            continue
        for at, (left, right) in enumerate(pairwise(edges)):
            filled[at] += bucket.count * max(min(high, right) - max(low, left), 0.0) / (high - low)
    return [count / total if total else 0.0 for count in filled]


def _whole_numbers(bucket: HistogramBin, *, last: bool) -> tuple[float, float]:
    """Return the first and the last whole number in a bucket. Only the last bucket includes its upper end."""
    first, final = math.ceil(bucket.low), math.floor(bucket.high)
    if final == bucket.high and not last:
        final -= 1
    return (float(first), float(final)) if final >= first else (round(bucket.low), round(bucket.low))


def _visible_bins(*populations: Sequence[float]) -> tuple[int, int]:
    """Return the first and the last bin (exclusive) to draw: those at either end with very few rows are left out."""

    def beginning(ordered: Sequence[Sequence[float]]) -> int:
        gone = [0.0] * len(ordered)
        for at in range(len(ordered[0])):
            gone = [before + values[at] for before, values in zip(gone, ordered, strict=True)]
            if any(share > TAIL for share in gone):
                return at
        return 0

    count = len(populations[0])
    return beginning(populations), count - beginning([values[::-1] for values in populations])


def _span(buckets: Buckets) -> float:
    return buckets[-1].high - buckets[0].low


def _total(buckets: Buckets) -> float:
    return sum(bucket.count for bucket in buckets)


def _steps(values: Sequence[float], top: float, kind: str) -> str:
    floor, width = _HEIGHT - _FOOT, _WIDTH / len(values)
    corners = [(0.0, float(floor))]
    for at, value in enumerate(values):
        y = floor - value / top * (floor - 4)
        corners += [(at * width, y), ((at + 1) * width, y)]
    corners.append((float(_WIDTH), float(floor)))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polygon class="{kind}" points="{path}"/>'


def _small_svg(label: str, parts: Sequence[str]) -> str:
    name = escape(visible(label)[:80])
    return f'<svg class="small" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{name}">{"".join(parts)}</svg>'


def _short(value: float) -> str:
    for size, letter in ((1e12, ""), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}" if letter else f"{value:.2g}"
    return f"{value:.3g}"
