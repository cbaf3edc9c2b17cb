"""Where the embedded cloud keeps itself, and the record by which the commands find it again."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PROJECT_DIRECTORY = Path(__file__).resolve().parent.parent
DEFAULT_DIRECTORY = PROJECT_DIRECTORY / ".switchboard" / "cloud"


@dataclass(frozen=True, kw_only=True)
class CloudState:
    """A running cloud. The credentials are an IAM user's that exists in this cloud alone."""

    endpoint: str
    pid: int
    started: str
    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True, kw_only=True)
class CloudDirectory:
    """The one folder that holds everything of a cloud; `down` removes it."""

    path: Path

    @property
    def state_file(self) -> Path:
        """Written by the cloud when it is ready, so its presence means ready."""
        return self.path / "state.json"

    @property
    def log_file(self) -> Path:
        """What the cloud's process prints."""
        return self.path / "cloud.log"

    @property
    def agents(self) -> Path:
        """One log file an agent process."""
        return self.path / "agents"

    @property
    def tasks(self) -> Path:
        """One log file a task of a container service."""
        return self.path / "tasks"

    @property
    def images(self) -> Path:
        """What the docker stand-in was asked to build."""
        return self.path / "images"

    @property
    def coturn(self) -> Path:
        """The TURN server's settings and log, and the certificate that it shares with CloudFront and load balancers."""
        return self.path / "coturn"

    @property
    def ca_bundle(self) -> Path:
        """Whom this machine trusts, and the authority of this cloud's certificate."""
        return self.path / "ca-bundle.pem"

    @property
    def authority(self) -> Path:
        """That authority alone: whom a browser has to trust besides its own."""
        return self.path / "authority.pem"

    @property
    def temporary(self) -> Path:
        """TMPDIR of the cloud and of the functions that it runs."""
        return self.path / "tmp"

    def make(self) -> None:
        """Make the folder and those in it; the log first, by which the folder is known for a cloud's."""
        self.path.mkdir(parents=True)
        self.log_file.touch()
        for folder in (self.agents, self.tasks, self.images, self.coturn, self.temporary):
            folder.mkdir()

    def read_state(self) -> CloudState | None:
        """Return the recorded cloud, or None. Whether its process still lives is not looked at."""
        try:
            return CloudState(**json.loads(self.state_file.read_text()))
        except FileNotFoundError:
            return None

    def write_state(self, state: CloudState) -> None:
        """Replace the record in one step, readable by its owner only."""
        draft = self.state_file.with_suffix(".draft")
        with open(draft, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            json.dump(asdict(state), file)
        draft.replace(self.state_file)
