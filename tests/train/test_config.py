"""The settings: one list, from which flags, help, checks and the resume rule follow."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
from typing import Any

import pytest

from ganlab.networks import FAMILIES
from train.config import TrainConfig, add_flags, format_flag
from train.presets import FAMILY_DEFAULTS

FIELDS = dataclasses.fields(TrainConfig)
FREE = {"data_root", "device", "out", "pictures_every", "save_every", "save_minutes", "workers"}
FREE |= {"watch_share", "stop_when_lost", "log"}


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser()
    add_flags(flags)
    return flags


def test_every_setting_has_a_help_text_and_a_default() -> None:
    for field in FIELDS:
        assert len(field.metadata["help"]) > 5, field.name
        assert field.default is not dataclasses.MISSING, field.name


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_but_the_method_is_a_flag_with_its_default(field: dataclasses.Field[Any]) -> None:
    options = parser()._option_string_actions
    if field.name == "method":
        assert format_flag("method") not in options
        return
    action = options["--" + field.name.replace("_", "-")]
    assert action.dest == field.name
    assert action.default == field.default
    assert action.help is not None
    assert field.metadata["help"] in action.help
    assert "default" in action.help


def test_without_flags_the_defaults_come_out() -> None:
    assert TrainConfig(**vars(parser().parse_args([]))) == TrainConfig()


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("--lr 1e-3", "lr", 1e-3),
        ("--epochs 7", "epochs", 7),
        ("--decay-epochs 3", "decay_epochs", 3),
        ("--out here", "out", "here"),
        ("--updates alternating", "updates", "alternating"),
        ("--prior normal", "prior", "normal"),
        ("--weight-decay 0", "weight_decay", 0.0),
        ("--augment", "augment", True),
        ("--no-augment", "augment", False),
    ],
)
def test_flags_become_values_of_their_type(text: str, name: str, value: object) -> None:
    parsed = getattr(parser().parse_args(text.split()), name)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    "text", ["--prior cauchy", "--epochs 1.5", "--lr fast", "--updates both", "--bias 1"]
)
def test_flags_that_make_no_sense_are_refused(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parser().parse_args(text.split())
    assert caught.value.code == 2
    assert text.split()[0] in capsys.readouterr().err


def test_the_defaults_are_the_papers() -> None:
    paper = {
        "method": "bigan",
        "dataset": "mnist",
        "batch_size": 128,
        "lr": 2e-4,
        "lr_final": 1 / 100,
        "beta1": 0.5,
        "beta2": 0.999,
        "weight_decay": 2.5e-5,
        "updates": "simultaneous",
        "latent_dim": 50,
        "prior": "uniform",
        "width": 1024,
        "ema": 0.0,
        "limit": 0,
    }
    default = dataclasses.asdict(TrainConfig())
    assert {name: default[name] for name in paper} == paper


def test_the_papers_schedule_is_200_epochs_constant_and_200_down_to_a_hundredth() -> None:
    config = TrainConfig(epochs=400)
    rates = [config.learning_rate(epoch) for epoch in range(400)]
    assert rates[:200] == [2e-4] * 200
    assert rates[200] < 2e-4
    assert rates[299] == pytest.approx(2e-5)  # half the way is a tenth
    assert rates[399] == pytest.approx(2e-6)
    ratios = [after / before for before, after in itertools.pairwise(rates[199:])]
    assert ratios == pytest.approx([0.01 ** (1 / 200)] * 200)  # exponential


@pytest.mark.parametrize(
    ("epochs", "decay", "expected"),
    [
        (4, 0, [1, 1, 1, 1]),
        (4, 4, [0.01**0.25, 0.1, 0.01**0.75, 0.01]),
        (3, 1, [1, 1, 0.01]),
        (3, None, [1, 1, 0.01]),
        (1, None, [1]),
    ],
)
def test_other_schedules(epochs: int, decay: int | None, expected: list[float]) -> None:
    config = TrainConfig(epochs=epochs, decay_epochs=decay, lr=1.0)
    assert [config.learning_rate(epoch) for epoch in range(epochs)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "--epochs must be at least 1, not 0."),
        ({"width": -1}, "--width must be at least 1, not -1."),
        ({"pictures_every": 0}, "--pictures-every must be at least 1, not 0."),
        ({"batch_size": 1}, "--batch-size must be at least 2"),
        ({"ema": 1.0}, "--ema lies in [0, 1), not 1.0"),
        ({"ema": math.nan}, "--ema lies in [0, 1), not nan"),
        ({"lr": 0.0}, "--lr must be above 0"),
        ({"lr": math.nan}, "--lr must be above 0"),
        ({"lr": math.inf}, "--lr must be above 0 and finite"),
        ({"lr_final": 2.0}, "--lr-final in (0, 1]"),
        ({"beta1": 1.0}, "--beta1 and --beta2 lie in [0, 1)"),
        ({"weight_decay": -1.0}, "--weight-decay is at least 0"),
        ({"weight_decay": math.inf}, "--weight-decay is at least 0 and finite"),
        ({"limit": -1}, "--limit and --seed are at least 0"),
        ({"seed": 2**63}, "--seed is below 2^63"),
        ({"epochs": 3, "decay_epochs": 4}, "--decay-epochs must lie between 0 and --epochs (3), not 4."),
        ({"decay_epochs": -1}, "--decay-epochs must lie between 0"),
        ({"updates": "both"}, "--updates is one of ['simultaneous', 'alternating'], not 'both'."),
        ({"prior": "cauchy"}, "--prior is one of ['uniform', 'normal'], not 'cauchy'."),
        ({"norm": "layer", "family": "conv"}, "--norm is one of ['batch', 'spectral', 'none'], not 'layer'."),
        ({"norm": "spectral"}, "--norm belongs to --family conv."),
        ({"precision": "fp8"}, "--precision is one of"),
    ],
)
def test_bad_values_get_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="--") as caught:
        TrainConfig(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


OTHER = {
    "updates": "alternating",
    "prior": "normal",
    "precision": "fp32",
    "method": "gan",
    "dataset": "cifar10",
}


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_changed_setting_is_named_unless_it_is_free(field: dataclasses.Field[Any]) -> None:
    config = TrainConfig(epochs=10, decay_epochs=2)
    value = getattr(config, field.name)
    other = OTHER.get(field.name, "elsewhere" if value is None or isinstance(value, str) else value / 2)
    changed = json.loads(json.dumps(dataclasses.asdict(config))) | {field.name: other}
    if other == value:  # 0 / 2
        changed[field.name] = other = 0.5
    expected = [f"{format_flag(field.name)} is {value}, the run was started with {other}"]
    assert config.list_differences(changed) == ([] if field.name in FREE else expected)


def test_a_run_saved_as_json_differs_in_nothing_from_itself() -> None:
    config = TrainConfig(epochs=3, lr=1 / 3, decay_epochs=None)
    assert config.list_differences(json.loads(json.dumps(dataclasses.asdict(config)))) == []


def test_all_differences_are_named() -> None:
    saved = dataclasses.asdict(TrainConfig(seed=1, lr=1e-3, out="a"))
    result = TrainConfig(out="b").list_differences(saved)
    assert result == [
        "--lr is 0.0002, the run was started with 0.001",
        "--seed is 0, the run was started with 1",
    ]


# ------------------------------------------------------------------ methods and families


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"family": "cubist"}, "--family is one of ['paper', 'tutorial-gan',"),
        ({"d_steps": 5}, "--d-steps and --g-steps belong to --updates alternating."),
        ({"g_steps": 5}, "--d-steps and --g-steps belong to --updates alternating."),
        ({"updates": "alternating", "d_steps": 0}, "--d-steps must be at least 1, not 0."),
        ({"updates": "alternating", "g_steps": -1}, "--g-steps must be at least 1, not -1."),
        ({"method": "lr", "prior": "normal"}, "no cross-entropy with E's answer: use --regression l2."),
        ({"method": "jlr", "prior": "normal"}, "no cross-entropy with E's answer: use --regression l2."),
        ({"regression": "l1"}, "--regression is one of ['cross-entropy', 'l2'], not 'l1'."),
        ({"regression_weight": -0.1}, "--regression-weight is at least 0 and finite."),
        ({"regression_weight": math.nan}, "--regression-weight is at least 0 and finite."),
        ({"regression_weight": math.inf}, "--regression-weight is at least 0 and finite."),
    ],
)
def test_what_methods_and_families_cannot_do_gets_one_sentence(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="--") as caught:
        TrainConfig(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "lr", "prior": "normal", "regression": "l2"},
        {"method": "gan", "prior": "normal"},  # it has no regression to judge
        {"method": "jlr", "regression_weight": 0.0},
        {"updates": "alternating", "d_steps": 5, "g_steps": 5},
    ],
)
def test_what_they_can_do_is_taken(changes: dict[str, Any]) -> None:
    assert dataclasses.asdict(TrainConfig(**changes)).items() >= changes.items()


def test_a_familys_defaults_are_settings() -> None:
    assert set(FAMILY_DEFAULTS) <= set(FAMILIES) - {"paper"}  # whose settings are the defaults
    for family, preset in FAMILY_DEFAULTS.items():
        assert "family" not in preset
        assert dataclasses.asdict(TrainConfig(family=family, **preset)).items() >= preset.items()


def test_the_tutorials_presets_are_the_tutorials() -> None:
    for family, latent_dim in (("tutorial-gan", 100), ("tutorial-gan-colour", 100), ("tutorial-bigan", 50)):
        config = TrainConfig(family=family, **FAMILY_DEFAULTS[family])
        assert (config.prior, config.updates, config.latent_dim) == ("normal", "alternating", latent_dim)
        assert config.weight_decay == 0
        assert (config.learning_rate(0), config.learning_rate(99)) == (2e-4, 2e-4)
        assert (config.d_steps, config.g_steps, config.width) == (1, 1, 1024)


@pytest.mark.parametrize(
    ("setting", "other"),
    [
        ("family", "tutorial-gan"),
        ("d_steps", 2),
        ("g_steps", 2),
        ("regression", "l2"),
        ("regression_weight", 1.0),
    ],
)
def test_a_run_of_before_a_setting_goes_on_with_its_default_only(setting: str, other: object) -> None:
    config = TrainConfig(updates="alternating")
    old = dataclasses.asdict(config)
    default = old.pop(setting)
    assert config.list_differences(old) == []
    changed = dataclasses.replace(config, **{setting: other})
    assert changed.list_differences(old) == [
        f"{format_flag(setting)} is {other}, the run was started with {default}"
    ]
