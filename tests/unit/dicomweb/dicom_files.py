"""DICOM files for tests, written by pydicom: a writer that is not ours."""

from io import BytesIO

from pydicom import Dataset, FileMetaDataset, dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def make_dataset(**attributes: object) -> Dataset:
    """A small CT instance; keyword arguments are attributes by keyword, None leaves one out."""
    dataset = Dataset()
    defaults = {
        "SOPClassUID": CT_IMAGE,
        "SOPInstanceUID": "1.2.3.4",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "PatientName": "Doe^Jane",
        "PatientID": "P1",
        "Modality": "CT",
        "Rows": 2,
        "Columns": 2,
        "BitsAllocated": 16,
        "PixelData": b"\x01\x02\x03\x04\x05\x06\x07\x08",
    }
    for keyword, value in (defaults | attributes).items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
    return dataset


def encode_file(
    dataset: Dataset,
    syntax: str = ExplicitVRLittleEndian,
    preamble: bytes = b"\0" * 128,
    **meta: str,
) -> bytes:
    """The file of a data set; keyword arguments replace File Meta Information."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.FileMetaInformationGroupLength = 0  # pydicom writes the right one
    dataset.file_meta.MediaStorageSOPClassUID = meta.get("sop_class", dataset.get("SOPClassUID"))
    dataset.file_meta.MediaStorageSOPInstanceUID = meta.get(
        "sop_instance", dataset.get("SOPInstanceUID")
    )
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.preamble = preamble
    target = BytesIO()
    dcmwrite(target, dataset, enforce_file_format=False)
    return target.getvalue()
