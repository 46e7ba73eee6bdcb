"""Reports about values, expressions and template languages."""

from typing import Final

from tests.renderer.reports.report import BAR, Report, Verdict

WORKS, REFUSED, WARNED = Verdict.WORKS, Verdict.REFUSED, Verdict.WARNED
_SCRIPT: Final = "</script><script>document.body.textContent=1//"
_SVG: Final = (
    "data:image/svg+xml;charset=utf-8,%3Csvg xmlns='http://www.w3.org/2000/svg'%3E%3Crect id='a&amp;b' width='999' "
    "height='999' fill='red'/%3E%3C/svg%3E"
)

LANGUAGE: Final = [
    Report(
        source="pallets/jinja#330",
        wanted="a total that a loop adds up",
        verdict=WORKS,
        answer="as in Jinja2, with `namespace`, or `sum`",
        html=(
            "{% set ns = namespace(total=0) %}{% for s in stocks %}{% set ns.total = ns.total + s.qty %}{% endfor %}"
            "<p>{{ ns.total }} {{ stocks | sum(attribute='qty') }}</p>"
        ),
        data={"stocks": [{"qty": 3}, {"qty": 4}]},
        like="<p>7 7</p>",
    ),
    Report(
        source="pallets/jinja#1554",
        wanted="a key of the data that is called `items`",
        verdict=WORKS,
        answer="`order.items` is the key, `order.items()` the method",
        html="{% for item in order.items %}<p>{{ item }}</p>{% endfor %}",
        data={"order": {"id": 1, "items": ["a", "b"]}},
        like="<p>a</p><p>b</p>",
    ),
    Report(
        source="mozilla/nunjucks#1483",
        wanted="data in a script that ends the script",
        verdict=WORKS,
        answer="`tojson` escapes it",
        html="<p id=a></p><script>document.getElementById('a').textContent = {{ v | tojson }}</script>",
        data={"v": _SCRIPT},
        javascript=True,
        like="<p>&lt;/script&gt;&lt;script&gt;document.body.textContent=1//</p>",
    ),
    Report(
        source="frinyvonnick/node-html-to-image#145",
        wanted="Handlebars' conditions",
        verdict=REFUSED,
        answer="the error names `{% if %}`",
        html="{{#if (equals a 'foo')}}<p>Foo</p>{{/if}}",
        data={"a": "foo"},
        says="`{{#if…}}` is Handlebars'; write `{% if a %}…{% endif %}`",
        instead="{% if a == 'foo' %}<p>Foo</p>{% endif %}",
        like="<p>Foo</p>",
    ),
    Report(
        source="frinyvonnick/node-html-to-image#147",
        wanted="braces that are not the template's",
        verdict=REFUSED,
        answer="the error names `{% raw %}`",
        html="<pre>{{ }}</pre>",
        says="between `{% raw %}` and `{% endraw %}`",
        instead="<pre>{% raw %}{{ }}{% endraw %}</pre>",
        like="<pre>&#123;&#123; &#125;&#125;</pre>",
    ),
    Report(
        source="vuejs/vue#1844",
        wanted="Vue's loops, with the values of the template",
        verdict=WARNED,
        answer="`script_placeholders` at upload; write a loop of the template, or put Vue's part between `{% raw %}`",
        html="<ul><li v-for='to in times'>{{ to.time }}</li></ul>",
        data={"times": [{"time": "18:00"}], "to": {"time": ""}},
        says="script_placeholders",
        instead="<ul>{% for to in times %}<li>{{ to.time }}</li>{% endfor %}</ul>",
        like="<ul><li>18:00</li></ul>",
    ),
    Report(
        source="Automattic/juice#262",
        wanted="a colour of the data in a style attribute and a style sheet",
        verdict=WORKS,
        answer="in both",
        html=f"<style>b {{ background-color: {{{{ color }}}} }}</style><b style='{BAR}'></b>"
        f'<i style="{BAR}left:100px;background-color: {{{{ color }}}}"></i>',
        data={"color": "#ff8800"},
        pixels={(50, 25): "#ff8800", (150, 25): "#ff8800", (50, 75): "white"},
    ),
    Report(
        source="sunflowerdeath/webfonts-generator#8",
        wanted="an address of the data in a style sheet, without HTML's escapes",
        verdict=WORKS,
        answer="each place has escapes of its own",
        html=f'<style>b {{ background: url("{{{{ address }}}}") }}</style><b style="{BAR}"></b>',
        data={"address": _SVG},
        pixels={(50, 25): "red"},
    ),
    Report(
        source="frinyvonnick/node-html-to-image#201",
        wanted="blanks inside the braces",
        verdict=WORKS,
        answer="with or without",
        html="<p>{{ Text }}{{Text}}</p>",
        data={"Text": "me"},
        like="<p>meme</p>",
    ),
    Report(
        source="handlebars-lang/handlebars.js#68",
        wanted="a value in an attribute without quotes",
        verdict=REFUSED,
        answer="a value with a blank would begin another attribute",
        html="<div class={{ v }}>x</div>",
        data={"v": "a onclick=alert(1)"},
        says="the value of `class` needs quotes around it",
        instead='<div class="{{ v }}">x</div>',
        like="<div>x</div>",
    ),
    Report(
        source="microlinkhq/browserless#764",
        wanted="no markup from data",
        verdict=WORKS,
        answer="data is text",
        html="<p>{{ name }}</p>",
        data={"name": "<iframe src=http://169.254.169.254/></iframe>"},
        like="<p>&lt;iframe src=http://169.254.169.254/&gt;&lt;/iframe&gt;</p>",
    ),
    Report(
        source="Cadons/Docraft#57",
        wanted="an error where a value is missing",
        verdict=REFUSED,
        answer="before anything is drawn, with all names",
        html="<h1>{{ title }}</h1><p>{{ place }}</p>",
        data={"titel": "x"},
        says="title, place",
        instead="<h1>{{ title | default('') }}</h1><p>{{ place | default('x') }}</p>",
        like="<h1></h1><p>x</p>",
    ),
    Report(
        source="n8n-io/n8n#24735",
        wanted="expressions of n8n",
        verdict=REFUSED,
        answer="the data comes with the request, under names",
        html="<p>{{ $('Code2').item.json.hook }}</p>",
        data={"hook": "Read this"},
        says="write `{{ name }}`",
        instead="<p>{{ hook }}</p>",
        like="<p>Read this</p>",
    ),
    Report(
        source="home-assistant/core#21707",
        wanted="`round` with a method",
        verdict=WORKS,
        answer="as in Jinja2",
        html="<p>{{ (battery / 10.0) | round(method='ceil') }}</p>",
        data={"battery": 71},
        like="<p>8.0</p>",
    ),
    Report(
        source="usetrmnl/larapaper#118",
        wanted="Liquid's assignments and filters",
        verdict=REFUSED,
        answer="the error names `{% set %}`",
        html='{% assign co2 = sensors | where: "type", "co2" | first %}<p>{{ co2.value }}</p>',
        data={"sensors": [{"type": "co2", "value": 819}]},
        says="`{% assign %}` is Liquid's; write `{% set name = 1 %}`",
        instead="{% set co2 = sensors | selectattr('type', 'equalto', 'co2') | first %}<p>{{ co2.value }}</p>",
        like="<p>819</p>",
    ),
    Report(
        source="wpmoo-org/ui#66",
        wanted="JSON in an attribute",
        verdict=REFUSED,
        answer="in double quotes, with the hint to write single ones",
        html='<p data-a="{{ o | tojson }}"></p>',
        data={"o": {"a": 1}},
        says="put the attribute's value into single quotes",
        instead="<style>p::after { content: attr(data-a) }</style><p data-a='{{ o | tojson }}'></p>",
        like='<p>{"a": 1}</p>',
    ),
]
