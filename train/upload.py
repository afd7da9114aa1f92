"""python -m train.upload CHECKPOINT USER/REPO: push a checkpoint to a Hugging Face repository.

Others then load it by `ganlab.load("user/repo")`. `python -m train.publish ... --repo-id` does the same at
its end."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from pathlib import Path

from ganlab import fetch
from ganlab import gallery as galleries
from ganlab.config import ModelConfig
from ganlab.hub import CONFIG_FILE, REPOSITORY, resolve
from train import sums
from train.command import create_parser, report_errors
from train.data import datasets
from train.report import card

MAX_FILE_BYTES = 10_000_000  # a Space's git repository takes larger files only through LFS
TIMEOUT = 60.0  # seconds that the Hub may take to accept a connection, or be silent
# What an earlier version may have left there under names that the new config does not know.
REPLACED = ["*.safetensors", "*.npz", "*.png", "*.jpg"]


class PublishError(ValueError):
    """A run that cannot be published; the message says why and what to do."""


def check_sizes(folder: Path) -> None:
    """PublishError for a file too large for a Space's git repository."""
    for path in folder.rglob("*"):
        if path.is_file() and path.stat().st_size >= MAX_FILE_BYTES:
            raise PublishError(
                f"{path.name} would take {path.stat().st_size / 1e6:.1f} MB, and a Space's git repository"
                f" takes less than {MAX_FILE_BYTES / 1e6:.0f}: train a smaller --width."
            )


def check_repository(repo_id: str) -> None:
    """PublishError for what is no repository's name, or where nobody has logged in: before work that takes
    minutes, and without a network."""
    from huggingface_hub import get_token

    if not re.fullmatch(REPOSITORY, repo_id, re.ASCII):
        raise PublishError(f"A repository is USER/REPO, not {repo_id!r}.")
    if get_token() is None:
        raise PublishError(f"To push to {repo_id}, log in first with hf auth login, or set HF_TOKEN.")


def upload(folder: Path, repo_id: str) -> str:
    """Push a checkpoint to the Hub with its own copy of the gallery, and return the address of the commit.
    All files change in one commit, or none does. PublishError where the repository cannot be written."""
    from huggingface_hub import HfApi, get_session

    with tempfile.TemporaryDirectory() as temporary:
        staged = stage(folder, Path(temporary) / folder.name, repo_id)
        get_session().timeout = TIMEOUT  # by itself the client waits for ever
        try:
            api = HfApi()
            api.create_repo(repo_id, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo_id,
                folder_path=staged,
                commit_message=f"Publish {folder.name}",
                delete_patterns=REPLACED,
            )
        except Exception as error:  # of the client, the disk, or the HTTP library that the client uses
            _, reason = fetch.explain(error, "the upload")
            raise PublishError(
                f"{folder} is here, but could not be pushed to {repo_id} ({reason}): see that you are logged"
                f" in (hf auth login) and may write there, and run python -m train.upload {folder} {repo_id}."
            ) from None
    return str(commit)


def stage(folder: Path, staged: Path, repo_id: str) -> Path:
    """A copy of a checkpoint that stands alone: with the gallery, and a card that says where it is."""
    config = ModelConfig.from_json((folder / CONFIG_FILE).read_text(encoding="utf-8"), CONFIG_FILE)
    shutil.copytree(folder, staged)
    named = datasets.DATASETS.get(config.dataset)
    with sums.updating(staged):
        if config.gallery and named and named.bundled and not (staged / galleries.OWN_FOLDER).exists():
            shutil.copytree(galleries.GALLERIES / config.gallery, staged / galleries.OWN_FOLDER)
        card.write(staged, source=repo_id)
    check_sizes(staged)
    return staged


@report_errors
def main(arguments: list[str] | None = None) -> int:
    parser = create_parser(__doc__)
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a bundled name or a folder")
    parser.add_argument("repo_id", metavar="USER/REPO", help="made if it is not there")
    options = parser.parse_args(arguments)
    check_repository(options.repo_id)
    print(upload(resolve(options.checkpoint), options.repo_id))
    return 0


if __name__ == "__main__":
    sys.exit(main())
