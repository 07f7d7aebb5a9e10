"""Every status that the code can send is a row, and the other way round."""

from http import HTTPStatus

import pytest

from chalicelib.dicomweb import content_coding, file_meta, media_types
from chalicelib.settings import Settings
from chalicelib.standard.limits import FIXED_LIMITS, LIMITS, MAX_BODY_BYTES
from chalicelib.standard.status_codes import STATUS_CODES, Sender, StatusCode
from infra.conformance.codes import names_in_use

OURS = {row.code for row in STATUS_CODES if row.sender is Sender.ORIGIN_SERVER}
NAMED = {
    HTTPStatus[name.partition(".")[2]].value
    for name in names_in_use()
    if name.startswith("HTTPStatus.")
}


def test_the_code_sends_what_the_table_lists() -> None:
    assert OURS == NAMED


@pytest.mark.parametrize("row", STATUS_CODES, ids=lambda row: f"{row.code}-{row.sender.name}")
def test_a_row_tells_its_condition_and_source(row: StatusCode) -> None:
    assert HTTPStatus(row.code)
    assert row.condition.endswith(".")
    assert row.source
    assert row.transactions


def test_every_bound_is_a_setting() -> None:
    for row in LIMITS:
        assert isinstance(getattr(Settings, row.field), int)


def test_fixed_bounds_are_those_of_the_code() -> None:
    defaults = content_coding.decode_content.__kwdefaults__ or {}
    assert {row.field: row.fixed for row in FIXED_LIMITS} == {
        "max_body_bytes": MAX_BODY_BYTES,
        "max_boundary_length": media_types.MAX_BOUNDARY_LENGTH,
        "max_gzip_members": defaults["max_gzip_members"],
        "max_file_meta_bytes": file_meta.MAX_FILE_META_BYTES,
    }
