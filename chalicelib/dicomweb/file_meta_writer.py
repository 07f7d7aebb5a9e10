"""The start of a DICOM file that we make: preamble, prefix, group 0002 (PS3.10 7.1)."""

from struct import pack

from chalicelib.dicomweb.dataset import Element
from chalicelib.dicomweb.dataset_writer import encode_elements
from chalicelib.dicomweb.file_meta import PREAMBLE_LENGTH, PREFIX

IMPLEMENTATION_CLASS_UID = "2.25.326973083536908520759373434442543116297"
"""Derived from a UUID (PS3.5 B.2); it changes when what we write does."""

IMPLEMENTATION_VERSION_NAME = "STOWAGE_1"


def encode_file_meta(sop_class: str, sop_instance: str, transfer_syntax: str) -> bytes:
    """Return everything before the data set; the preamble is zeros.

    Parameters
    ----------
    sop_class, sop_instance : str
        (0008,0016) and (0008,0018) of the data set.
    transfer_syntax : str
        What the data set is written in.
    """
    group = encode_elements(
        [
            Element(0x00020001, "OB", values=(b"\0\1",)),
            Element(0x00020002, "UI", values=(sop_class,)),
            Element(0x00020003, "UI", values=(sop_instance,)),
            Element(0x00020010, "UI", values=(transfer_syntax,)),
            Element(0x00020012, "UI", values=(IMPLEMENTATION_CLASS_UID,)),
            Element(0x00020013, "SH", values=(IMPLEMENTATION_VERSION_NAME,)),
        ]
    )
    length = pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(group))
    return bytes(PREAMBLE_LENGTH) + PREFIX + length + group
