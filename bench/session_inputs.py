"""What sessions are measured with: a folder of CT instances, and one video of any size.

::

    python -m bench.session_inputs ct FOLDER --count 200
    python -m bench.session_inputs video FILE --size 5000000000

The video is a whole PS3.10 file that takes a few KB of disk: its stream is one MP4 box of zeros, so
that nothing plays it, but everything that reads DICOM reads it.
"""

import argparse
import io
import sys
from pathlib import Path
from struct import pack

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset

from bench.ct import ct_instances

VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
FRAGMENTABLE_H264 = "1.2.840.10008.1.2.4.102.1"
"""High Profile / Level 4.1. Plain .102 has its stream in one fragment of less than 4 GiB."""
FRAGMENT = 512 * 1024 * 1024

_PIXEL_DATA = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
_ITEM = b"\xfe\xff\x00\xe0"
_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_HEADER = 8
_FTYP = pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 512, b"isom", b"avc1")
_MDAT = 16

_PLAIN: dict[str, object] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY"],
    "StudyDate": "20260105",
    "ContentDate": "20260105",
    "AcquisitionDateTime": "20260105101530.123000",
    "StudyTime": "101500.000000",
    "ContentTime": "101530.123000",
    "AccessionNumber": "A000000001",
    "Modality": "XC",
    "Manufacturer": "Nobody Medical",
    "ReferringPhysicianName": "Bench^Referrer",
    "StudyDescription": "Thorax with contrast",
    "PatientName": "Bench^Patient^^^",
    "PatientID": "BENCH-0001",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "FrameTime": "40",
    "StudyID": "1",
    "SeriesNumber": "9",
    "InstanceNumber": "1",
    "PatientOrientation": "",
    "SamplesPerPixel": 3,
    "PhotometricInterpretation": "YBR_PARTIAL_420",
    "PlanarConfiguration": 0,
    "NumberOfFrames": "250",
    "FrameIncrementPointer": 0x00181063,
    "Rows": 1080,
    "Columns": 1920,
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
    "PixelRepresentation": 0,
    "LossyImageCompression": "01",
    "LossyImageCompressionRatio": "50",
    "LossyImageCompressionMethod": "ISO_14496_10",
    "AcquisitionContextSequence": [],
}


def write_ct_folder(folder: Path, count: int, *, study: int = 1) -> list[str]:
    """Write ``count`` CT instances of 0.5 MB and return their SOP Instance UIDs.

    Parameters
    ----------
    folder : Path
        Is made; the files are named so that their order is that of the UIDs.
    study : int
        As for `bench.ct.ct_instances`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uids = []
    for number, (uid, content) in enumerate(ct_instances(count, study=study)):
        (folder / f"{number:06d}.dcm").write_bytes(content)
        uids.append(uid)
    return uids


def write_sparse_video(
    path: Path, size: int, *, study: int = 1, number: int = 1, fragment: int = FRAGMENT
) -> str:
    """Write a video of exactly ``size`` bytes and return its SOP Instance UID.

    Parameters
    ----------
    path : Path
        Is replaced; its zeros are holes.
    size : int
        Bytes of the file; even, as all of DICOM.
    study : int
        Which study: that of the CT instances with the same number.
    number : int
        Which video of the study.
    fragment : int
        About how many bytes a fragment has (PS3.5 A.4); the Basic Offset Table is empty.

    Raises
    ------
    ValueError
        No such file has that size.
    """
    uid, head = _head(study, number)
    room = size - len(head) - len(_END)
    count = max(-(-room // (_HEADER + fragment)), 1)
    stream = room - count * _HEADER
    if size % 2 or stream < count * (len(_FTYP) + _MDAT):
        raise ValueError(f"no video has {size} bytes")
    length = stream // count // 2 * 2
    lengths = [length] * (count - 1) + [stream - length * (count - 1)]
    with path.open("wb") as file:
        file.write(head)
        start = len(head)
        for one in lengths:
            file.seek(start)
            file.write(_ITEM + pack("<I", one))
            start += _HEADER + one
        file.seek(start)
        file.write(_END)
        file.seek(len(head) + _HEADER)
        file.write(_FTYP + pack(">I4sQ", 1, b"mdat", stream - len(_FTYP)))
    return uid


def _head(study: int, number: int) -> tuple[str, bytes]:
    """Return the UID and the file up to its first fragment."""
    root = f"2.25.7{study:09d}"
    dataset = Dataset()
    for keyword, value in _PLAIN.items():
        setattr(dataset, keyword, value)
    region = Dataset()
    region.CodeValue = "38266002"
    region.CodingSchemeDesignator = "SCT"
    region.CodeMeaning = "Entire body"
    dataset.AnatomicRegionSequence = [region]
    dataset.SOPClassUID = VIDEO_PHOTOGRAPHIC
    dataset.SOPInstanceUID = f"{root}.9.{number}"
    dataset.StudyInstanceUID = f"{root}.1"
    dataset.SeriesInstanceUID = f"{root}.1.9"
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VIDEO_PHOTOGRAPHIC
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = FRAGMENTABLE_H264
    meta.ImplementationClassUID = "2.25.70"
    dataset.file_meta = meta
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    offset_table = _ITEM + pack("<I", 0)
    return dataset.SOPInstanceUID, buffer.getvalue() + _PIXEL_DATA + offset_table


def main(arguments: list[str]) -> None:
    """Write what was asked for and print its UIDs."""
    parser = argparse.ArgumentParser(prog="python -m bench.session_inputs", description=__doc__)
    modes = parser.add_subparsers(required=True, dest="mode")
    folder = modes.add_parser("ct", help="a folder of CT instances")
    folder.add_argument("folder", type=Path)
    folder.add_argument("--count", type=int, default=200)
    video = modes.add_parser("video", help="a sparse file")
    video.add_argument("file", type=Path)
    video.add_argument("--size", type=int, required=True, metavar="BYTES")
    video.add_argument("--fragment", type=int, default=FRAGMENT, metavar="BYTES")
    for mode in (folder, video):
        mode.add_argument("--study", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.mode == "ct":
        uids = write_ct_folder(options.folder, options.count, study=options.study)
    else:
        sizes = {"study": options.study, "fragment": options.fragment}
        uids = [write_sparse_video(options.file, options.size, **sizes)]
    print("\n".join(uids))


if __name__ == "__main__":
    main(sys.argv[1:])
