"""Samples: what they are of is said, and asked for what is not there the model's own is drawn."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from ganlab.explorer import Explorer
from ganlab.mixture import Mixture
from ganlab.model import LatentModel
from ganlab.ui import items
from ganlab.ui.sampling import Draw, choose_source, list_sources
from ganlab.ui.tabs import sample
from tests.ui.parsed import elements


@pytest.fixture
def plain(tiny_model: LatentModel) -> Explorer:
    return Explorer(tiny_model)


@pytest.fixture
def mixed(tiny_model: LatentModel) -> Explorer:
    dim = tiny_model.config.latent_dim
    mixture = Mixture(3, dim)
    mixture.weights.fill_(1 / 3)
    mixture.means.copy_(mixture.means + 0.5)
    config = dataclasses.replace(tiny_model.config, gaussians=3)
    frechet = {"distance": 7.25, "mixture": 0.123, "n": 10000, "floor": 0.037}
    metrics = {"frechet": frechet}
    return Explorer(dataclasses.replace(tiny_model, config=config, mixture=mixture, metrics=metrics))


def test_a_mixture_and_the_prior_are_told_apart_with_their_figures(mixed: Explorer) -> None:
    of_mixture, of_prior = (
        sample.stage_html(mixed, Draw(0, 4, 1.0), source, nearest=False) for source in ("mixture", "prior")
    )
    assert "a mixture of 3 Gaussians, fitted after training to the codes" in of_mixture
    assert "Fréchet distance of 10,000 such samples 0.12, of real pictures 0.04" in of_mixture
    assert "z drawn from the prior" in of_prior
    assert "10,000 such samples 7.25" in of_prior
    assert "mixture" not in of_prior
    faces = [[one.get("src") for one in elements(html, "img")] for html in (of_mixture, of_prior)]
    assert len(faces[0]) == 4
    assert faces[0] != faces[1]


def test_a_model_without_a_mixture_draws_from_its_prior_and_says_why(plain: Explorer) -> None:
    html = sample.stage_html(plain, Draw(0, 4, 1.0), "mixture", nearest=False)
    assert "z drawn from the prior" in html
    assert "No density was fitted to codes" in html
    assert sample.stage_html(plain, Draw(0, 4, 1.0), "prior", nearest=False) == html


def test_the_choice_is_one_only_where_there_are_two(plain: Explorer, mixed: Explorer) -> None:
    def settings(explorer: Explorer, wanted: str | None) -> tuple[object, bool]:
        switch = sample.source_settings(explorer, choose_source(explorer, wanted))
        return switch["value"], switch["interactive"]

    assert settings(plain, "mixture") == ("prior", False)
    assert settings(mixed, None) == ("mixture", True)
    assert settings(mixed, "prior") == ("prior", True)


def test_the_prior_comes_first_where_a_latent_map_makes_it_good(
    plain: Explorer, mixed: Explorer, mapped: Explorer
) -> None:
    uniform, normal = "the prior uniform on [−1, 1]", "the prior N(0, I)"
    fitted = "mixture fitted to the codes"
    assert list_sources(plain) == [(uniform, "prior"), (fitted, "mixture")]
    assert list_sources(mixed) == [(fitted, "mixture"), (uniform, "prior")]
    mixture = Mixture(2, mapped.config.latent_dim)
    mixture.weights.fill_(0.5)
    config = dataclasses.replace(mapped.config, gaussians=2)
    both = Explorer(dataclasses.replace(mapped.model, config=config, mixture=mixture))
    assert list_sources(both) == [(normal, "prior"), (fitted, "mixture")]
    assert sample.source_settings(both, choose_source(both, None))["value"] == "prior"
    assert "N(0, I), which a latent map takes to codes" in sample.stage_html(both, Draw(0, 2, 1.0))
    # The mixture was fitted to codes: its samples are the latents of such codes.
    codes = both.to_codes(both.sample(5, seed=1, source="mixture"))
    torch.testing.assert_close(codes, mixture.draw(5, 1), atol=1e-4, rtol=1e-3)


def test_figures_of_copies_are_those_of_the_source(few_neighbours: Explorer) -> None:
    def explain(source: str) -> str:
        others = [{"source": "mixture", "closer": 30, "nearer_to_training": 0.6}]
        figures = {
            "fingerprint": few_neighbours.fingerprint,
            "samples": 1000,
            "percentile": 1,
            "quantiles_real": [1.0, 2.0],
            **{"source": "prior", "closer": 12, "nearer_to_training": 0.5, "others": others},
        }
        model = dataclasses.replace(few_neighbours.model, metrics={"memorization": figures})
        return sample.memorization_html(Explorer(model, few_neighbours.gallery), source, True)

    assert "Of 1,000 samples of the prior 1.2 % are nearer" in explain("prior")
    assert "Of 1,000 samples of the mixture 3.0 % are nearer" in explain("mixture")
    assert "60.0 % lie nearer to training" in explain("mixture")
    assert "For many samples of the other it was not measured." in explain("other")


def test_unknown_sources_are_refused(mixed: Explorer) -> None:
    with pytest.raises(ValueError, match=r"\['prior', 'mixture'\], not 'codes'"):
        sample.stage_html(mixed, Draw(0, 4, 1.0), "codes", nearest=False)


def test_an_item_names_its_source_where_there_are_two(mixed: Explorer, plain: Explorer) -> None:
    assert items.from_sample(plain, 3).caption == "sample 0 of seed 3"
    assert items.from_sample(mixed, 3).caption == "sample 0 of seed 3, mixture"
    moved = items.from_sample(mixed, 3, 2, 0.5, "prior")
    assert moved.caption == "sample 2 of seed 3, prior, truncation 0.5"
    assert moved.z.equal(mixed.sample(3, 3, 0.5, "prior")[2:])
