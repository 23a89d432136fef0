# ruff: noqa: E501
"""The labelling page: one offline HTML file with buttons and keys, which saves the labels as a CSV.

Foreign text stands in the page as escaped text and nowhere in its script; the page's policy forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from typing import Final

_HIDDEN: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")

_STYLE: Final = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 0 auto; padding: 1rem; color: #1a1a1a; background: #fff; }
article { border: 1px solid #999; border-radius: .4rem; padding: .8rem; margin-block: 1rem; }
article[aria-current] { outline: 3px solid #1f5fa8; }
h2 { font-size: 1rem; overflow-wrap: anywhere; margin: 0; }
blockquote { margin: .6rem 0; padding-inline-start: .6rem; border-inline-start: 3px solid #bbb; white-space: pre-wrap; overflow-wrap: anywhere; }
button { font: inherit; padding: .3rem .8rem; }
button[aria-pressed=true] { background: #1f5fa8; color: #fff; }
#bar { position: sticky; top: 0; background: #fff; padding-block: .5rem; }
@media (prefers-color-scheme: dark) { body, #bar { color: #eee; background: #161616; } }
"""
_SCRIPT: Final = """
'use strict';
const cards = [...document.querySelectorAll('article')], words = {y: 'yes', n: 'no', c: 'cannot tell'};
let at = 0;
const show = () => { cards.forEach((c, i) => i === at ? c.setAttribute('aria-current', 'true') : c.removeAttribute('aria-current'));
  document.getElementById('done').textContent = cards.filter(c => c.dataset.label).length + ' of ' + cards.length + ' labelled'; };
const go = step => { at = Math.max(0, Math.min(cards.length - 1, at + step)); show(); cards[at].scrollIntoView({block: 'center'}); };
const label = (card, word) => { card.dataset.label = word;
  card.querySelectorAll('button').forEach(b => b.setAttribute('aria-pressed', String(b.value === word))); show(); };
document.addEventListener('click', e => { const card = e.target.closest('article');
  if (card && e.target.matches('button')) { at = cards.indexOf(card); label(card, e.target.value); } });
document.addEventListener('keydown', e => { if (e.target.matches('input') || e.ctrlKey || e.metaKey || e.altKey) return;
  if (words[e.key]) { label(cards[at], words[e.key]); go(1); } else if (e.key === 'j') go(1); else if (e.key === 'k') go(-1); });
document.getElementById('save').addEventListener('click', () => {
  const cell = text => '"' + text.replaceAll('"', '""') + '"';
  const rows = cards.map(c => [c.dataset.account, c.dataset.label || '', c.querySelector('input').value].map(cell).join(','));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(['account_id,label,note\\n' + rows.join('\\n') + '\\n'], {type: 'text/csv'}));
  link.download = 'audit-sheet-labelled.csv'; link.click(); });
show();
"""


def page(roster: str, cards: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return the page for accounts with their posts, in the given order.

    >>> "<b>" in page("for", [("x:1", ("<b>bold</b>",))])
    False
    """
    digest = {
        name: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for name, text in (("script", _SCRIPT), ("style", _STYLE))
    }
    policy = f"default-src 'none'; script-src 'sha256-{digest['script']}'; style-src 'sha256-{digest['style']}'"
    articles = "\n".join(_card(number, account, posts) for number, (account, posts) in enumerate(cards, 1))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}; base-uri 'none'; form-action 'none'">
<title>Audit of {_text(roster)}</title><style>{_STYLE}</style></head><body>
<h1>Audit of <bdi>{_text(roster)}</bdi></h1>
<p>For each account: is it what you are counting? Agree on the definition first and write it down. Judge by the posts alone.
Keys: y yes, n no, c cannot tell, j next, k back. Nothing leaves this page; save before you close it.</p>
<p id="bar"><button type="button" id="save">Save labels as CSV</button> <span id="done" aria-live="polite"></span></p>
{articles}
<script>{_SCRIPT}</script></body></html>
"""


def _card(number: int, account: str, posts: Sequence[str]) -> str:
    quotes = "".join(f'<blockquote dir="auto">{_text(post)}</blockquote>' for post in posts)
    buttons = "".join(
        f'<button type="button" value="{word}" aria-pressed="false">{word}</button> '
        for word in ("yes", "no", "cannot tell")
    )
    # The id goes back into the CSV, so it is escaped but keeps every sign.
    return (
        f'<article data-account="{html.escape(account)}"><h2>{number}. <bdi>{_text(account)}</bdi></h2>'
        f"{quotes or '<p>No text of this account is in the collection.</p>'}"
        f'{buttons}<label>Note <input type="text"></label></article>'
    )


def _text(text: str) -> str:
    """Escape foreign text and show its hidden characters."""
    return html.escape(_HIDDEN.sub(lambda sign: f"[U+{ord(sign[0]):04X}]", text))
