"""Pieces of pages that are changed as a whole: their lines, and the direction of their cells."""

import re

from django import template

register = template.Library()


@register.filter(is_safe=True)
def one_line(text: str) -> str:
    """The lines of a `{% filter one_line %}` as one, with a space between them: for attributes, titles and plain
    mails."""
    return re.sub(r"[ \t]*\n[ \t\n]*", " ", text.strip(" \t\n"))


@register.filter(is_safe=True)
def own_directions(rows: str) -> str:
    """The rows of Django's own list, each cell read in the direction of its words."""
    return re.sub(r'<(t[dh]) class="(?=field-)', r'<\1 dir="auto" class="', rows)
