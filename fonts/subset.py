"""Makes the fonts of PDFs, inter-400.ttf and inter-600.ttf, from the Inter typeface: python3 subset.py <folder of Inter's TTF files>

The folder is an unpacked `npm pack @expo-google-fonts/inter@0.4.2`, whose licence is OFL.txt; fontTools (4.68) is on PyPI.

Keeps Latin with Vietnamese, Greek, Cyrillic, punctuation and currencies. Widths are in thousandths of the size, as a PDF has them, so
that none is rounded. Figures have one width, so that amounts align. Each character has a glyph of its own: else the text that is copied
from a PDF could have another letter of the same shape.
"""

import sys
from copy import deepcopy
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

WEIGHTS = {400: "Regular", 600: "SemiBold"}
RANGES = """
    20-7E A0-AC AE-17F 18F 192 1A0-1A1 1AF-1B0 1CD-1DC 1E6-1E7 1EA-1EB 1FA-21B 232-233 259 2BB-2BC
    370-3FF 400-52F 1E00-1EFF 1F00-1FFF
    2009 2010-2015 2018-201E 2020-2022 2026 202F 2030 2032-2033 2039-203A 2044 20A0-20C0 2116 2117 2122 2190-2193 2212 2215 221E 2260 2264-2265
"""


def wanted() -> set[int]:
    codes: set[int] = set()
    for part in RANGES.split():
        first, _, last = part.partition("-")
        codes.update(range(int(first, 16), int(last or first, 16) + 1))
    return codes


def tabular(font: TTFont) -> dict[str, str]:
    """The figures of one width, by the name of the usual figure."""
    gsub = font["GSUB"].table
    lookups = {i for record in gsub.FeatureList.FeatureRecord if record.FeatureTag == "tnum" for i in record.Feature.LookupListIndex}
    pairs: dict[str, str] = {}
    for index in lookups:
        for table in gsub.LookupList.Lookup[index].SubTable:
            pairs.update(getattr(table, "ExtSubTable", table).mapping)
    return pairs


def one_glyph_each(font: TTFont) -> None:
    """Copies a glyph for each further character that has it."""
    for table in font["cmap"].tables:
        taken: set[str] = set()
        for code, name in sorted(table.cmap.items()):
            if name in taken:
                copied = f"{name}.{code:04X}"
                if copied not in font["glyf"].glyphs:
                    font.setGlyphOrder([*font.getGlyphOrder(), copied])
                    font["glyf"].glyphs[copied] = deepcopy(font["glyf"][name])
                    font["hmtx"].metrics[copied] = font["hmtx"][name]
                table.cmap[code] = copied
            taken.add(table.cmap[code])


def subset(source: Path, target: Path) -> None:
    font = TTFont(source, recalcTimestamp=False)
    figures = tabular(font)
    # Tables may share their dictionary.
    for codes in {id(table.cmap): table.cmap for table in font["cmap"].tables}.values():
        for code in range(ord("0"), ord("9") + 1):
            codes[code] = figures[codes[code]]
    options = Options()
    options.layout_features = []
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [1, 2, 4, 6, 13]
    options.drop_tables += ["GSUB", "GPOS", "GDEF", "STAT", "gasp"]
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=wanted())
    subsetter.subset(font)
    font["cmap"].tables = [table for table in font["cmap"].tables if (table.platformID, table.platEncID) == (3, 1)]
    one_glyph_each(font)
    scale_upem(font, 1000)
    font.save(target)
    print(target.name, target.stat().st_size, "bytes,", len(font.getBestCmap()), "characters")


if __name__ == "__main__":
    for weight, style in WEIGHTS.items():
        (source,) = Path(sys.argv[1]).rglob(f"Inter_{weight}{style}.ttf")
        subset(source, Path(__file__).parent / f"inter-{weight}.ttf")
