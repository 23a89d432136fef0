"""Words for profile texts: parts that combine into thousands of different ones, and a few that many people share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Who, what they like, and a remark; "{} · {} · {}" of one each, with a number where the remark has room for one.
PARTS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "fa": (
        ("معلم", "دانشجو", "مهندس", "پرستار", "بازنشسته", "نقاش", "راننده", "مادر", "پدر", "مترجم", "آشپز", "باغبان"),
        ("چای", "کتاب", "کوه", "سینما", "عکاسی", "فوتبال", "موسیقی", "شعر", "دریا", "شطرنج", "دوچرخه", "گربه\u200cها"),
        ("اهل شمال", "در راه", "بی\u200cخواب", "کم\u200cحرف", "خوش\u200cبین", "همیشه دیر", "دور از خانه", "ساکن کوچه"),
    ),
    "ar": (
        ("معلم", "طالب", "مهندسة", "ممرض", "متقاعد", "رسامة", "سائق", "أم", "أب", "مترجمة", "طباخ", "مزارع"),
        ("شاي", "كتب", "جبال", "سينما", "تصوير", "كرة القدم", "موسيقى", "شعر", "بحر", "شطرنج", "دراجة", "قطط"),
        ("من الشمال", "في الطريق", "بلا نوم", "قليل الكلام", "متفائل", "متأخر دائما", "بعيد عن البيت", "في الحي"),
    ),
    "en": (
        *(
            ("teacher", "student", "engineer", "nurse", "retired", "painter", "driver", "mother of two", "dad", "cook"),
            ("tea", "books", "hiking", "films", "photography", "football", "jazz", "poems", "the sea", "chess", "cats"),
        ),
        ("from the north", "on the road", "awake", "quiet", "hopeful", "always late", "far from home", "same street"),
    ),
}

#: What people quote: the same words in many profiles, by chance and fashion. Empty entries are people without words.
QUOTED: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": ("چای و کتاب", "کوه و سکوت", "معلم بازنشسته", "این\u200cجا برای خواندن", "زندگی آتشگهی دیرنده پابرجاست"),
    "ar": ("شاي وكتب", "للقراءة فقط", "على هذه الأرض ما يستحق الحياة"),
    "en": ("tea and books", "here to read", "views are my own", "hills & rivers", "reposts are not endorsements"),
}
