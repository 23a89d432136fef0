"""The words of the simulated crowds: made up, in Persian, Arabic and English, and kept polite.

Nothing here is quoted from a real post. Text is built from slots (see `texts.py`); the folding traps are on purpose:
zero-width non-joiners, Arabic spellings of Persian letters, letter case, mixed directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: Hashtags that a case file declares for each side, by language.
SIDE_TAGS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "against": {
        "fa": ("نه_به_نمایش", "صدای_ما_نیست"),
        "ar": ("ليس_باسمنا",),
        "en": ("NotOurVoice", "EmptyStage"),
    },
    "for": {
        "fa": ("کنفرانس_آزادی", "می\u200cشنویم"),
        "ar": ("مؤتمر_الحرية",),
        "en": ("FreedomConference2020", "HeardTogether"),
    },
    "control": {
        "fa": ("آشپزی_خانگی", "کوهنوردی"),
        "ar": ("وصفات_البيت",),
        "en": ("HomeCooking", "WeekendHike"),
    },
}

#: Other spellings of the first two Persian and English tags, equal after text folding; written by a few people.
VARIANT_TAGS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "against": {"fa": ("نه_به_نمايش",), "ar": (), "en": ("notourvoice",)},
    "for": {"fa": ("كنفرانس_آزادى", "میشنویم"), "ar": (), "en": ("freedomconference2020",)},
    "control": {"fa": ("كوهنوردي",), "ar": (), "en": ("homecooking",)},
}

FILLER_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": ("امروز", "یادداشت", "جمعه", "خبر"),
    "ar": ("اليوم", "خبر"),
    "en": ("today", "news", "thread", "friday"),
}

#: Keywords that a case file declares; each is a whole phrase that occurs nowhere else in this file.
KEYWORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "against": {"fa": "نمایش توخالی", "en": "hollow spectacle"},
    "for": {"fa": "کنفرانس آزادی", "en": "freedom conference"},
    "control": {"fa": "دستور پخت", "en": "family recipe"},
}

KEYWORD_SENTENCES: Final[Mapping[str, Mapping[str, str]]] = {
    "against": {"fa": "درباره نمایش توخالی نوشتم.", "en": "More on the Hollow Spectacle later."},
    "for": {"fa": "درباره كنفرانس آزادی نوشتم.", "en": "More on the Freedom Conference later."},
    "control": {"fa": "این هم دستور پخت.", "en": "Here is the family recipe."},
}

OPENERS: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": (
        "راستش",
        "به نظر من",
        "از دیشب فکر می\u200cکنم",
        "برای ثبت در تاریخ:",
        "سلام دوستان.",
        "باز هم می\u200cگویم:",
        "کوتاه بگویم:",
        "انصاف بدهیم:",
        "از طرف خانواده ما:",
        "یک نکته:",
    ),
    "ar": (
        "بصراحة",
        "في رأيي",
        "منذ البارحة أفكر:",
        "للتوثيق:",
        "مساء الخير.",
        "مرة أخرى:",
        "باختصار:",
        "للإنصاف:",
        "من عائلتنا:",
        "ملاحظة:",
    ),
    "en": (
        "Honestly,",
        "As I see it,",
        "After reading all of this,",
        "For the record:",
        "Good evening all.",
        "Once more:",
        "My two cents:",
        "To be fair,",
        "From our family:",
        "Quick thought:",
    ),
}

SUBJECTS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "against": {
        "fa": (
            "این نشست",
            "آن برنامه",
            "این بیانیه",
            "آن صحنه",
            "این جلسه",
            "فهرست مهمان\u200cها",
            "آن سخنرانی",
            "این شعار",
        ),
        "ar": ("هذا اللقاء", "ذلك البرنامج", "هذا البيان", "ذلك المشهد", "هذا الخطاب", "ذلك الشعار"),
        "en": (
            "this meeting",
            "the whole programme",
            "one online session",
            "a wall of screens",
            "the guest list",
            "that declaration",
            "the long speech",
            "the final panel",
        ),
    },
    "for": {
        "fa": (
            "این گردهمایی",
            "صدای جوان\u200cها",
            "آن سرود",
            "این نامه",
            "پیام مادرها",
            "این دیدار",
            "آن شعر",
            "همدلی ما",
        ),
        "ar": ("هذا التجمع", "صوت الشباب", "تلك الأغنية", "رسالة الأمهات", "هذا الحضور", "تلك القصيدة"),
        "en": (
            "this gathering",
            "every voice on screen",
            "the youngest speaker",
            "a thousand guests",
            "our song tonight",
            "that letter from home",
            "the poem at the end",
            "the choir",
        ),
    },
    "control": {
        "fa": ("آش رشته", "مسیر کوه", "نان تازه", "چای کنار رود", "خورش مادربزرگ", "صبح آبشار", "کته", "عکس قله"),
        "ar": ("خبز الصباح", "طريق الجبل", "شاي المساء", "مرق الجدة", "صورة القمة", "حساء العدس"),
        "en": (
            "the trail above the village",
            "my grandmother's stew",
            "fresh bread",
            "tea by the river",
            "the lentil soup",
            "the view from the top",
            "rice with barberries",
            "our old tent",
        ),
    },
}

PREDICATES: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "against": {
        "fa": (
            "حرف دل ما نبود",
            "نمی\u200cتواند جای همه حرف بزند",
            "به پرسش ساده جواب نداد",
            "چیزی را عوض نمی\u200cکند",
            "بیشتر از توانش وعده داد",
            "از کوچه ما خبر ندارد",
            "تکراری بود",
            "نظر ما را نپرسید",
        ),
        "ar": (
            "لا يتحدث باسم الجميع",
            "لم يجب عن السؤال",
            "لن يغير شيئا",
            "وعد بأكثر مما يستطيع",
            "كان مكررا",
            "لم يسألنا",
        ),
        "en": (
            "cannot speak for all of us",
            "will not change our street",
            "left out people I know",
            "sounded rehearsed to me",
            "promised more than it can keep",
            "never asked our opinion",
            "ignored the plain question",
            "felt far away",
        ),
    },
    "for": {
        "fa": (
            "امید داد",
            "باید شنیده شود",
            "شب ما را روشن کرد",
            "مرا یاد خانه انداخت",
            "آرام و روشن بود",
            "با همه سر و صدا ادامه یافت",
            "سه نسل را کنار هم نشاند",
            "به دل نشست",
        ),
        "ar": ("منحنا الأمل", "يستحق أن يسمع", "أضاء ليلتنا", "ذكرني بالبيت", "كان هادئا وواضحا", "جمع ثلاثة أجيال"),
        "en": (
            "gave me hope",
            "deserved to be heard",
            "made our evening brighter",
            "reminded me of home",
            "was calm and clear",
            "kept going despite the noise",
            "brought three generations together",
            "stayed with me",
        ),
    },
    "control": {
        "fa": (
            "به صبرش می\u200cارزید",
            "همه را غافلگیر کرد",
            "کمی نمک می\u200cخواست",
            "عالی شد",
            "را از دست ندهید",
            "حالمان را خوب کرد",
            "سخت ولی شیرین بود",
            "برای فردا هم ماند",
        ),
        "ar": ("يستحق الانتظار", "فاجأ الجميع", "احتاج قليلا من الملح", "كان رائعا", "بقي للغد", "أسعدنا"),
        "en": (
            "was worth the wait",
            "surprised everyone",
            "needed a little more salt",
            "turned out well",
            "made us laugh",
            "was harder than it looked",
            "lasted until Sunday",
            "is our new favourite",
        ),
    },
}

CLOSERS: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": (
        "نظر شما چیست؟",
        "تا فردا.",
        "مراقب باشید.",
        "همین.",
        "ممنون که خواندید.",
        "شب خوش.",
        "حرف بزنیم.",
        "شاید اشتباه کنم.",
    ),
    "ar": ("ما رأيكم؟", "إلى الغد.", "انتبهوا لأنفسكم.", "هذا كل شيء.", "شكرا للقراءة.", "تصبحون على خير."),
    "en": (
        "What do you think?",
        "More tomorrow.",
        "Stay safe.",
        "That is all.",
        "Thank you for reading.",
        "Good night.",
        "Let us talk.",
        "I may be wrong.",
    ),
}

DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": ("بخش", "دقیقه", "یادداشت", "روز", "صفحه", "بند"),
    "ar": ("جزء", "دقيقة", "ملاحظة", "يوم", "صفحة", "سطر"),
    "en": ("part", "minute", "note", "day", "page", "line"),
}

#: Short lines that many people write in the same words without knowing each other.
SLOGANS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "against": {"fa": ("نه!", "صدای ما نیستید"), "ar": ("ليس باسمنا",), "en": ("Not in our name.", "No.")},
    "for": {"fa": ("ما می\u200cشنویم", "زنده باد آزادی"), "ar": ("نحن نسمع",), "en": ("We hear you.", "Together!")},
    "control": {"fa": ("نوش جان", "صبح بخیر کوه"), "ar": ("صحتين",), "en": ("Enjoy!", "Good morning, mountain.")},
}

EMOJI: Final = ("🙂", "🌿", "✨", "👏", "🤔", "🙏", "📷", "☕️", "👨‍👩‍👧", "🏔️")

#: Text that tries to be markup, a formula or a command; a report must print it as text.
HOSTILE: Final = (
    "<script>alert(1)</script> & \"quotes\", 'single' and a comma",
    '=HYPERLINK("https://trap.example","click me")',
    '"><img src=x onerror=alert(1)>',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "'; DROP TABLE posts; --",
    "{{ 7 * 7 }} ${7*7} <%= 7*7 %>",
    "متن \u202eevird eht esrever\u202c 0.93 (0.88\u20130.97)",
    "two\nlines,\twith a tab; and a semicolon",
    "-2+3+cmd|' /C calc'!A0",
    "zalgo h̷̢e̶l̴l̵o̸ and 👩🏽‍🚀 and \U0001d54f",
)

HOSTILE_NAMES: Final = ("<b>Kite</b>", "=1+1", '"Lantern", the second', "نام \u202e321 abc")

NAME_WORDS: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "fa": (
        ("بادبادک", "ستاره", "باران", "کوه", "رود", "گندم", "فانوس", "پرنده"),
        ("آبی", "آرام", "شمالی", "کوچک", "روشن", "تنها", "سحر", "۲"),
    ),
    "ar": (("طائر", "نجمة", "مطر", "جبل", "نهر", "فانوس"), ("أزرق", "هادئ", "شمالي", "صغير", "مضيء")),
    "en": (
        ("Blue", "Quiet", "Northern", "Little", "Bright", "Early"),
        ("Kite", "Star", "Rain", "Hill", "River", "Lantern"),
    ),
}

DESCRIPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "fa": ("", "", "چای و کتاب", "کوه و سکوت", "معلم بازنشسته", "این\u200cجا برای خواندن"),
    "ar": ("", "", "شاي وكتب", "للقراءة فقط"),
    "en": ("", "", "tea and books", "here to read", "views are my own", "hills & rivers"),
}
