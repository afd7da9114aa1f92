"""train.publish --repo-id: the real client pushes to a local server, from which the checkpoint is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from ganlab import hub, model
from tests import fake_hub
from tests.fake_hub import Hub
from train import publish as publishing
from train import sums
from train import upload as uploading
from train.report import card
from train.upload import PublishError, upload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning"),  # within the client
]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub to which this process uploads; its client has read the environment long ago."""
    with fake_hub.serving(tmp_path / "home") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(uploading, "TIMEOUT", 0.3)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield server
    close_session()


def test_what_is_uploaded_is_loaded_again(small_model: Path, server: Hub) -> None:
    folder = small_model
    card.write(folder)
    (folder / "samples.png").write_bytes(b"a picture")
    sums.write(folder)
    text = (folder / "README.md").read_text()
    address = upload(folder, "someone/tiny")
    commit = list(server.commits["someone/tiny"])[-1]
    assert address == f"{server.url}/someone/tiny/commit/{commit}"
    changing = [request for request in server.requests if request.path.startswith(("/api/m", "/api/r"))]
    assert {request.token for request in changing} == {"Bearer hf_secret"}
    assert server.files["someone/tiny"]["README.md"].decode().count('ganlab.load("someone/tiny")') == 1

    stored = hub.resolve("someone/tiny")
    assert model.load(str(stored)).fingerprint == model.load(str(folder)).fingerprint
    files = {path.relative_to(stored).as_posix() for path in stored.rglob("*") if path.is_file()}
    assert {"generator.safetensors", "samples.png", "gallery/train.npz", "gallery/test.npz"} <= files
    assert (folder / "README.md").read_text() == text  # the checkpoint here stays as it is
    assert not (folder / "gallery").exists()

    # Again: what the new version does not have goes, and the revision before stays as it was.
    (folder / "samples.png").unlink()
    sums.write(folder)
    server.files["someone/tiny"]["old_network.safetensors"] = b"of an earlier version"
    upload(folder, "someone/tiny")
    assert not {"old_network.safetensors", "samples.png"} & server.files["someone/tiny"].keys()
    assert hub.resolve(f"someone/tiny@{commit}") == stored


@pytest.mark.parametrize(
    ("path", "fault", "reason"),
    [
        ("/api/repos/create", fake_hub.SILENT, "the Hub does not answer in time"),
        ("/commit/main", fake_hub.SILENT, "the Hub does not answer in time"),
        ("/api/repos/create", fake_hub.ERROR, "the Hub answers 500"),
        ("/commit/main", fake_hub.HTML, "what answers is not a Hub"),
        ("/preupload/main", fake_hub.REFUSAL, "the Hub answers 403"),
    ],
)
def test_an_upload_that_fails_says_why_and_what_to_do(
    tiny_folder: Path, server: Hub, path: str, fault: str, reason: str
) -> None:
    server.faults[path] = fault
    with pytest.raises(PublishError) as failure:
        upload(tiny_folder, "someone/tiny")
    text = str(failure.value)
    assert text.startswith(f"{tiny_folder} is here, but could not be pushed to someone/tiny ({reason}): ")
    assert text.endswith(f"and run python -m train.upload {tiny_folder} someone/tiny.")
    assert "config.json" not in server.files.get("someone/tiny", {})


def test_the_command_pushes_what_was_published_before(
    tiny_folder: Path, server: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    assert uploading.main([str(tiny_folder), "someone/tiny"]) == 0
    assert capsys.readouterr().out.startswith(f"{server.url}/someone/tiny/commit/")
    assert hub.resolve("someone/tiny").is_dir()


def test_a_name_or_a_login_that_is_missing_is_noticed_before_the_work(
    root: Path, server: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for repo_id, message in (("no-slash", "is USER/REPO, not 'no-slash'"), ("a/../b", "is USER/REPO")):
        assert publishing.main([str(root / "run"), "tiny", "--root", str(root), "--repo-id", repo_id]) == 2
        assert message in capsys.readouterr().err
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(root / "absent"))
    assert publishing.main([str(root / "run"), "tiny", "--root", str(root), "--repo-id", "someone/tiny"]) == 2
    assert "log in first with hf auth login" in capsys.readouterr().err
    assert not root.exists()
    assert not server.requests
