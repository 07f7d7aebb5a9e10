"""Synthetic CT instances: the header of a real scanner's in shape and size, noise for pixels.

Everything follows from the arguments, so two runs measure the same bytes.
"""

import io
import random
from collections.abc import Iterator

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
FULL = 512
"""Rows and columns of an everyday CT image: 0.5 MB of pixels."""
SMALL = 64
"""Rows and columns that make 8 KB of pixels: 300 instances fit an event of 6 MB."""

_LOW_NIBBLE = bytes(value & 0x0F for value in range(256))
_INSTANCE = "0" * 9

# Short text and numbers as scanners write them; the values are nobody's.
_PLAIN: dict[str, object] = {
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"],
    "SpecificCharacterSet": "ISO_IR 100",
    "InstanceCreationDate": "20260105",
    "InstanceCreationTime": "101530.123000",
    "StudyDate": "20260105",
    "SeriesDate": "20260105",
    "AcquisitionDate": "20260105",
    "ContentDate": "20260105",
    "AcquisitionDateTime": "20260105101530.123000",
    "StudyTime": "101500.000000",
    "SeriesTime": "101520.000000",
    "AcquisitionTime": "101530.123000",
    "ContentTime": "101530.123000",
    "AccessionNumber": "A000000001",
    "Modality": "CT",
    "Manufacturer": "Nobody Medical",
    "InstitutionName": "Bench Hospital",
    "InstitutionAddress": "1 Loopback Road",
    "ReferringPhysicianName": "Bench^Referrer",
    "StationName": "CT01",
    "StudyDescription": "Thorax with contrast",
    "SeriesDescription": "Thorax 1.0 B70f",
    "InstitutionalDepartmentName": "Radiology",
    "PhysiciansOfRecord": "Bench^Physician",
    "PerformingPhysicianName": "Bench^Performer",
    "OperatorsName": "Bench^Operator",
    "ManufacturerModelName": "Sensation 64",
    "PatientName": "Bench^Patient^^^",
    "PatientID": "BENCH-0001",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "PatientAge": "056Y",
    "PatientSize": "1.75",
    "PatientWeight": "75",
    "PatientComments": "synthetic",
    "BodyPartExamined": "CHEST",
    "ContrastBolusAgent": "APPLIED",
    "SliceThickness": "1",
    "KVP": "120",
    "DataCollectionDiameter": "500",
    "DeviceSerialNumber": "12345",
    "SoftwareVersions": "syngo CT 2012B",
    "ProtocolName": "ThoraxRoutine",
    "ContrastBolusRoute": "Oral & I.V.",
    "ContrastBolusVolume": "100",
    "ContrastBolusStartTime": "101510.000",
    "ReconstructionDiameter": "380",
    "DistanceSourceToDetector": "1040",
    "DistanceSourceToPatient": "570",
    "GantryDetectorTilt": "0",
    "TableHeight": "152",
    "RotationDirection": "CW",
    "ExposureTime": "500",
    "XRayTubeCurrent": "250",
    "Exposure": "125",
    "FilterType": "0",
    "GeneratorPower": "44",
    "FocalSpots": "1.2",
    "DateOfLastCalibration": "20260104",
    "TimeOfLastCalibration": "071500.000000",
    "ConvolutionKernel": "B70f",
    "PatientPosition": "HFS",
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 19.2,
    "TableSpeed": 38.4,
    "TableFeedPerRotation": 19.2,
    "SpiralPitchFactor": 1.0,
    "ExposureModulationType": "XYZ_EC",
    "EstimatedDoseSaving": 33.3,
    "CTDIvol": 8.4,
    "StudyID": "1",
    "SeriesNumber": "3",
    "AcquisitionNumber": "2",
    "ImagePositionPatient": ["-190.0", "-190.0", "-120.5"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "SN",
    "SliceLocation": "-120.5",
    "ImageComments": "synthetic noise",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelSpacing": ["0.7421875", "0.7421875"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 4095,
    "WindowCenter": ["50", "-600"],
    "WindowWidth": ["350", "1200"],
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "WindowCenterWidthExplanation": ["WINDOW1", "WINDOW2"],
    "RequestingPhysician": "Bench^Requester",
    "RequestingService": "Pulmonology",
    "RequestedProcedureDescription": "CT thorax",
    "PerformedStationAETitle": "CT01",
    "PerformedStationName": "CT01",
    "PerformedLocation": "Room 3",
    "PerformedProcedureStepStartDate": "20260105",
    "PerformedProcedureStepStartTime": "101500.000000",
    "PerformedProcedureStepID": "P0001",
    "PerformedProcedureStepDescription": "Thorax with contrast",
    "RequestedProcedureID": "R0001",
    "RequestedProcedurePriority": "ROUTINE",
}


def ct_instances(
    count: int, *, side: int = FULL, study: int = 1, seed: int = 1
) -> Iterator[tuple[str, bytes]]:
    """Yield ``count`` CT instances of one series as PS3.10 files.

    Parameters
    ----------
    count : int
        How many; each has its own SOP Instance UID.
    side : int
        Rows and columns, `FULL` or `SMALL`.
    study : int
        Which study; the UIDs of two studies never meet.
    seed : int
        Where the noise begins.

    Yields
    ------
    tuple of (str, bytes)
        The SOP Instance UID and the file.
    """
    root = f"2.25.7{study:09d}"
    buffer = io.BytesIO()
    dcmwrite(buffer, _template(root, side, seed), enforce_file_format=True)
    pieces = buffer.getvalue().split(f"{root}{_INSTANCE}".encode())
    for number in range(1, count + 1):
        uid = f"{root}{number:09d}"
        yield uid, uid.encode().join(pieces)


def _template(root: str, side: int, seed: int) -> Dataset:
    dataset = Dataset()
    for keyword, value in _PLAIN.items():
        setattr(dataset, keyword, value)
    dataset.SOPClassUID = CT_IMAGE_STORAGE
    dataset.SOPInstanceUID = f"{root}{_INSTANCE}"
    dataset.StudyInstanceUID = f"{root}.1"
    dataset.SeriesInstanceUID = f"{root}.1.3"
    dataset.FrameOfReferenceUID = f"{root}.2"
    dataset.InstanceNumber = "1"
    dataset.Rows = dataset.Columns = side
    _add_sequences(dataset, root)
    _add_private_blocks(dataset)
    dataset.PixelData = _noise(side * side, seed)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CT_IMAGE_STORAGE
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = EXPLICIT_VR_LITTLE_ENDIAN
    meta.ImplementationClassUID = "2.25.70"
    dataset.file_meta = meta
    return dataset


def _add_sequences(dataset: Dataset, root: str) -> None:
    dataset.ReferencedStudySequence = [_reference("1.2.840.10008.3.1.2.3.1", f"{root}.4")]
    dataset.ReferencedImageSequence = [
        _reference(CT_IMAGE_STORAGE, f"{root}.5.{number}") for number in range(3)
    ]
    dataset.ProcedureCodeSequence = [_code("CTTHX")]
    dataset.AnatomicRegionSequence = [_code("51185008")]
    request = Dataset()
    request.RequestedProcedureID = "R0001"
    request.ScheduledProcedureStepDescription = "CT thorax"
    request.ScheduledProtocolCodeSequence = [_code("THXCM")]
    dataset.RequestAttributesSequence = [request]


def _reference(sop_class: str, instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = instance
    return item


def _code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = "99BENCH"
    item.CodeMeaning = "Bench"
    return item


def _add_private_blocks(dataset: Dataset) -> None:
    shadow = dataset.private_block(0x0019, "NOBODY CT HEADER", create=True)
    for offset in range(24):
        shadow.add_new(offset, "LO", f"shadow value {offset}")
    blob = dataset.private_block(0x0029, "NOBODY CSA HEADER", create=True)
    blob.add_new(0x10, "OB", random.Random(29).randbytes(2048))
    nested = Dataset()
    nested.private_block(0x0029, "NOBODY CSA HEADER", create=True).add_new(0x20, "DS", "1.5")
    blob.add_new(0x40, "SQ", [nested, nested])


def _noise(pixels: int, seed: int) -> bytes:
    """Return 12-bit noise in 16-bit words, in which CR is as frequent as in a real image."""
    noise = random.Random(seed)
    words = bytearray(2 * pixels)
    words[0::2] = noise.randbytes(pixels)
    words[1::2] = noise.randbytes(pixels).translate(_LOW_NIBBLE)
    return bytes(words)
