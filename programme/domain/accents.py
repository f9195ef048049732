"""The colour of an edition as the tokens of the style sheets: what acts keeps its contrast on both papers (WCAG 2.2,
1.4.3)."""

from colorsys import hls_to_rgb, rgb_to_hls

# What core/static/core/tokens.css draws on: --paper, light and dark, and text on the accent itself.
PAPERS = ("fbfaf6", "14171a")
WHITE, NIGHT = "ffffff", "0d1214"
ENOUGH = 7  # of links and buttons on paper; 4.5 is the least that the law asks for


def tokens(accent: str) -> dict[str, tuple[str, str]]:
    """The tokens for an `accent` of six hexadecimal digits: the value for light pages, and for dark ones."""
    light, dark = _readable(accent, PAPERS[0]), _readable(accent, PAPERS[1])
    return {
        "accent": (light, dark),
        "accent-strong": (_moved(light, -0.08), _moved(dark, 0.1)),
        "on-accent": (WHITE, NIGHT),
        "accent-wash": (_mixed(light, PAPERS[0], 0.1), _mixed(dark, PAPERS[1], 0.14)),
    }


def style_sheet(accent: str) -> str:
    """The same as CSS."""
    lines = (f"  --{name}: light-dark(#{light}, #{dark});" for name, (light, dark) in tokens(accent).items())
    return "\n".join(["@layer tokens {", "  :root {", *(f"  {line}" for line in lines), "  }", "}", ""])


def contrast(one: str, other: str) -> float:
    """Between two colours, from 1 to 21 (WCAG 2.2, relative luminance)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _readable(colour: str, paper: str) -> str:
    """`colour`, made darker or lighter in small steps until it can be read on `paper`."""
    step, end = (-0.02, "000000") if _luminance(paper) > 0.5 else (0.02, "ffffff")
    while contrast(colour, paper) < ENOUGH and colour != end:
        colour = _moved(colour, step)
    return colour


def _moved(colour: str, by: float) -> str:
    hue, lightness, saturation = rgb_to_hls(*_channels(colour))
    return _written(hls_to_rgb(hue, min(max(lightness + by, 0), 1), saturation))


def _mixed(colour: str, paper: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(paper), strict=True)
    return _written(tuple(share * one + (1 - share) * other for one, other in pairs))


def _luminance(colour: str) -> float:
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _channels(colour: str) -> tuple[float, float, float]:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (0, 2, 4))
    return red, green, blue


def _written(channels: tuple[float, ...]) -> str:
    return "".join(f"{round(channel * 255):02x}" for channel in channels)
