"""Pictures through the command: made, sent, sent no second time."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from chalicelib.useragent.acquire import AcquireOptions
from chalicelib.useragent.acquired import Acquirer
from chalicelib.useragent.cli import main
from chalicelib.useragent.errors import SourceError
from chalicelib.useragent.sources import FileSource
from tests.unit.useragent.acquire.making import jpeg
from tests.unit.useragent.loopback import serving
from tests.unit.useragent.test_sending import stores

FLAGS = ("--patient-id", "P1", "--issuer", "HOSPITAL", "--accession", "A1", "--new-study",
         "--patient-name", "A^B", "--birth-date", "19700101", "--sex", "O")  # fmt: skip


@pytest.mark.parametrize("flags", [FLAGS, ()])
def test_a_photograph_is_made_an_instance_and_sent_or_says_what_is_missing(
    tmp_path: Path, flags: tuple[str, ...]
) -> None:
    photograph = tmp_path / "wound.jpg"
    photograph.write_bytes(jpeg())
    with serving(stores) as url:
        words = ["send", str(photograph), "--to", url, "--no-capabilities", *flags]
        environment = {"XDG_STATE_HOME": str(tmp_path), "COLUMNS": "200"}
        result = CliRunner().invoke(main, words, env=environment)
        again = CliRunner().invoke(main, words, env=environment)
    if flags:
        assert result.exit_code == again.exit_code == 0, result.output
        assert "stored      1 of 1" in again.output
    else:
        assert result.exit_code == 3
        assert "no instance can be made" in result.output


def test_an_error_names_the_file_as_its_source_does(tmp_path: Path) -> None:
    """By that name the instance at fault is told from its neighbours in a batch."""
    path = os.fsencode(tmp_path) + b"/\xff.jpg"
    acquirer = Acquirer(AcquireOptions(), lambda: datetime.now(UTC))
    with pytest.raises(SourceError) as caught:
        acquirer.make(path)
    assert caught.value.label == FileSource(path, 0, 0).label == f"{tmp_path}/\\xff.jpg"
