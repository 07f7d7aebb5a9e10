"""What decoding metadata gives, from DICOM JSON and Native DICOM Model XML alike, within bounds."""

from dataclasses import dataclass

from chalicelib.dicomweb.dataset import Dataset
from chalicelib.dicomweb.errors import InstanceError


@dataclass(frozen=True, slots=True)
class MetadataLimits:
    """Bounds of metadata.

    Parameters
    ----------
    max_instances : int
        Instances of one JSON array; each becomes an object to store.
    max_depth : int
        Sequences inside sequences. A real enhanced object nests below 10 deep.
    max_elements : int
        Elements and items of one instance.
    max_value_length : int
        Characters of one text, base64 included. Longer values travel as bulkdata.
    """

    max_instances: int = 500
    max_depth: int = 32
    max_elements: int = 500_000
    max_value_length: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the metadata of one instance: a data set, or the reason why there is none.

    Attributes
    ----------
    number : int
        1-based, in a JSON array; an XML document holds one instance.
    dataset : Dataset or None
        Without group 0002 and group lengths.
    error : InstanceError or None
        Exactly one of ``dataset`` and ``error`` is None.
    sop_class, sop_instance : str
        The UIDs as far as they could be read, for the item of a failure; "" otherwise.
    observations : frozenset of str
        Names of what was tolerated; see ``standard.observations``.
    """

    number: int
    dataset: Dataset | None
    error: InstanceError | None = None
    sop_class: str = ""
    sop_instance: str = ""
    observations: frozenset[str] = frozenset()
