"""The Chromium of this machine. `python -m tests.browser` says which one the browser tests use, and as root installs
one if none is there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
ON_A_MAC = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]
# As far apart as WCAG 1.4.12 lets a reader set them: wider than any machine's own font.
SPACED = "* { letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important }"
WIDER_THAN_ITS_WINDOW = """css => {
    const wide = () => document.documentElement.scrollWidth > innerWidth;
    if (wide()) return "scrolls sideways";
    const sheet = new CSSStyleSheet(); // the policy refuses a style element
    sheet.replaceSync(css);
    document.adoptedStyleSheets = [sheet];
    const spaced = wide();
    document.adoptedStyleSheets = [];
    return spaced ? "scrolls sideways when its letters are spaced" : "";
}"""
Look = tuple[Literal["light", "dark"], int]  # a scheme and a width
# Each language on a phone and on a screen, each of them in light and in dark.
LOOKS: dict[str, list[Look]] = {"fr": [("light", 1280), ("dark", 390)], "en": [("light", 390), ("dark", 1280)]}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ARGUMENTS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
ARGUMENTS += ["--disable-dev-shm-usage"]  # a container gives it 64 MB, and a page that needs more crashes


def chromium() -> str | None:
    """The path of a Chromium or Chrome: the one that CHROMIUM names, else the first found."""
    if named := os.environ.get("CHROMIUM"):
        return shutil.which(named)
    found = (shutil.which(name) for name in NAMES)
    return next(filter(None, found), None) or next((path for path in ON_A_MAC if Path(path).exists()), None)


def arguments() -> list[str]:
    # Chromium's sandbox refuses to run as root.
    return ARGUMENTS if os.geteuid() else [*ARGUMENTS, "--no-sandbox"]


@contextmanager
def visitor(browser: "Browser", url: str, language: str) -> "Iterator[Page]":
    """A page of somebody who reads `language`, in the first of its looks; it fails the test that met a script error or
    broke the content security policy."""
    scheme, width = LOOKS[language][0]
    context = browser.new_context(
        base_url=url + ("/en/" if language == "en" else "/"),
        color_scheme=scheme,
        viewport={"width": width, "height": 800},
        locale=language,
    )
    page = context.new_page()
    page.looks = LOOKS[language]  # type: ignore[attr-defined]
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert complaints == []


def too_wide(page: "Page") -> list[str]:
    """What is wrong with the width of `page`: nothing, whatever fonts this machine has."""
    found = page.evaluate(WIDER_THAN_ITS_WINDOW, SPACED)
    return [f"{page.url} {found}"] if found else []


def follow(target: "Locator") -> None:
    """Click on what leads to another page, and wait for that page.

    A click alone returns at once: whoever looks at the page then sees the old one, or one that is neither.
    """
    with target.page.expect_navigation():
        target.click()


def unfit(page: "Page", *, of_django: bool = False) -> list[str]:
    """What keeps somebody from using `page`: by axe's rules, on a narrow screen, or without one heading that names it.

    A page `of_django`, in the administration, is not held to what axe calls best practice. Its sheets import others,
    which axe reads by writing inline styles that the policy refuses: there it does without.
    """
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - only browser tests pay for it

    rules = RULES if of_django else [*RULES, "best-practice"]
    options = {"runOnly": rules, "preload": not of_django, "resultTypes": ["violations"]}
    broken = Axe().run(page, options=options).response["violations"]
    found = [
        f"{page.url} {rule['id']}: {', '.join(node['html'][:200] for node in rule['nodes'][:5])}" for rule in broken
    ]
    if page.locator("h1").count() != 1:
        found.append(f"{page.url} has not one h1")
    return found + too_wide(page)


def in_each(looks: "Sequence[Look]", page: "Page", judge: "Callable[[Page], list[str]]") -> list[str]:
    """What `judge` finds in each of `looks`, on the page as it stands: it is loaded once. It was opened in the first,
    and ends there."""
    height = (page.viewport_size or {"height": 800})["height"]
    found = []
    for scheme, width in reversed(looks):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate(
            "Promise.allSettled(document.getAnimations().map((change) => change.finished))"
        )  # colours are whole
        found += [f"{scheme} {width} {fault}" for fault in judge(page)]
    return found


def install() -> None:
    """With apt, as root; quietly does nothing elsewhere."""
    if os.geteuid() or not shutil.which("apt-get"):
        return
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", "chromium"]):
        subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=600, check=False)


def main() -> int:
    if not chromium():
        install()
    if path := chromium():
        print(f"Browser tests: {path}")
        return 0
    print(
        f"\n{'!' * 100}\nBROWSER TESTS ARE SKIPPED: no Chromium here. "
        f"Install one, or name it: CHROMIUM=/path/to/chromium\n{'!' * 100}\n",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
