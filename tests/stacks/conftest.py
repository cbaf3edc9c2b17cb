"""One jsii process and one synthesis of each deployment for all the tests of the stacks."""

import functools

import pytest

from tests.stacks.synthesis import Deployment, Synthesize, deploy


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesise an environment with overrides by dotted name; the same ones only once."""

    @functools.cache
    def synthesized(environment: str = "dev", /, **overrides: str) -> Deployment:
        return deploy(environment, overrides, directory=tmp_path_factory.mktemp("cdk.out"))

    return synthesized
