"""``python -m bench``: measure the door against the AWS stand-in and print a table of ratios."""

import argparse
import json
import sys
from dataclasses import asdict

from bench.rows import SECTIONS as STORE_SECTIONS
from bench.rows import Plan, Row
from bench.rows_metadata import metadata_rows
from bench.rows_sessions import session_rows
from bench.rows_useragent import useragent_rows
from bench.zipped import zip_rows

SECTIONS = {
    **STORE_SECTIONS,
    "metadata": metadata_rows,
    "sessions": session_rows,
    "useragent": useragent_rows,
    "zip": zip_rows,
}
HEADINGS = ("what", "measured", "baseline", "ratio", "aim", "baseline is")
WIDTHS = (36, 12, 12, 7, 18, 0)


def number(value: float | None, unit: str = "") -> str:
    """Return three significant digits and the unit."""
    return "-" if value is None else f"{value:.{0 if value >= 100 else 2}f} {unit}".rstrip()


def lines(row: Row) -> list[str]:
    """Return the row as text, its note on a line of its own."""
    cells = (
        row.name,
        number(row.measured, row.unit),
        number(row.baseline, row.unit),
        number(row.ratio),
        row.aim,
        row.beside,
    )
    text = [columns(cells)]
    return [*text, f"    {row.note}"] if row.note else text


def columns(cells: tuple[str, ...]) -> str:
    """Return cells side by side."""
    return " ".join(cell.ljust(width) for cell, width in zip(cells, WIDTHS, strict=True)).rstrip()


def main(arguments: list[str]) -> None:
    """Measure the chosen sections."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its numbers are rough")
    parser.add_argument(
        "--json", metavar="FILE", help="write the rows there too; - prints them only"
    )
    parser.add_argument("--only", choices=SECTIONS, action="append", help="leave the others out")
    options = parser.parse_args(arguments)
    plan = Plan.of(quick=options.quick)
    as_text = options.json != "-"
    if as_text:
        print(columns(HEADINGS))
    rows = []
    for name, section in SECTIONS.items():
        if options.only and name not in options.only:
            continue
        for row in section(plan):
            rows.append({**asdict(row), "ratio": row.ratio})
            if as_text:
                print("\n".join(lines(row)), flush=True)
    if options.json:
        text = json.dumps({"quick": options.quick, "rows": rows}, indent=2)
        if not as_text:
            print(text)
        else:
            with open(options.json, "w") as file:
                file.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
