"""Curves as inline SVG. Colours and text sizes come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from harness.report.text import visible

Point = tuple[float, float]
WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 26, 44
MOST_POINTS, MOST_CURVES = 400, 12


@dataclass(frozen=True)
class Frame:
    """Conversion of data to positions in the drawing."""

    x0: float
    x1: float
    y0: float
    y1: float

    def at(self, x: float, y: float) -> Point:
        across = (x - self.x0) / ((self.x1 - self.x0) or 1)
        up = (y - self.y0) / ((self.y1 - self.y0) or 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def draw_lines(series: Mapping[str, Sequence[Point]], x_label: str, y_label: str, *, unit_square: bool = False) -> str:
    """Draw one curve for each name. ``unit_square`` draws both axes from 0 to 1, and the diagonal (for ROC curves)."""
    drawn = {name: [point for point in points if all(map(math.isfinite, point))] for name, points in series.items()}
    drawn = {name: points for name, points in list(drawn.items())[:MOST_CURVES] if points}
    if not drawn:
        return ""
    frame = Frame(0, 1, 0, 1) if unit_square else _frame([point for points in drawn.values() for point in points])
    parts = [draw_axes(frame, x_label, y_label)]
    if unit_square:
        (ax, ay), (bx, by) = frame.at(0, 0), frame.at(1, 1)
        parts.append(f'<line class="chance" x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}"/>')
    for number, points in enumerate(drawn.values()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(*point) for point in thin_out(points)))
        parts.append(f'<polyline class="curve c{number % 6}" points="{path}"/>')
    left_out = len(series) - MOST_CURVES
    names = [*drawn, f"and {left_out} more in report.json"] if left_out > 0 else list(drawn)
    return wrap_svg(f"{y_label} by {x_label}", parts) + draw_legend(names)


def thin_out(points: Sequence[Point], most: int = MOST_POINTS) -> Sequence[Point]:
    """Reduce a curve to about ``most`` points: both ends, and the highest and the lowest point of each stretch."""
    if len(points) <= most:
        return points
    stretch = math.ceil(len(points) / ((most - 2) // 2))
    indices = {0, len(points) - 1}
    for start in range(0, len(points), stretch):
        part = range(start, min(start + stretch, len(points)))
        indices |= {min(part, key=lambda at: points[at][1]), max(part, key=lambda at: points[at][1])}
    return [points[at] for at in sorted(indices)]


def draw_sparkline(values: Sequence[float], width: int = 120, height: int = 28) -> str:
    """Draw values as a line without axes, with the last one marked; empty for fewer than two values."""
    points = [(float(at), value) for at, value in enumerate(values) if math.isfinite(value)]
    if len(points) < 2:
        return ""
    low, high = min(value for _, value in points), max(value for _, value in points)
    span, last = (high - low) or 1.0, points[-1][0] or 1.0
    shift = 0.0 if high > low else 0.5
    drawn = [
        (3 + x / last * (width - 6), height - 4 - ((value - low) / span + shift) * (height - 8)) for x, value in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in drawn)
    x, y = drawn[-1]
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="trend of {len(points)} runs">'
        f'<polyline class="curve c0" points="{path}"/><circle class="last" cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )


def _frame(points: Sequence[Point]) -> Frame:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    margin = (max(ys) - min(ys)) * 0.06 or abs(max(ys)) * 0.05 or 1.0
    return Frame(min(xs), max(xs), min(ys) - margin, max(ys) + margin)


def draw_axes(frame: Frame, x_label: str, y_label: str) -> str:
    parts = []
    for tick in ticks(frame.x0, frame.x1):
        x, y = frame.at(tick, frame.y0)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 17:.1f}" text-anchor="middle">{tick:g}</text>')
    # Ticks of a very narrow range may have the same text; one of them is enough.
    for tick in {f"{tick:.6g}": tick for tick in ticks(frame.y0, frame.y1)}.values():
        x, y = frame.at(frame.x0, tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:.6g}</text>')
    middle = (LEFT + WIDTH) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{_name(x_label)}</text>')
    # Above the frame, where no curve and no tick can be.
    parts.append(f'<text class="tick" x="{LEFT - 6}" y="{TOP - 12}">{_name(y_label)}</text>')
    return "".join(parts)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return about ``about`` round numbers between two ends."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough), rough)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(number * step, digits) for number in range(first, last + 1)]


def wrap_svg(label: str, parts: Sequence[str]) -> str:
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    return f'<svg class="plot" {box} role="img" aria-label="{_name(label)}">{"".join(parts)}</svg>'


def draw_legend(names: Sequence[str], classes: str = "c") -> str:
    keys = "".join(f'<span><i class="{classes}{at % 6}"></i>{_name(name)}</span>' for at, name in enumerate(names))
    return f'<div class="legend">{keys}</div>'


def _name(text: str, longest: int = 80) -> str:
    clean = visible(text)
    return escape(clean if len(clean) <= longest else clean[: longest - 1] + "…")
