"""DICOM JSON Model (PS3.18 Annex F), to and from data sets."""

from chalicelib.dicomweb.dicom_json.decode import decode_json
from chalicelib.dicomweb.dicom_json.encode import encode_json, encode_json_stream

__all__ = ["decode_json", "encode_json", "encode_json_stream"]
