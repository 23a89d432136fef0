"""The drawings themselves: rows of plain values in, Vega-Lite specifications out.

Colours are CSS variables of the page, so that dark mode and print need no second drawing. Scales and expressions see
only palette slots and labels of our own; foreign names reach tooltips alone, which vega-tooltip escapes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

import altair as alt

Spec = dict[str, Any]
Values = Sequence[Mapping[str, Any]]

SHAPES: Final[Mapping[str, str]] = {
    "s1": "circle",
    "s2": "square",
    "s3": "triangle-up",
    "s4": "cross",
    "both": "triangle-down",
    "control": "diamond",
    "other": "diamond",
}
_DAY_MS: Final = 86_400_000
#: Altair copies and checks inline data at every step; by name they cost nothing.
_VALUES: Final = alt.NamedData("values")


def spike_spec(values: Values, slot: str, event: tuple[int, int], *, detail: bool) -> Spec:
    """Counts with what was expected, what chance allows, and rings on spikes.

    `values` have at (ms of the local wall clock), when (words), posts, expected, upper, lift (or None), spike; `event`
    is the window on the same clock.
    """
    midnights = list(range(-(-values[0]["at"] // _DAY_MS) * _DAY_MS, values[-1]["at"] + 1, _DAY_MS))
    # As an expression: as plain values Vega-Lite wraps each in datetime(), which the interpreter does not know.
    days = alt.Axis(format="%a %-d %b", values=alt.ExprRef(str(midnights)))
    axis = days if detail else alt.Axis(format="%-d %b")
    x = alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    base = alt.Chart(_VALUES).encode(x=x)
    window = alt.X("start:T", scale=alt.Scale(type="utc"))
    ground = alt.Chart(alt.InlineData(values=[{"start": event[0], "end": event[1]}]))
    tips = [
        alt.Tooltip("when:N"),
        alt.Tooltip("posts:Q", format=","),
        alt.Tooltip("expected:Q", format=",.1f"),
        alt.Tooltip("upper:Q", title="chance allows", format=",.1f"),
    ]
    rings = (
        base.mark_point(color="var(--ink)", size=34, strokeWidth=1.4, fill="var(--paper)", opacity=1)
        .encode(y="posts:Q")
        .transform_filter("datum.spike")
    )
    lift = (
        base.mark_line(color="var(--ink)", strokeWidth=0.8).encode(y="lift:Q").transform_filter("datum.lift !== null")
    )
    layers = (
        ground.mark_rect(color="var(--ground)").encode(x=window, x2="end:T"),
        base.mark_area(color="var(--band)").encode(y=_posts("upper")),
        base.mark_line(color="var(--muted)", strokeDash=[4, 3], strokeWidth=1).encode(y="expected:Q"),
        *((lift,) if any(value.get("lift") is not None for value in values) else ()),
        base.mark_line(color=f"var(--{slot})", strokeWidth=1.5).encode(y=_posts("posts")),
        # Without a spike the layer has no extent, of which Vega warns.
        *((rings,) if any(value["spike"] for value in values) else ()),
        # Invisible and full height, so that pointing anywhere tells the bin.
        base.mark_rule(opacity=0, strokeWidth=6).encode(tooltip=tips),
    )
    return _spec(layers, values, height=150 if detail else 70)


def interval_spec(values: Values, slots: Sequence[str], unit: str = "share") -> Spec:
    """One line an interval: rule and point where measured, a bar where bounded, a hollow diamond for planted truth.

    `values` have label, row (order within the label), slot, low, high, value and truth (or None), state; subject and
    figure for the tooltip. `unit` is `share` (an axis in percent) or `ratio`.
    """
    shown = [{**value, "label": "\n".join(wrap(value["label"], 24))} for value in values]
    labels = list(dict.fromkeys(value["label"] for value in shown))
    rows = sorted({value["row"] for value in values})
    # Labels of several lines; the expression sees the label as data, not as code.
    label_axis = alt.Axis(labelExpr="split(datum.label, '\\n')", labelLimit=170, labelPadding=8)
    top = max(max(value["high"], value["truth"] or 0) for value in values)
    scale = alt.Scale(domain=[0, top * 1.03 or 1])
    form = "~%" if unit == "share" else "~g"
    x = alt.X("low:Q", title=None, axis=alt.Axis(format=form, grid=True, tickCount=6), scale=scale)
    tips = [
        alt.Tooltip("label:N", title="finding"),
        alt.Tooltip("subject:N"),
        alt.Tooltip("figure:N"),
        alt.Tooltip("state:N"),
    ]
    base = alt.Chart(_VALUES).encode(
        y=alt.Y("label:N", title=None, sort=labels, axis=label_axis),
        yOffset=alt.YOffset("row:N", sort=rows),
        tooltip=tips,
    )
    colour, shape = _colour(slots), _shape(slots)
    layers = (
        base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q", color=colour).transform_filter("datum.value !== null"),
        base.mark_bar(height=6, fillOpacity=0.55)
        .encode(x=x, x2="high:Q", color=colour)
        .transform_filter("datum.value === null"),
        base.mark_point(filled=True, size=50, opacity=1)
        .encode(x="value:Q", color=colour, shape=shape)
        .transform_filter("datum.value !== null"),
        base.mark_point(size=100, shape="diamond", color="var(--ink)", strokeWidth=1.4, opacity=1)
        .encode(x="truth:Q")
        .transform_filter("datum.truth !== null"),
    )
    return _spec(layers, shown, height=max(30, 14 * len(rows) + 12) * len(labels))


def page_spec(values: Values, slot: str, *, without: bool) -> Spec:
    """Share of places held over time; dashes for the same without the named accounts.

    `values` have at (ms of the local wall clock), when (words), share and, where `without`, without (or None).
    """
    midnights = list(range(-(-values[0]["at"] // _DAY_MS) * _DAY_MS, values[-1]["at"] + 1, _DAY_MS))
    axis = alt.Axis(format="%a %-d %b", values=alt.ExprRef(str(midnights)))
    y_axis = alt.Axis(format="~%", minExtent=34, tickCount=4)
    scale = alt.Scale(domain=[0, 1])
    base = alt.Chart(_VALUES).encode(x=alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=axis))
    tips = [alt.Tooltip("when:N"), alt.Tooltip("share:Q", title="places held", format=".0%")]
    tips += [alt.Tooltip("without:Q", title="without the named", format=".0%")] if without else []
    dashes = base.mark_line(color="var(--ink)", strokeDash=[4, 3], strokeWidth=1).encode(y="without:Q")
    layers = (
        base.mark_line(color=f"var(--{slot})", strokeWidth=1.5).encode(
            y=alt.Y("share:Q", title=None, axis=y_axis, scale=scale)
        ),
        *((dashes,) if without else ()),
        # Invisible and full height, so that pointing anywhere tells the look.
        base.mark_rule(opacity=0, strokeWidth=6).encode(tooltip=tips),
    )
    return _spec(layers, values, height=110)


def course_spec(values: Values, slot: str) -> Spec:
    """Counts by bin as points, dashes for what was expected, the window shaded.

    `values` have at (ms of the local wall clock), when (words), observed, expected, inside (whether in the window).
    """
    base = alt.Chart(_VALUES).encode(x=_dates())
    tips = [
        alt.Tooltip("when:N"),
        alt.Tooltip("observed:Q", format=","),
        alt.Tooltip("expected:Q", format=",.1f"),
    ]
    top = max(max(value["observed"], value["expected"]) for value in values)
    # Left to itself the scale marks only its upper end.
    ticks = [0, *(10**power for power in range(9) if 10**power <= top)]
    axis = alt.Axis(minExtent=34, values=ticks)
    y = alt.Y("observed:Q", title=None, axis=axis, scale=alt.Scale(type="symlog"))
    layers = (
        base.mark_line(color="var(--muted)", strokeDash=[4, 3], strokeWidth=1).encode(y="expected:Q"),
        base.mark_line(color=f"var(--{slot})", strokeWidth=1.5).encode(y=y),
        base.mark_point(color=f"var(--{slot})", filled=True, size=40, opacity=1)
        .encode(y="observed:Q")
        .transform_filter("datum.inside"),
        base.mark_rule(opacity=0, strokeWidth=6).encode(tooltip=tips),
    )
    return _spec(layers, values, height=110)


def creation_spec(values: Values, slot: str) -> Spec:
    """One thin line a bin, dashes for what was expected, rings on bursts.

    `values` have at, when, accounts, expected (or None), burst.
    """
    tips = [*_account_tips(), alt.Tooltip("expected:Q", format=",.1f")]
    base = alt.Chart(_VALUES).encode(x=_dates())
    bars = base.mark_rule(color=f"var(--{slot})", strokeWidth=2).encode(y=_counts(), y2=alt.Y2Datum(0), tooltip=tips)
    expected = base.mark_line(color="var(--ink)", strokeDash=[4, 3], strokeWidth=1).encode(y="expected:Q")
    rings = (
        base.mark_point(color="var(--ink)", size=34, strokeWidth=1.4, fill="var(--paper)", opacity=1)
        .encode(y=_counts(), tooltip=tips)
        .transform_filter("datum.burst")
    )
    # Without a value a layer has no extent, of which Vega warns.
    layers = (
        bars,
        *((expected,) if any(value["expected"] is not None for value in values) else ()),
        *((rings,) if any(value["burst"] for value in values) else ()),
    )
    return _spec(layers, values, height=110)


def status_spec(values: Values, slots: Sequence[str]) -> Spec:
    """Accounts by status over the looks; `values` have at, when, accounts, status, slot."""
    base = alt.Chart(_VALUES).encode(
        x=_dates(), y=_counts(), color=_colour(slots), tooltip=[*_account_tips(), alt.Tooltip("status:N")]
    )
    layers = (
        base.mark_line(strokeWidth=1.5).encode(detail="status:N"),
        base.mark_point(filled=True, size=45, opacity=1).encode(shape=_shape(slots)),
    )
    return _spec(layers, values, height=130)


def staying_spec(values: Values, slots: Sequence[str]) -> Spec:
    """Share still there by day, as steps with a band; `values` have day, there, low, high, slot; subject and figure."""
    low = min(value["low"] for value in values)
    scale = alt.Scale(domain=[max(0.0, low - 0.02), 1.0])
    tips = [
        alt.Tooltip("subject:N"),
        alt.Tooltip("day:Q", title="day after the event"),
        alt.Tooltip("figure:N", title="still there"),
    ]
    x = alt.X("day:Q", title="days after the event", axis=alt.Axis(tickMinStep=1))
    there = alt.Y("there:Q", title=None, axis=alt.Axis(format="~%"), scale=scale)
    lowest = alt.Y("low:Q", title=None, axis=alt.Axis(format="~%"), scale=scale)
    base = alt.Chart(_VALUES).encode(x=x, tooltip=tips)
    layers = (
        base.mark_area(interpolate="step-after", fillOpacity=0.16)
        .encode(y=lowest, y2="high:Q", color=_colour(slots), detail="subject:N")
        .transform_filter("isValid(datum.low)"),
        base.mark_line(interpolate="step-after", strokeWidth=1.8).encode(
            y=there, color=_colour(slots), detail="subject:N"
        ),
        base.mark_point(filled=True, size=36, opacity=1).encode(y=there, color=_colour(slots), shape=_shape(slots)),
    )
    return _spec(layers, values, height=170)


def _posts(field: str) -> alt.Y:
    # A common width of labels, so that panels below each other share their time axis.
    return alt.Y(f"{field}:Q", title=None, axis=alt.Axis(minExtent=34, tickMinStep=1))


def _dates() -> alt.X:
    axis = alt.Axis(format="%-d %b %Y", labelOverlap=True)
    return alt.X("at:T", title=None, scale=alt.Scale(type="utc"), axis=axis)


def _counts() -> alt.Y:
    return alt.Y("accounts:Q", title=None, axis=alt.Axis(tickMinStep=1))


def _account_tips() -> list[alt.Tooltip]:
    return [alt.Tooltip("when:N"), alt.Tooltip("accounts:Q", format=",")]


def _colour(slots: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=list(slots), range=[f"var(--{slot})" for slot in slots])
    return alt.Color("slot:N", legend=None, scale=scale)


def _shape(slots: Sequence[str]) -> alt.Shape:
    scale = alt.Scale(domain=list(slots), range=[SHAPES.get(slot, "diamond") for slot in slots])
    return alt.Shape("slot:N", legend=None, scale=scale)


def _spec(layers: Sequence[alt.Chart], values: Values, height: int) -> Spec:
    """Return the layers as one specification that fills its container, with the values attached once and unchecked."""
    spec = alt.LayerChart(layer=list(layers)).properties(width="container", height=height).to_dict()
    # The page has one configuration for all charts; Altair's own would repeat in each.
    kept = {key: value for key, value in spec.items() if key not in {"config", "$schema"}}
    return {**kept, "datasets": {**kept.get("datasets", {}), "values": [dict(value) for value in values]}}
