"""What a comparison looks like: a table for the terminal, one for RESULTS.md, and a plot."""
import html
import os

BEGIN, END = "<!-- measured: written by bench/compare --write -->", "<!-- end of what is measured -->"


def amount(value, unit):
    return {"ratio": f"{value:.2f}", "share": f"{100 * value:.0f} %", "ms": f"{value:.1f} ms",
            "MiB": f"{value:.0f} MiB"}[unit]


def rows_text(rows):
    lines = [f"{'what':75} {'figure':>9} {'floor':>8} {'goal':>8}"]
    for row in rows:
        figure = "-" if row["value"] is None else amount(row["value"], row["unit"])
        lines.append(f"{row['what']:75} {figure:>9} {amount(row['floor'], row['unit']):>8} "
                     f"{amount(row['goal'], row['unit']):>8}  {row['verdict']} {row['detail']}".rstrip())
    return "\n".join(lines)


def table(header, lines):
    return "\n".join(["| " + " | ".join(header) + " |", "|" + " --- |" * len(header),
                      *("| " + " | ".join(line) + " |" for line in lines)])


def markdown(result):
    machine = result["machine"]
    rows = [[row["what"], "-" if row["value"] is None else amount(row["value"], row["unit"]),
             amount(row["floor"], row["unit"]), amount(row["goal"], row["unit"]),
             "; ".join(text for text in (row["verdict"], row["detail"]) if text)] for row in result["rows"]]
    cases = []
    for name, case in result["cases"].items():
        peer = case.get("peer")
        share = f"{100 * case['peak_share']:.0f} %" if "peak_share" in case else "-"
        cases.append([name, case["unit"], f"{case['median']:,.1f}", f"{case['low']:,.1f} - {case['high']:,.1f}", share,
                      f"{peer['median']:,.1f}" if peer else "-", peer["name"] if peer else "-",
                      f"{case['ratio']:.2f}" if peer else "-"])
    return "\n\n".join([
        f"{machine['date']}, {machine['cpu']}, {machine['threads']} threads, {machine['caches']}; kernels "
        f"{machine['isa']}, {machine['compiler']}, Linux {machine['kernel']}; peers: {result['peers']}. "
        f"{result['rounds']} rounds; load before it {machine['load']}.",
        "Kernels, the peer's and the machine's peak take turns of a few milliseconds in one process, a net with each "
        "number of threads and its peer turns of a quarter of a second. Ratios and shares are those of a turn, of all "
        "turns the median.",
        table(["what", "figure", "floor", "goal", ""], rows),
        "![ratio of each case](results.svg)",
        "Every case, median and quartiles over the turns:",
        table(["case", "unit", "ours", "quartiles", "of peak", "peer", "its best", "ratio"], cases),
    ])


def update_results(path, result):
    """Replaces what is between the marks; what people wrote around it stays."""
    with open(path, encoding="utf-8") as opened:
        text = opened.read()
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not mark or not end:
        raise ValueError(f"{os.path.basename(path)} lacks the lines {BEGIN} and {END}")
    with open(path + ".part", "w", encoding="utf-8") as opened:
        opened.write(f"{before}{BEGIN}\n\n{markdown(result)}\n\n{END}{after}")
    os.replace(path + ".part", path)


def plot(cases):
    """Bars of ours over the peer's best, a line where they are equal."""
    bars = [(name, case["ratio"]) for name, case in cases.items() if "ratio" in case]
    left, width, step, top = 300, 560, 16, 40
    most = max([2.0, *(ratio for _, ratio in bars)])
    height = top + step * len(bars) + 30
    x = lambda ratio: left + width * ratio / most  # noqa: E731
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" '
             'font-family="sans-serif" font-size="11">',
             '<rect width="100%" height="100%" fill="white"/>',
             f'<text x="{left}" y="18" font-size="13">hone over the peer\'s best (1 = equal)</text>']
    for number, (name, ratio) in enumerate(bars):
        y = top + step * number
        colour = "#2a7f62" if ratio >= 1 else "#c8553d"
        parts += [f'<text x="{left - 6}" y="{y + 10}" text-anchor="end">{html.escape(name)}</text>',
                  f'<rect x="{left}" y="{y}" width="{x(ratio) - left:.1f}" height="{step - 4}" fill="{colour}"/>',
                  f'<text x="{x(ratio) + 4:.1f}" y="{y + 10}">{ratio:.2f}</text>']
    for tick in range(int(most) + 1):
        parts += [f'<line x1="{x(tick):.1f}" y1="{top - 6}" x2="{x(tick):.1f}" y2="{height - 24}" stroke="#000" '
                  f'stroke-opacity="{0.8 if tick == 1 else 0.15}"/>',
                  f'<text x="{x(tick):.1f}" y="{height - 10}" text-anchor="middle">{tick}</text>']
    return "\n".join([*parts, "</svg>", ""])
