"""Twelve testimonials of invented customers: short and long, in eleven languages and eight scripts."""

from typing import Any, Final

SAMPLES: Final[list[dict[str, Any]]] = [
    {
        "author": "Maya Lindqvist",
        "role": "Head of Brand",
        "company": "Northlight Coffee",
        "quote": "We stopped making pictures. They just appear.",
        "rating": 5.0,
        "language": "en",
    },
    {
        "author": "Daniel Okafor",
        "role": "Founder",
        "company": "Harbour & Pine",
        "quote": (
            "I was sceptical, because every tool before this one promised the same and gave us something we had to fix "
            "by hand. Six months later nobody on the team remembers how we used to do it: a customer writes a kind "
            "word at breakfast, and before the coffee is cold there is a poster worth sharing. Our reach has doubled, "
            "and our designer finally has time to design."
        ),
        "rating": 4.5,
        "language": "en",
    },
    {
        "author": "Jürgen Weiß",
        "role": "Geschäftsführer",
        "company": "Weiß & Söhne Maßmöbel",
        "quote": (
            "Größe, Schärfe, Typografie: alles stimmt. Selbst „Donaudampfschifffahrt“ passt ohne "
            "hässlichen Umbruch auf das Plakat."
        ),
        "rating": 4.7,
        "language": "de",
    },
    {
        "author": "Éloïse Fournier",
        "role": "Directrice artistique",
        "company": "Atelier Garance",
        "quote": "Enfin des visuels élégants, prêts avant même que l’on ait fini d’y penser. Bravo à toute l’équipe !",
        "rating": 5.0,
        "language": "fr",
    },
    {
        "author": "李思远",
        "role": "产品总监",
        "company": "云岚茶业",
        "quote": "客户的一句好评，转眼就变成一张精美的海报。字体、留白、色彩都恰到好处，我们几乎不用再改。",
        "rating": 4.8,
        "language": "zh-Hans",
    },
    {
        "author": "佐藤 美咲",
        "role": "広報担当",
        "company": "株式会社しずく書店",
        "quote": "お客様の声が、届いたその日に美しい一枚になります。余白まで丁寧で、思わず飾りたくなりました。",
        "rating": 4.6,
        "language": "ja",
    },
    {
        "author": "김하윤",
        "role": "마케팅 팀장",
        "company": "달빛 베이커리",
        "quote": "후기를 등록하자마자 포스터가 완성돼요. 손댈 곳이 없을 만큼 깔끔해서 매주 기다려집니다.",
        "rating": 4.9,
        "language": "ko",
    },
    {
        "author": "ليلى المنصوري",
        "role": "مديرة التسويق",
        "company": "دار الياسمين",
        "quote": "كلماتُ عملائنا تتحوّل إلى لوحاتٍ جميلة خلال لحظات، والخط العربي يظهر كما نحبّه تمامًا: واضحًا وأنيقًا.",
        "rating": 4.9,
        "language": "ar",
    },
    {
        "author": "נועה ברק",
        "role": "מייסדת",
        "company": "סטודיו גלים",
        "quote": "סוף סוף כלי שמבין עברית. הפוסטר יצא מושלם בפעם הראשונה, בלי שום תיקון.",
        "rating": 4.4,
        "language": "he",
    },
    {
        "author": "अनन्या शर्मा",
        "role": "संस्थापक",
        "company": "मिट्टी स्टूडियो",
        "quote": "ग्राहकों के शब्द इतने सुंदर कभी नहीं दिखे। हर पोस्टर देखकर लगता है जैसे किसी ने उसे हाथ से सजाया हो।",
        "rating": 4.7,
        "language": "hi",
    },
    {
        "author": "Zoë 🌻 Castellanos",
        "role": "Community 🎧",
        "company": "Popcorn Club 🍿",
        "quote": "OMG 😍🔥 ¡Qué maravilla! 🎉🎉 Posted it 🚀, everyone asked who drew it 👩🏽‍🎨 — 10/10 👏🏽 🏳️‍🌈 ❤️",
        "rating": 5.0,
        "language": "es",
    },
    {
        "author": "Αλέξανδρος Παπαδόπουλος",
        "role": "Ιδιοκτήτης",
        "company": "Μελτέμι",
        "quote": "Απλό, γρήγορο, όμορφο.",
        "rating": 3.5,
        "language": "el",
    },
]
