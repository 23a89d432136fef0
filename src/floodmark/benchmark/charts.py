"""The benchmark drawn: one picture a curve, and one page that holds them all and makes no request.

Pictures are drawn once as SVG, in the colours of the report; the page replaces each colour by the report's variable for
it, so that dark mode and print follow. There is no script in the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import altair as alt
import vl_convert

from floodmark.benchmark.power import LOGARITHMIC, Row

#: Title of each curve's picture, and what its axis counts.
CURVES: Final[Mapping[str, tuple[str, str]]] = {
    "accounts": ("Size of the group", "accounts"),
    "actions": ("Joint actions", "actions an account"),
    "actions_bare": ("Joint actions, before the minimum evidence", "actions an account"),
    "jitter_s": ("Jitter: how far apart they act", "seconds"),
    "camouflage": ("Camouflage: actions copied from the crowd", "share of an account's actions"),
    "rotation": ("Rotation: each does a part of a common pool", "share of the pool that each does"),
    "own_objects": ("Objects that only the campaign shares", "share of joint actions"),
    "paraphrase": ("Paraphrase: matches lost", "share of joint actions"),
    "smokescreen": ("Smokescreen: single-use accounts that go along", "accounts"),
    "traces_together": ("Spread over kinds of action, tested together", "kinds of action"),
    "traces_singly": ("Spread over kinds of action, each tested alone", "kinds of action"),
    "clock_s": ("Coarse clock", "seconds"),
}
_RULES: Final = {
    "": ("named by the test", "s1", "circle"),
    "two_co_actions": ("two co-actions in 60 s", "s2", "square"),
    "coortweet": ("as CooRTweet", "s3", "triangle-up"),
    "tfidf": ("TF-IDF, top 0.5 %", "s4", "cross"),
}
_FATES: Final = {
    "victims_named": ("victims named", "s2", "square"),
    "amplified_of_these": ("victims shown as amplified, where bots are named", "s1", "circle"),
    "bots_named": ("bots named", "s3", "triangle-up"),
    "two_co_actions_victims": ("victims flagged by two co-actions", "s4", "cross"),
}
_WIDTH, _HEIGHT = 330, 170


def curve_svg(rows: Sequence[Row], curve: str) -> str:
    """Return the picture of one curve: recall on the left, precision on the right, a line of pictures a background."""
    values = []
    for row in rows:
        # The test comes last, so that its line lies on top.
        for rule, (label, _, _) in reversed(_RULES.items()):
            prefix = f"{rule}_" if rule else ""
            for measure in ("recall", "precision"):
                figure = row[f"{prefix}{measure}"]
                if figure is not None:
                    ends = (
                        (row["recall_low"], row["recall_high"]) if (rule, measure) == ("", "recall") else (None, None)
                    )
                    values.append(
                        {
                            "background": row["background"],
                            "measure": measure,
                            "x": row["value"],
                            "y": figure,
                            "low": ends[0],
                            "high": ends[1],
                            "rule": label,
                        }
                    )
    return _picture(values, list(_RULES.values()), CURVES[curve][1], curve in LOGARITHMIC, ("recall", "precision"))


def framing_svg(rows: Sequence[Row]) -> str:
    """Return the picture of the framing study: what share of victims and bots fared how, by bots a victim."""

    def name(row: Row) -> str:
        return f"{row['form']}, with a reference" if row["reference"] != "none" else str(row["form"])

    forms = tuple(dict.fromkeys(map(name, rows)))
    values = [
        {
            "background": row["background"],
            "measure": name(row),
            "x": row["bots_per_victim"],
            "y": row[column],
            "low": None,
            "high": None,
            "rule": label,
        }
        for row in rows
        for column, (label, _, _) in _FATES.items()
        if row[column] is not None
    ]
    return _picture(values, list(_FATES.values()), "bots a victim", True, forms)


def page(
    title: str, lead: Sequence[str], figures: Sequence[tuple[str, str, str]], tables: Sequence[tuple[str, str]]
) -> str:
    """Return one self-contained HTML page: paragraphs, figures (title, caption, svg) and tables (title, HTML)."""
    drawn = "\n".join(
        f"<figure><h3>{_text(head)}</h3>{_themed(svg)}"
        + (f"<figcaption>{_text(caption)}</figcaption>" if caption else "")
        + "</figure>"
        for head, caption, svg in figures
    )
    listed = "\n".join(f'<h2>{_text(head)}</h2><div class="wide">{table}</div>' for head, table in tables)
    words = "".join(f"<p>{_text(paragraph)}</p>" for paragraph in lead)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_text(title)}</title>'
        f"<style>{_css()}{_OWN_CSS}</style></head><body><div class='sheet'><h1>{_text(title)}</h1>"
        f"{words}{drawn}{listed}</div></body></html>\n"
    )


def table_html(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of finished cells as an HTML table; what looks like a number stands on the right."""
    if not rows:
        return "<p>None.</p>"
    header = "".join(f"<th>{_text(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=num' if _is_number(cell) else ''}>{_text(cell)}</td>" for cell in row.values())
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{header}</tr></thead><tbody>{body}</tbody></table>"


