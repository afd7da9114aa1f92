"""The commands: each name finds its file, help comes from docstrings, errors of use are one line."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import train
from train.command import MODULES, create_parser, list_commands, report_errors

ROOT = Path(train.__file__).resolve().parent.parent
NAMES = [*train.COMMANDS, *train.MEASUREMENTS, *train.OLD_COMMANDS, *MODULES]


@pytest.mark.parametrize("name", NAMES)
def test_every_name_finds_a_file(name: str) -> None:
    spec = importlib.util.find_spec(f"train.{name}")
    assert spec is not None
    if spec.submodule_search_locations is not None:  # a package runs its __main__
        spec = importlib.util.find_spec(f"train.{name}.__main__")
        assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin)
    assert path.is_file()
    assert 'if __name__ == "__main__":' in path.read_text(encoding="utf-8")


def test_other_names_find_nothing() -> None:
    assert importlib.util.find_spec("train.nothing") is None
    with pytest.raises(ModuleNotFoundError):
        importlib.util.find_spec("nowhere.evaluate")


@pytest.mark.parametrize("name", ["evaluate", "map", "readme", "remembering", "realworld", "judge"])
def test_names_of_the_first_release_still_work(name: str) -> None:
    assert name in NAMES


@pytest.mark.slow
def test_a_command_of_another_folder_runs_by_its_short_name() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "train.evaluate", "--help"],
        cwd=ROOT, text=True, capture_output=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: python -m train.evaluate ")
    assert done.stderr == ""


def test_every_command_says_in_its_docstring_what_it_does() -> None:
    purposes = list_commands()
    assert set(purposes) == {*train.COMMANDS, *train.MEASUREMENTS, *MODULES}
    for name, purpose in purposes.items():
        assert len(purpose) > 10, name


# ------------------------------------------------------------------ parser and errors


def test_help_begins_with_the_purpose_and_not_with_the_command_line() -> None:
    parser = create_parser("python -m train.split NAME...: one line of text\ngoes on.\n\nMore: of it.")
    assert parser.prog == "python -m train.split"
    assert parser.description == "One line of text\ngoes on.\n\nMore: of it."


@pytest.mark.parametrize("docstring", [None, "", "Trains a model.", "python -m train.split"])
def test_a_docstring_without_a_command_is_refused(docstring: str | None) -> None:
    with pytest.raises(ValueError, match=r'docstring begins with "python -m train\.NAME'):
        create_parser(docstring)


def test_a_wrong_flag_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        create_parser("python -m train.split: text").parse_args(["--nothing"])
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "", "error: unrecognized arguments: --nothing (--help lists the flags)\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("Too few."), 2, "error: Too few.\n"),
        (FileNotFoundError("no such file"), 2, "error: no such file\n"),
        (KeyboardInterrupt(), 130, "Stopped.\n"),
    ],
)
def test_errors_of_use_become_one_line_and_a_code(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    @report_errors
    def main() -> int:
        raise error

    assert main() == code
    assert capsys.readouterr() == ("", text)


def test_other_errors_are_faults_of_the_program_and_pass_through() -> None:
    @report_errors
    def main() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        main()


def test_without_errors_the_code_is_the_commands_own() -> None:
    @report_errors
    def main(code: int) -> int:
        return code

    assert [main(code) for code in (0, 130)] == [0, 130]
