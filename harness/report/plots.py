"""Plots as inline SVG: lines, a timeline, bars. Pure functions of numbers; colours come from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]
WIDTH, HEIGHT = 480, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
TIMELINE = 820


@dataclass(frozen=True)
class Frame:
    """Maps data to the drawing area."""

    x0: float
    x1: float
    y0: float
    y1: float

    def at(self, x: float, y: float) -> Point:
        across = (x - self.x0) / ((self.x1 - self.x0) or 1)
        up = (y - self.y0) / ((self.y1 - self.y0) or 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def lines(series: Mapping[str, Sequence[Point]], x_label: str, y_label: str, *, unit_square: bool = False) -> str:
    """One curve for each name. ``unit_square`` draws 0 to 1 on both axes with the diagonal of chance (ROC)."""
    drawn = {name: [point for point in points if all(map(math.isfinite, point))] for name, points in series.items()}
    drawn = {name: points for name, points in drawn.items() if points}
    if not drawn:
        return ""
    frame = Frame(0, 1, 0, 1) if unit_square else _frame([point for points in drawn.values() for point in points])
    parts = [_axes(frame, x_label, y_label)]
    if unit_square:
        (ax, ay), (bx, by) = frame.at(0, 0), frame.at(1, 1)
        parts.append(f'<line class="chance" x1="{ax:.1f}" y1="{ay:.1f}" x2="{bx:.1f}" y2="{by:.1f}"/>')
    for number, points in enumerate(drawn.values()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (frame.at(*point) for point in points))
        parts.append(f'<polyline class="curve c{number % 6}" points="{path}"/>')
    return _svg(f"{y_label} by {x_label}", parts) + _legend(list(drawn))


def timeline(rows: Sequence[tuple[str, float, float, str]]) -> str:
    """One bar for each (name, start, end, class), on one time axis in seconds."""
    if not rows:
        return ""
    left, row_height, end = 232, 24, max(row[2] for row in rows) or 1.0
    height = row_height * len(rows) + 30
    parts = []
    for tick in _ticks(0, end):
        x = left + tick / end * (TIMELINE - left)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height - 22}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 6}" text-anchor="middle">{tick:g} s</text>')
    for number, (name, start, stop, kind) in enumerate(rows):
        x, width = left + start / end * (TIMELINE - left), max((stop - start) / end * (TIMELINE - left), 2.0)
        y = number * row_height
        short = name if len(name) <= 31 else name[:30] + "…"
        parts.append(f'<text class="name" x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(short)}</text>')
        title = f"<title>{escape(name)}: {stop - start:.2f} s</title>"
        parts.append(
            f'<rect class="bar {kind}" x="{x:.1f}" y="{y + 4}" width="{width:.1f}" height="15" rx="3">{title}</rect>'
        )
    box = f'viewBox="0 0 {TIMELINE + 24} {height}"'
    return f'<svg class="timeline" {box} role="img" aria-label="Timeline">{"".join(parts)}</svg>'


def _frame(points: Sequence[Point]) -> Frame:
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    margin = (max(ys) - min(ys)) * 0.06 or abs(max(ys)) * 0.05 or 1.0
    return Frame(min(xs), max(xs), min(ys) - margin, max(ys) + margin)


def _axes(frame: Frame, x_label: str, y_label: str) -> str:
    parts = []
    for tick in _ticks(frame.x0, frame.x1):
        x, y = frame.at(tick, frame.y0)
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 14:.1f}" text-anchor="middle">{tick:g}</text>')
    for tick in _ticks(frame.y0, frame.y1):
        x, y = frame.at(frame.x0, tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    parts.append(
        f'<text class="tick" x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>'
    )
    parts.append(f'<text class="tick" x="{LEFT + 4}" y="{TOP + 4}">{escape(y_label)}</text>')
    return "".join(parts)


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two ends."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _svg(label: str, parts: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def _legend(names: Sequence[str]) -> str:
    keys = "".join(f'<span><i class="c{number % 6}"></i>{escape(name)}</span>' for number, name in enumerate(names))
    return f'<div class="legend">{keys}</div>'