_OWN_CSS: Final = (
    ".sheet{max-width:1000px;margin:0 auto;padding:2rem 1.5rem 4rem}figure{margin:0 0 2.2rem}"
    "svg{max-width:100%;height:auto}"
    ".wide{overflow-x:auto}table{border-collapse:collapse;font-size:.8rem;font-variant-numeric:tabular-nums}"
    "th,td{padding:.25rem .6rem;border-bottom:1px solid var(--rule);text-align:start;vertical-align:bottom}"
    ".num{text-align:end}h2{margin-top:2.5rem}"
)


def _picture(
    values: Sequence[Mapping[str, Any]],
    lines: Sequence[tuple[str, str, str]],
    axis: str,
    logarithmic: bool,
    columns: Sequence[str],
) -> str:
    colours = _palette()
    shown = [line for line in lines if any(value["rule"] == line[0] for value in values)]
    labels = [label for label, _, _ in shown]
    ticks = sorted({value["x"] for value in values})
    kind: Literal["symlog", "linear"] = "symlog" if logarithmic else "linear"
    scale = alt.Scale(type=kind, domain=[ticks[0], ticks[-1]], padding=8)
    x = alt.X("x:Q", title=axis, scale=scale, axis=alt.Axis(values=ticks, format="~r", labelOverlap=True))
    y = alt.Y("y:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format="%", tickCount=4))
    colour = alt.Color(
        "rule:N",
        title=None,
        scale=alt.Scale(domain=labels, range=[colours[slot] for _, slot, _ in shown]),
        legend=alt.Legend(orient="top", labelLimit=320, symbolOpacity=1),
    )
    shape = alt.Shape("rule:N", title=None, scale=alt.Scale(domain=labels, range=[form for _, _, form in shown]))
    base = alt.Chart()
    layers = alt.layer(
        base.mark_rule(strokeWidth=1.5, opacity=0.6).encode(x=x, y="low:Q", y2="high:Q", color=colour),
        base.mark_line(strokeWidth=1.6).encode(x=x, y=y, color=colour),
        base.mark_point(filled=True, size=42, opacity=1).encode(x=x, y=y, color=colour, shape=shape),
        data=alt.InlineData(values=[dict(value) for value in values]),
    ).properties(width=_WIDTH if len(columns) < 3 else 230, height=_HEIGHT)
    backgrounds = list(dict.fromkeys(str(value["background"]) for value in values))
    chart = layers.facet(
        row=alt.Row("background:N", title=None, sort=backgrounds),
        column=alt.Column("measure:N", title=None, sort=list(columns)),
        spacing=18,
    )
    return str(vl_convert.vegalite_to_svg({**chart.to_dict(), "config": _config(colours)}, allowed_base_urls=[]))


def _config(colours: Mapping[str, str]) -> dict[str, Any]:
    ink, muted, rule = colours["ink"], colours["muted"], colours["rule"]
    text = {"labelColor": muted, "titleColor": muted, "labelFont": "sans-serif", "titleFont": "sans-serif"}
    return {
        "background": None,
        "view": {"stroke": None},
        "axis": {**text, "titleFontWeight": "normal", "gridColor": rule, "domainColor": rule, "tickColor": rule},
        "axisX": {"grid": False},
        "axisY": {"domain": False, "ticks": False},
        "header": {"labelColor": ink, "labelFont": "sans-serif", "labelFontSize": 12},
        "legend": {"labelColor": ink, "labelFont": "sans-serif", "labelFontSize": 12},
    }


def _themed(svg: str) -> str:
    """Replace the light colours of a picture by the page's variables."""
    for name, colour in _palette().items():
        svg = re.sub(re.escape(colour), f"var(--{name})", svg, flags=re.IGNORECASE)
    return svg


@cache
def _css() -> str:
    return (files("floodmark.report") / "templates" / "report.css").read_text(encoding="utf-8")


@cache
def _palette() -> dict[str, str]:
    """Return the light colours of the report's style sheet by the names of their variables."""
    light = _css().split("}", 1)[0]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", light))


def _is_number(cell: str) -> bool:
    return bool(re.fullmatch(r"[-\d.,–%\s]+", cell))


def _text(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
