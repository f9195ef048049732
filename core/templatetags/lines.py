"""Templates whose lines are shorter than what they say."""

import re

from django import template

register = template.Library()


@register.filter(is_safe=True)
def one_line(text: str) -> str:
    """The lines of a `{% filter one_line %}` as one, with a space between them: for attributes, titles and plain
    mails."""
    return re.sub(r"[ \t]*\n[ \t\n]*", " ", text.strip(" \t\n"))
