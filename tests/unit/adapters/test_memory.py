"""Large buffers go back to the system."""

import subprocess
import sys

import pytest

MEASURE = """
from concurrent.futures import ThreadPoolExecutor
from chalicelib.adapters.memory import return_large_buffers
from bench.resident import resident
return_large_buffers()
base = resident("VmRSS")
with ThreadPoolExecutor(4) as pool:
    for size in (12 << 20, 16 << 20, 24 << 20) * 2:
        for buffer in pool.map(bytearray, [size] * 4):
            buffer[::4096] = b"x" * len(buffer[::4096])
        del buffer
    print(resident("VmRSS") - base)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_is_kept_of_buffers_that_nobody_holds() -> None:
    ran = subprocess.run([sys.executable, "-c", MEASURE], stdout=subprocess.PIPE, check=True)
    assert int(ran.stdout) < 8 << 20
