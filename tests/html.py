"""What a browser would send for the form that a page shows."""

from html.parser import HTMLParser


class _Form(HTMLParser):
    def __init__(self, part: str) -> None:
        super().__init__()
        self.part, self.inside, self.sent = part, False, dict[str, list[str]]()
        self.select = self.textarea = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        a = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.inside = any(self.part in value for value in a.values())
        name = a.get("name", "")
        if not self.inside or (not name and tag != "option"):
            return
        match tag:
            case "input" if a.get("type") in ("checkbox", "radio"):
                if "checked" in a:
                    self.sent.setdefault(name, []).append(a.get("value", "on"))
            case "input" if a.get("type") not in ("submit", "button", "file"):
                self.sent.setdefault(name, []).append(a.get("value", ""))
            case "select":
                self.select = name
            case "option" if self.select and "selected" in a:
                self.sent.setdefault(self.select, []).append(a.get("value", ""))
            case "textarea":
                self.textarea = name
                self.sent[name] = [""]

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.sent[self.textarea][0] += data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self.inside = False
            case "select":
                self.select = ""
            case "textarea":
                self.textarea = ""


def sent(page: bytes | str, part: str) -> dict[str, list[str]]:
    """The fields of the form of `page` one of whose attributes holds `part`, as they stand; a button is yours to
    add."""
    form = _Form(part)
    form.feed(page.decode() if isinstance(page, bytes) else page)
    return {name: [value.removeprefix("\n") for value in values] for name, values in form.sent.items()}
