"""What tests of the user agent share."""

import pytest

from tests.unit.useragent.loopback import make_certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A self-signed certificate of 127.0.0.1 and its key in one file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(make_certificate())
    return str(path)
