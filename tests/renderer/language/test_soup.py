"""Templates put together at random: whichever upload accepts holds its structure against every value."""

import os
from typing import Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from renderer.language.template import Template, TemplateDataProblemError
from tests.renderer.language.reading import errors_of, structure

MANY: Final = int(os.environ.get("POSTERS_TEMPLATE_EXAMPLES", "100"))
"""How many templates are made up; `make properties` makes up some thousands."""
PIECES = [
    *("<p>", "</p>", "<p", ">", "/>", "<b title='", '<a href="', "<img src='", '<i style="color:', '"', "'", "=", " "),
    *("<style>", "</style>", ".a{color:", "background:url('", "')", ";}", "<script>", "</script>", "let a=", ";"),
    *(
        "<title>",
        "</title>",
        "<textarea>",
        "</textarea>",
        "<svg>",
        "</svg>",
        "<svg><style>",
        "<path fill='",
        "<math><mi>",
    ),
    *("<table>", "<tr>", "<td>", "</table>", "<select>", "<option>", "</select>", "<!--", "-->", "<![CDATA[", "]]>"),
    *(
        "<xmp>",
        "</xmp>",
        "<iframe>",
        "</iframe>",
        "<noscript>",
        "<template>",
        "<foreignObject>",
        "<h1 class='",
        "</h1>",
    ),
    *("{{ x }}", "{{ x }}", "{{ x }}", "{{ x|tojson }}", "{{ x|upper }}", "{{ y }}", "{{ y|replace('&lt;', '<') }}"),
    *("{% if x %}", "{% else %}", "{% endif %}", "{% for i in xs %}", "{% endfor %}", "{% set y %}", "{% endset %}"),
    *("a", "\n", "&lt;", "{# c #}", "{% raw %}{{ x }}{% endraw %}"),
]
VALUES = [
    *(
        "k<b>",
        'k"><i>',
        "k'><i>",
        "k</style><i>",
        "k</script><i>",
        "k</title><i>",
        "k</textarea><i>",
        "k--><i>",
        "k]]><i>",
    ),
    *(
        'k" onx="1',
        "k' onx='1",
        "k\n<b>",
        "k</svg><i>",
        "k</p><b>",
        "k\\",
        "k&lt;i&gt;",
        "k;}</style><i>",
        "k</xmp><i>",
    ),
    *('https://a/"><i>', "https://a/');}</style><i>", "data:image/svg+xml,<svg>", "#fff", "5", "red", "k{{ 1 }}"),
]


@settings(max_examples=MANY, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=9).map("".join))
def test_no_accepted_template_can_be_broken_out_of(html: str) -> None:
    """Each hostile value is refused, or leaves the elements and attributes as a harmless one has them."""
    assume("{{" in html and not errors_of(html))
    template = Template(html)
    documents = [
        document for value in ("abc", "https://a/b", "red", 5, *VALUES) if (document := _render(template, value))
    ]

    assert all(structure(document) == structure(documents[0]) for document in documents)


def _render(template: Template, value: object) -> str | None:
    try:
        return template.render({"x": value, "xs": [1, 2]})
    except TemplateDataProblemError:
        return None
