"""Judges elements one by one as a walk goes by: order, groups, VR, VM, creators, values.

What belongs here: what can be said of an element where it stands. What must not: what several
elements say together.
"""

from chalicelib.dicomweb import tags
from chalicelib.dicomweb.byte_source import ByteSource, read_bytes
from chalicelib.dicomweb.structure import Kind, Step
from chalicelib.origin.validate.dictionary import Entry, entry_of
from chalicelib.origin.validate.findings import Findings
from chalicelib.origin.validate.place import Place
from chalicelib.origin.validate.values import MAX_READ_VALUE_BYTES, READ_VRS, ValueJudge

MAX_CREATORS = 10_000
"""Of one data set; beyond it private elements are not judged. Real ones have a few dozen."""
_FILE_META_GROUP = 0x0002
_GROUPS_WITHOUT_PLACE = frozenset({0x0000, 0x0001, 0x0002, 0x0003, 0x0005, 0x0006, 0x0007, 0xFFFF})
_CREATORS = range(0x0010, 0x0100)
_PRIVATE_ELEMENTS = range(0x1000, 0x10000)
_IDENTIFYING = frozenset(
    {
        tags.SOP_CLASS_UID,
        tags.SOP_INSTANCE_UID,
        tags.STUDY_INSTANCE_UID,
        tags.SERIES_INSTANCE_UID,
    }
)
_CREATOR_ENTRY = Entry(("LO",), 1, 1, 1)
_VR_FIELD_BEFORE_VALUE = 8


class ElementJudge:
    """Judges the elements of one walk.

    Parameters
    ----------
    findings : Findings
        Where findings go.
    source : ByteSource
        The bytes the walk goes over.
    is_file_meta : bool
        Whether the walk is over group 0002.
    """

    def __init__(
        self, findings: Findings, source: ByteSource, *, is_file_meta: bool = False
    ) -> None:
        self._findings = findings
        self._source = source
        self._is_file_meta = is_file_meta
        self._place = Place()
        self._values = ValueJudge(findings, self._place)
        self.unread = 0

    def take(self, step: Step) -> None:
        """Judge one step of the walk."""
        kind, tag, vr, _, length, depth, _ = step
        if kind is Kind.ELEMENT:
            entry = self._judge_header(tag, vr, step)
            if length & 1:
                self._add("element-odd", tag, f"has {length} bytes")
            if length and not (depth == 0 and tag in _IDENTIFYING):
                self._judge_value(step, vr or _first_vr(tag, entry), entry)
            return
        if kind in (Kind.SEQUENCE, Kind.FRAGMENTS):
            self._judge_header(tag, vr, step)
        elif kind is Kind.FRAGMENT and length & 1:
            self._add("fragment-odd", tag, f"has a fragment of {length} bytes")
        self._place.follow(step)

    def _judge_header(self, tag: int, vr: str, step: Step) -> Entry | None:
        """Judge tag and VR; return what the dictionary says of the element."""
        data_set = self._place.data_set
        if tag <= data_set.last_tag:
            if tag == data_set.last_tag:
                self._add("element-repeated", tag, "stands twice")
            else:
                before = tags.format_tag(data_set.last_tag)
                self._add("element-unordered", tag, f"stands behind {before}")
        data_set.last_tag = tag
        group, element = tag >> 16, tag & 0xFFFF
        if group in _GROUPS_WITHOUT_PLACE and not self._is_file_meta:
            self._add("element-misplaced", tag, "is of a group that no data set has")
            return None
        if element == 0:
            if not self._is_file_meta:
                self._add("group-length", tag, "is a group length")
            return None
        if group & 1:
            return self._judge_private(tag, group, element, step)
        entry = entry_of(tag)
        if entry is None:
            self._add("element-unknown", tag, "is not in the data dictionary")
        elif vr not in entry.vrs and vr:
            self._judge_vr(tag, vr, entry, step)
        return entry

    def _judge_vr(self, tag: int, vr: str, entry: Entry, step: Step) -> None:
        allowed = " or ".join(entry.vrs)
        if vr == "UN":
            if not self._is_of_unknown_vr(tag, step):
                self._add("vr-un", tag, f"has VR UN; the data dictionary has {allowed}")
        elif allowed:
            self._add("vr-differs", tag, f"has VR {vr}; the data dictionary has {allowed}")

    def _is_of_unknown_vr(self, tag: int, step: Step) -> bool:
        """Whether UN is what the walk made of a VR that this edition does not know."""
        written = read_bytes(self._source, step.offset - _VR_FIELD_BEFORE_VALUE, 2)
        if written == b"UN":
            return False
        self._add("vr-unknown", tag, "has a VR that this edition does not know")
        return True

    def _judge_private(self, tag: int, group: int, element: int, step: Step) -> Entry | None:
        """Judge a private element by its creator (PS3.5 7.8.1)."""
        creators = self._place.data_set.creators
        if element in _CREATORS:
            if step.length and len(creators) < MAX_CREATORS:
                creators.add(group << 8 | element)
            return _CREATOR_ENTRY
        if step.vr == "UN":
            self._is_of_unknown_vr(tag, step)
        block = group << 8 | element >> 8
        if element not in _PRIVATE_ELEMENTS:
            self._add("element-misplaced", tag, "is where no private element may be")
        elif block not in creators and len(creators) < MAX_CREATORS:
            creators.add(block)  # said once for the block
            where = tags.format_tag(group << 16 | element >> 8)
            self._add("private-without-creator", tag, f"has no creator at {where}")
        return None

    def _judge_value(self, step: Step, vr: str, entry: Entry | None) -> None:
        if vr not in READ_VRS:
            self._values.judge_binary(step.tag, vr, step.length, entry)
            return
        if step.length > MAX_READ_VALUE_BYTES:
            self.unread += 1
            return
        value = read_bytes(self._source, step.offset, step.length)
        if step.tag == tags.SPECIFIC_CHARACTER_SET:
            self._values.declare(step.tag, value)
        self._values.judge_read(step.tag, vr, value, entry)

    def _add(self, rule: str, tag: int, what: str) -> None:
        self._findings.add(rule, self._place.path(tag), f"{tags.format_tag(tag)} {what}.")


def _first_vr(tag: int, entry: Entry | None) -> str:
    """Return the VR of an element whose encoding does not say: any that the dictionary allows.

    Of alternatives the first will do: they have values of one size, or are words of one size.
    """
    return entry.vrs[0] if entry is not None and entry.vrs else ""
