"""What a page says, and what its forms send, as a person and a browser read them."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.test import Client
from django.urls import reverse

from programme.models import Session


def url(name: str, session: Session) -> str:
    return reverse(f"registrations:{name}", args=[session.slug])


def words(page: str) -> str:
    """The text of `page` without tags, each run of spaces of any width one plain space."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


@dataclass
class Form:
    action: str
    fields: dict[str, Any] = field(default_factory=dict)
    button: str = ""


class _Forms(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.form: Form | None = None
        self.in_button = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.form = Form(given.get("action", ""))
            self.forms.append(self.form)
        elif self.form and given.get("name") and given["name"] != "csrfmiddlewaretoken":
            self.form.fields.setdefault(given["name"], []).append(given.get("value", ""))
        if tag == "button":
            self.in_button = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.form = None
        elif tag == "button":
            self.in_button = False

    def handle_data(self, data: str) -> None:
        if self.in_button and self.form:
            self.form.button = words(self.form.button + " " + data).strip()


def forms(page: str) -> list[Form]:
    return _Forms(page).forms


def form(page: str, button: str) -> Form:
    """The one form of `page` whose button says `button`."""
    [found] = [form for form in forms(page) if form.button == button]
    return found


def box(client: Client, session: Session, name: str = "seat") -> str:
    return client.get(url(name, session), headers={"HX-Request": "true", "HX-Target": "seat-box"}).content.decode()


def row(client: Client, session: Session, name: str = "seat", **query: str) -> str:
    target = {"HX-Request": "true", "HX-Target": f"seat-{session.slug}"}
    return client.get(url(name, session), query, headers=target).content.decode()


def send(client: Client, form: Form, *, target: str = "seat-box", **fields: Any) -> Any:
    """Press the button of `form`, by htmx unless `target` is empty, with `fields` typed in."""
    headers = {"HX-Request": "true", "HX-Target": target} if target else {}
    return client.post(form.action, form.fields | fields, headers=headers)
