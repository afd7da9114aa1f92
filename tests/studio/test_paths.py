"""Ways between two latents: what each is, which a model has, and how long it is in pictures."""

from __future__ import annotations

import pytest
import torch

from ganlab import geodesic, latent
from ganlab.explorer import Explorer
from ganlab.studio import film, paths
from ganlab.studio.film import Film
from ganlab.studio.recipe import ExactLatent, Recipe, replay


@pytest.fixture
def ends(mapped: Explorer) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = mapped.sample(2, seed=3)
    return a, b


def test_a_model_has_the_way_between_codes_only_with_a_latent_map(
    mapped: Explorer, bundled: Explorer
) -> None:
    assert paths.list_ways(mapped) == ("lerp", "slerp", "codes", "geodesic")
    assert paths.list_ways(bundled) == ("lerp", "slerp", "geodesic")
    assert (paths.find_default(mapped), paths.find_default(bundled)) == ("slerp", "lerp")
    with pytest.raises(ValueError, match="mnist-bigan has no latent map"):
        paths.choose_way(bundled, "codes")
    with pytest.raises(ValueError, match="available = "):
        paths.choose_way(bundled, "road")


@pytest.mark.parametrize("way", [None, *paths.WAYS])
def test_every_way_has_exact_ends(
    mapped: Explorer, ends: tuple[torch.Tensor, torch.Tensor], way: str | None
) -> None:
    path = paths.interpolate(mapped, *ends, 9, way)
    assert path.shape == (9, mapped.config.latent_dim)
    assert torch.equal(path[0], ends[0])
    assert torch.equal(path[-1], ends[1])
    if way is None:
        assert torch.equal(path, mapped.interpolate(*ends, 9))


def test_between_codes_the_codes_lie_on_a_straight_line(
    mapped: Explorer, ends: tuple[torch.Tensor, torch.Tensor]
) -> None:
    codes = mapped.to_codes(paths.interpolate(mapped, *ends, 5, "codes"))
    expected = latent.interpolate(codes[0], codes[-1], 5, "uniform")
    torch.testing.assert_close(codes, expected, atol=1e-4, rtol=1e-4)
    straight = mapped.to_codes(paths.interpolate(mapped, *ends, 5, "lerp"))
    assert float((straight - expected).abs().max()) > 0.05  # the map bends what is straight


def test_the_shortest_way_is_the_shortest(
    mapped: Explorer, few_neighbours: Explorer, ends: tuple[torch.Tensor, torch.Tensor]
) -> None:
    a, b = few_neighbours.sample(2, seed=3)
    for explorer, part, gain in ((mapped, ends, 1.0), (few_neighbours, (a, b), 0.95)):
        lengths = paths.measure_ways(explorer, [part])
        assert list(lengths) == [*paths.list_ways(explorer), ""]
        others = min(length for way, length in lengths.items() if way not in ("", "geodesic"))
        assert lengths[""] < lengths["geodesic"] <= gain * others + 1e-4
    assert explorer.judge is not None
    features = explorer.judge.features(explorer.decode(torch.stack([a, b])))
    assert lengths[""] == pytest.approx(float((features[1] - features[0]).norm()), rel=1e-4)
    twice = paths.measure_ways(explorer, [(a, b), (a, b)])
    assert twice["slerp"] == pytest.approx(2 * lengths["slerp"])


def test_without_a_classifier_lengths_are_of_pixels(
    mapped: Explorer, ends: tuple[torch.Tensor, torch.Tensor]
) -> None:
    assert paths.name_space(mapped) == "features of the classifier"
    mapped.__dict__["judge"] = None
    assert paths.name_space(mapped) == "pixels"
    pictures = mapped.decode(torch.stack(ends)).flatten(1)
    straight = float((pictures[1] - pictures[0]).norm())
    assert paths.measure_length(mapped, torch.stack(ends)) == pytest.approx(straight, rel=1e-5)


def test_the_shortest_way_is_computed_once_and_the_same_each_time(
    mapped: Explorer, ends: tuple[torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert paths.get_stored(mapped, *ends) is None
    path = paths.find_geodesic(mapped, *ends)
    *_, step = paths.trace_geodesic(mapped, *ends)
    assert torch.equal(step.path, path)
    same = Explorer(mapped.model)
    assert paths.get_stored(same, *ends) is None
    assert torch.equal(paths.find_geodesic(same, *ends), path)
    monkeypatch.setattr(geodesic, "shorten", None)  # nothing more is computed
    assert torch.equal(paths.find_geodesic(mapped, *ends), path)
    monkeypatch.undo()
    monkeypatch.setattr(paths, "MAX_STORED", 1)
    paths.find_geodesic(mapped, ends[1], ends[0])
    assert paths.get_stored(mapped, *ends) is None  # the latest stay


@pytest.mark.parametrize("way", ["codes", "geodesic"])
def test_a_films_recipe_carries_its_way(mapped: Explorer, way: str) -> None:
    z = mapped.sample(2, seed=3)
    settings = Film(frames=5, seconds=1.0, way=way)
    exact = tuple(ExactLatent.from_tensor(row) for row in z)
    recipe = Recipe.from_query(
        Recipe(mapped.config.name, mapped.fingerprint, exact, film=settings).to_query()
    )
    assert recipe.film == settings
    frames = replay(Explorer(mapped.model), recipe)
    assert torch.equal(frames, film.render_frames(mapped, settings, z))
    assert not torch.allclose(frames, film.render_frames(mapped, Film(frames=5), z))
