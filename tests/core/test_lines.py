from django.template import Context, Template


def test_lines_become_one_without_losing_hard_spaces_or_escaping_twice() -> None:
    template = Template("{% load lines %}{% filter one_line %}\n  {{ first }},\n\n    9\xa0h\xa030{% endfilter %}\n")

    assert template.render(Context({"first": "A & B"})) == "A &amp; B, 9\xa0h\xa030\n"
