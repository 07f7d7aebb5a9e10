"""Regions of the body as a user names them and as they are coded (PS3.16 Table L-1).

Those that photographs and videos of the outside of a body show. A term is what Body Part Examined
(0018,0015) holds; the code, of SNOMED CT, is what Anatomic Region Sequence (0008,2218) wants.
"""

from dataclasses import dataclass

CODING_SCHEME = "SCT"


@dataclass(frozen=True, slots=True)
class AnatomicRegion:
    """A row: the term, the code value, its meaning, whether a body has a left and a right one."""

    term: str
    code: str
    meaning: str
    is_paired: bool = False


_ROWS = (
    AnatomicRegion("ABDOMEN", "818981001", "Abdomen"),
    AnatomicRegion("ANKLE", "70258002", "Ankle joint", is_paired=True),
    AnatomicRegion("AXILLA", "91470000", "Axilla", is_paired=True),
    AnatomicRegion("BACK", "77568009", "Back"),
    AnatomicRegion("BREAST", "76752008", "Breast", is_paired=True),
    AnatomicRegion("BUTTOCK", "46862004", "Buttock", is_paired=True),
    AnatomicRegion("CHEEK", "60819002", "Cheek", is_paired=True),
    AnatomicRegion("CHEST", "816094009", "Chest"),
    AnatomicRegion("EAR", "117590005", "Ear", is_paired=True),
    AnatomicRegion("ELBOW", "16953009", "Elbow joint", is_paired=True),
    AnatomicRegion("EYE", "81745001", "Eye", is_paired=True),
    AnatomicRegion("EYELID", "80243003", "Eyelid", is_paired=True),
    AnatomicRegion("FACE", "89545001", "Face"),
    AnatomicRegion("FINGER", "7569003", "Finger", is_paired=True),
    AnatomicRegion("FOOT", "56459004", "Foot", is_paired=True),
    AnatomicRegion("FOREARM", "14975008", "Forearm", is_paired=True),
    AnatomicRegion("HAND", "85562004", "Hand", is_paired=True),
    AnatomicRegion("HEAD", "69536005", "Head"),
    AnatomicRegion("HIP", "24136001", "Hip joint", is_paired=True),
    AnatomicRegion("JAW", "661005", "Jaw region"),
    AnatomicRegion("KNEE", "72696002", "Knee", is_paired=True),
    AnatomicRegion("LARYNX", "4596009", "Larynx"),
    AnatomicRegion("LOWERLEG", "30021000", "Lower leg", is_paired=True),
    AnatomicRegion("MOUTH", "123851003", "Mouth"),
    AnatomicRegion("NECK", "45048000", "Neck"),
    AnatomicRegion("NOSE", "45206002", "Nose"),
    AnatomicRegion("PELVIS", "816092008", "Pelvis"),
    AnatomicRegion("PERINEUM", "38864007", "Perineum"),
    AnatomicRegion("PHARYNX", "54066008", "Pharynx"),
    AnatomicRegion("SCALP", "41695006", "Scalp"),
    AnatomicRegion("SHOULDER", "16982005", "Shoulder", is_paired=True),
    AnatomicRegion("THIGH", "68367000", "Thigh", is_paired=True),
    AnatomicRegion("THUMB", "76505004", "Thumb", is_paired=True),
    AnatomicRegion("TOE", "29707007", "Toe", is_paired=True),
    AnatomicRegion("TONGUE", "21974007", "Tongue"),
    AnatomicRegion("TRUNK", "22943007", "Trunk"),
    AnatomicRegion("UPPERARM", "40983000", "Upper arm", is_paired=True),
    AnatomicRegion("WHOLEBODY", "38266002", "Entire body"),
    AnatomicRegion("WRIST", "74670003", "Wrist joint", is_paired=True),
)

ANATOMIC_REGIONS: dict[str, AnatomicRegion] = {row.term: row for row in _ROWS}
