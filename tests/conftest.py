import pytest

import nstlib


@pytest.fixture(scope="session")
def mini():
    return nstlib.load_network("mini", device="cpu")
