"""Value Representations (PS3.5 Table 6.2-1 and 7.1.2): how each is written.

What values may look like is the business of validation; this table is what reading needs.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VR:
    """A row.

    ``long_form``: the explicit header has a 32-bit length (PS3.5 Table 7.1-1). ``max_length``: of
    one value, in characters for text and bytes for others, 0 for no limit below 2**32 - 2.
    ``unit``: bytes that swap together in another byte order, 1 for none. ``text``: decoded by
    Specific Character Set. ``multiple``: a backslash separates values. ``pad``: the byte that
    makes the length even.
    """

    code: str
    long_form: bool = False
    max_length: int = 0
    unit: int = 1
    text: bool = False
    multiple: bool = False
    pad: bytes = b"\0"


_ROWS = (
    VR("AE", max_length=16, multiple=True, pad=b" "),
    VR("AS", max_length=4, multiple=True, pad=b" "),
    VR("AT", unit=2),
    VR("CS", max_length=16, multiple=True, pad=b" "),
    VR("DA", max_length=8, multiple=True, pad=b" "),
    VR("DS", max_length=16, multiple=True, pad=b" "),
    VR("DT", max_length=26, multiple=True, pad=b" "),
    VR("FD", unit=8),
    VR("FL", unit=4),
    VR("IS", max_length=12, multiple=True, pad=b" "),
    VR("LO", max_length=64, text=True, multiple=True, pad=b" "),
    VR("LT", max_length=10240, text=True, pad=b" "),
    VR("OB", long_form=True),
    VR("OD", long_form=True, unit=8),
    VR("OF", long_form=True, unit=4),
    VR("OL", long_form=True, unit=4),
    VR("OV", long_form=True, unit=8),
    VR("OW", long_form=True, unit=2),
    VR("PN", max_length=64, text=True, multiple=True, pad=b" "),
    VR("SH", max_length=16, text=True, multiple=True, pad=b" "),
    VR("SL", unit=4),
    VR("SQ", long_form=True),
    VR("SS", unit=2),
    VR("ST", max_length=1024, text=True, pad=b" "),
    VR("SV", long_form=True, unit=8),
    VR("TM", max_length=14, multiple=True, pad=b" "),
    VR("UC", long_form=True, text=True, multiple=True, pad=b" "),
    VR("UI", max_length=64, multiple=True),
    VR("UL", unit=4),
    VR("UN", long_form=True),
    VR("UR", long_form=True, pad=b" "),
    VR("US", unit=2),
    VR("UT", long_form=True, text=True, pad=b" "),
    VR("UV", long_form=True, unit=8),
)

VRS: dict[str, VR] = {row.code: row for row in _ROWS}
