"""The ratios to the best peer as an SVG: a bar to the right of 1 is faster, to the left slower."""

import math

from compare.report import named

LEFT, WIDTH, ROW, TOP = 270, 560, 30, 46
COLOURS = {"full": "#1f6f8b", "relaxed": "#99c4d1"}
LEAST, MOST = 0.1, 100.0


def x(ratio):
    ratio = min(max(ratio, LEAST), MOST)
    return LEFT + WIDTH * (math.log10(ratio) - math.log10(LEAST)) / math.log10(MOST / LEAST)


def write_svg(result, path):
    rows = [row for row in result["rows"]
            if any("best" in ratios for ratios in row["ratios"].values())]
    height = TOP + ROW * len(rows) + 20
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           f'<text x="{LEFT}" y="16" font-size="14">Holdfast ÷ the best of four peers</text>']
    for at, (mode, colour) in enumerate(COLOURS.items()):
        left = LEFT + WIDTH - 150 + at * 80
        out.append(f'<rect x="{left}" y="7" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{left + 14}" y="16">{mode}</text>')
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        line = "#333" if tick == 1 else "#ddd"
        out.append(f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP - 8}" '
                   f'y2="{height - 14}" stroke="{line}"/>')
        out.append(f'<text x="{x(tick):.1f}" y="{TOP - 12}" text-anchor="middle" '
                   f'fill="#555">{tick:g}</text>')
    for at, row in enumerate(rows):
        y = TOP + at * ROW
        out.append(f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{named(row)}</text>')
        for line, mode in enumerate(COLOURS):
            ratio = row["ratios"].get(mode, {}).get("best")
            if ratio is None:
                continue
            from_x, to_x = sorted((x(1), x(ratio)))
            out.append(f'<rect x="{from_x:.1f}" y="{y + 2 + line * 11}" '
                       f'width="{max(to_x - from_x, 1):.1f}" height="10" fill="{COLOURS[mode]}"/>')
            after, anchor = (to_x + 3, "start") if ratio >= 1 else (from_x - 3, "end")
            out.append(f'<text x="{after:.1f}" y="{y + 11 + line * 11}" font-size="10" '
                       f'text-anchor="{anchor}">{ratio:.2f}</text>')
    out.append("</svg>\n")
    with open(path, "w") as file:
        file.write("\n".join(out))
