"""usage: look_at_page.py PICTURE.png SCHEME SLOT... What a browser drew of a report: its cards, with the curves of these
slots (0: the user's own model, 1: the best ...) in the plots of the second one, and nothing beside the cards. SCHEME: light
or dark; with `narrow` behind it, the plots are below one another."""
import sys

from PIL import Image

BACKGROUND = {"light": (0xF4, 0xF6, 0xF8), "dark": (0x0E, 0x13, 0x19)}
CURVES = {
    "light": [(0x6B, 0x76, 0x83), (0x0B, 0x62, 0xC4), (0xD9, 0x58, 0x0F), (0x2B, 0x8A, 0x3E)],
    "dark": [(0xA3, 0xAE, 0xBB), (0x58, 0xA6, 0xFF), (0xFF, 0x9F, 0x5A), (0x63, 0xD0, 0x7F)],
}


def read_rows(path):
    """Rows of (r, g, b)."""
    picture = Image.open(path).convert("RGB")
    pixels, width = list(picture.getdata()), picture.width
    return [pixels[start : start + width] for start in range(0, len(pixels), width)]


def cards_of(rows, background, x):
    """The first and last row of what is not background at column x."""
    cards, inside = [], False
    for y, row in enumerate(rows):
        if (row[x] != background) != inside:
            inside = not inside
            if inside:
                cards.append([y, y])
        if inside:
            cards[-1][1] = y
    return cards


def main():
    picture, scheme, slots = sys.argv[1], sys.argv[2], [int(slot) for slot in sys.argv[3:] if slot != "narrow"]
    narrow = "narrow" in sys.argv
    rows, background = read_rows(picture), BACKGROUND[scheme]
    width = len(rows[0])
    edge = next(x for x in range(width) if any(row[x] != background for row in rows))
    problems = []
    if edge < 15:
        problems.append(f"something is drawn at column {edge}, left of the cards")
    right = width - 1 - next(x for x in range(width) if any(row[width - 1 - x] != background for row in rows))
    if abs((width - 1 - right) - edge) > 1:
        problems.append(f"the cards begin at column {edge} and something is drawn at column {right} of {width}")
    cards = cards_of(rows, background, width // 2)
    if len(cards) < 5 or cards[-1][1] >= len(rows) - 1:
        problems.append(f"{len(cards)} cards, the last one down to row {cards[-1][1] if cards else 0} of {len(rows)}")
        print("\n".join(problems))
        return 1
    top, bottom = cards[1]
    middle = (edge + right) // 2
    # Where the plots of accuracy and loss are, without axis texts and what stands at the curves' ends.
    inner, gap = edge + (17 if narrow else 25), 12
    span = right - inner - (inner - edge) if narrow else middle - gap - inner
    plots = {"accuracy": (inner, top, bottom), "loss": (middle + gap, top, bottom)}
    if narrow:
        half = top + 60 + int(span * 340 / 540)
        plots = {"accuracy": (inner, top, half), "loss": (inner, half, half + int(span * 340 / 540))}
    for name, (left, first, last) in plots.items():
        if len({rows[y][left + span - 1] for y in range(first + 60, last - 60)}) > 1:
            problems.append(f"{name}: something is cut off at the right edge of the chart")
        begin, end = left + int(span * 62 / 540) + 4, left + int(span * 446 / 540) - 4
        for slot in slots:
            colour = CURVES[scheme][slot]
            points = [(x, y) for y in range(first, last) for x in range(begin, end) if rows[y][x] == colour]
            columns = {x for x, _ in points}
            if len(columns) < (end - begin) // 3:
                problems.append(f"{name}: the curve of slot {slot} is seen in {len(columns)} of {end - begin} columns")
                continue
            quarter = (end - begin) // 4
            early = [y for x, y in points if x < begin + quarter]
            late = [y for x, y in points if x > end - quarter and y < first + 60 + int(span * 286 / 540)]
            rises = early and late and sum(late) / len(late) < sum(early) / len(early)
            if slot == 1 and rises != (name == "accuracy"):
                problems.append(f"{name}: the best one's curve goes the wrong way")
    print("\n".join(problems))
    return bool(problems)


sys.exit(main())
