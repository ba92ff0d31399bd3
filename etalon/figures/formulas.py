"""Formulas as drawings that a page can hold among its words."""

from functools import cache
from html import escape

EM = 100.0  # points in an em while drawing: what is rounded to a point is then rounded to a hundredth


@cache
def formula(latex: str) -> str:
    """An SVG element, as high as the words around it and in their colour.

    Args:
        latex: a formula of matplotlib's mathtext, without its dollars.

    Raises:
        ValueError: mathtext cannot read it.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import MathTextParser
    from matplotlib.textpath import text_to_path

    font = FontProperties(math_fontfamily="stix", size=EM)
    text = f"${latex}$"
    width, height, depth, _glyphs, _rectangles = MathTextParser("path").parse(text, dpi=72, prop=font)
    vertices, codes = text_to_path.get_text_path(font, text, ismath=True)
    scale = EM / text_to_path.FONT_SCALE
    drawn = _drawn([(x * scale, height - depth - y * scale) for x, y in vertices], [int(code) for code in codes])
    size = f"width:{width / EM:.2f}em;height:{height / EM:.2f}em;vertical-align:{-depth / EM:.2f}em"
    return (
        f'<svg class="formula" role="img" aria-label="{escape(latex)}" style="{size}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}"><path fill="currentColor" d="{drawn}"/></svg>'
    )


def _drawn(vertices: list[tuple[float, float]], codes: list[int]) -> str:
    """A path in SVG's words, from matplotlib's vertices and codes."""
    from matplotlib.path import Path

    letters = {int(Path.MOVETO): "M", int(Path.LINETO): "L", int(Path.CURVE3): "Q", int(Path.CURVE4): "C"}
    points = {"M": 1, "L": 1, "Q": 2, "C": 3}
    words: list[str] = []
    owed = 0  # points of the curve begun
    for (x, y), code in zip(vertices, codes, strict=True):
        if code == Path.CLOSEPOLY:
            words.append("Z")
            continue
        if not owed:
            words.append(letters[code])
            owed = points[words[-1]]
        owed -= 1
        words.append(f"{x:.1f} {y:.1f}")
    return " ".join(words)
