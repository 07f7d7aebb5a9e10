"""Native DICOM Model (PS3.19 A.1), to and from data sets."""

from chalicelib.dicomweb.dicom_xml.decode import decode_xml
from chalicelib.dicomweb.dicom_xml.encode import encode_xml, encode_xml_stream
from chalicelib.dicomweb.dicom_xml.names import NAMESPACE

__all__ = ["NAMESPACE", "decode_xml", "encode_xml", "encode_xml_stream"]
