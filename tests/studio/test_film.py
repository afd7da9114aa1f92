"""Films: where their frames lie, what their files hold, and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageSequence

from ganlab import animation, images, interruption, latent, outliers
from ganlab.explorer import Explorer
from ganlab.interruption import InterruptedWorkError
from ganlab.outliers import OutlierScores
from ganlab.studio import film
from ganlab.studio.film import Film

KEYS = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("prior", latent.PRIORS)
@pytest.mark.parametrize("easing", film.EASINGS)
def test_keyframes_are_exact_at_their_times(prior: str, easing: str) -> None:
    way = latent.WAYS[latent.WAYS_OF_PRIORS[prior]]
    path = Film(frames=9, easing=easing).interpolate(KEYS, way)
    assert path.shape == (9, 50)
    for frame, key in ((0, 0), (4, 1), (8, 2)):
        assert torch.equal(path[frame], KEYS[key])
    loop = Film(frames=9, easing=easing, loop=True).interpolate(KEYS, way)
    for frame, key in ((0, 0), (3, 1), (6, 2)):
        torch.testing.assert_close(loop[frame], KEYS[key], atol=1e-6, rtol=1e-5)
    back = latent.interpolate(KEYS[2], KEYS[0], 4, prior)
    if easing == "linear":
        torch.testing.assert_close(loop[7:], back[1:3], atol=1e-5, rtol=1e-4)


def test_between_two_the_path_is_the_priors_or_the_requested_one(bundled: Explorer, mapped: Explorer) -> None:
    for explorer, own in ((bundled, "lerp"), (mapped, "slerp")):
        z = explorer.sample(2, seed=1)
        path = film.interpolate(explorer, Film(frames=11), z)
        torch.testing.assert_close(path, explorer.interpolate(z[0], z[1], 11), atol=1e-6, rtol=1e-5)
        for way in latent.WAYS:
            requested = film.interpolate(explorer, Film(frames=11, way=way), z)
            expected = latent.connect(z[0], z[1], 11, latent.WAYS[way])
            torch.testing.assert_close(requested, expected, atol=1e-6, rtol=1e-5)
            assert torch.allclose(requested, path, atol=1e-5) == (way == own)


def test_smooth_is_slow_near_the_keyframes() -> None:
    def steps(easing: str) -> torch.Tensor:
        return Film(frames=21, easing=easing).interpolate(KEYS[:2], latent.lerp).diff(dim=0).norm(dim=1)

    smooth = steps("smooth")
    assert smooth[0] < 0.3 * smooth[10]
    torch.testing.assert_close(smooth, smooth.flip(0), atol=1e-5, rtol=1e-3)
    torch.testing.assert_close(steps("linear"), steps("linear").mean().expand(20), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_files_hold_every_pixel(bundled: Explorer, kind: str) -> None:
    settings = Film(frames=6, seconds=1.2)
    frames = film.render_frames(bundled, settings, bundled.sample(2, seed=1))
    content = film.encode_file(frames, settings, kind, scale=3)
    with Image.open(io.BytesIO(content)) as image:
        if kind == "png":
            assert image.size == (3 * (6 * 29 + 1), 3 * 30)
            return
        assert (image.n_frames, image.size) == (6, (84, 84))  # type: ignore[attr-defined]
        for index, frame in enumerate(frames):
            image.seek(index)
            written = np.asarray(image.convert("L"))
            expected = np.asarray(images.to_pil(frame, 3))
            np.testing.assert_array_equal(written, expected)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["gif", "webp", "png"])
def test_a_file_is_what_pillow_writes_of_all_frames_at_once(channels: int, kind: str) -> None:
    shades = torch.randint(0, 5, (4, channels, 6, 9), generator=torch.Generator().manual_seed(0)) / 4
    frames = torch.cat([shades[:1], shades[:1], shades[1:]])  # the second is the first again
    frames[3] = frames[2]
    frames[3, :, 2:4, 5:] = 1  # a change in one part
    content = film.encode_file(frames, Film(frames=5, seconds=1.0), kind, scale=2)
    with Image.open(io.BytesIO(content)) as image:
        if kind == "png":
            strip = images.draw_strip(frames, 2)
            assert (image.mode, image.size) == (strip.mode, strip.size)
            np.testing.assert_array_equal(np.asarray(image), np.asarray(strip))
            return
        assert image.info["loop"] == 0
        shown = []
        for picture in ImageSequence.Iterator(image):  # equal frames may be one that is shown longer
            shown += [np.asarray(picture.convert("RGB"))] * round(picture.info["duration"] / 200)
        expected = [np.asarray(images.to_pil(frame, 2).convert("RGB")) for frame in frames]
        np.testing.assert_array_equal(np.stack(shown), np.stack(expected))


def test_no_more_than_a_few_frames_are_decoded_at_a_time(
    bundled: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, batches, written = Film(frames=50), list[int](), list[int]()
    decode, file = bundled.decode, io.BytesIO()
    monkeypatch.setattr(Explorer, "decode", lambda _, z: batches.append(len(z)) or decode(z))
    frames = film.iterate_frames(bundled, settings, bundled.sample(2, seed=1))

    def watch() -> Iterator[torch.Tensor]:
        for batch in frames:
            written.append(file.tell())
            yield batch

    animation.write_file(file, watch(), film.plan_file(bundled.config, settings, "gif", 2), "gif")
    assert batches == [16, 16, 16, 2]
    assert written == sorted({*written})  # each batch is in the file before the next is decoded


@pytest.mark.parametrize("kind", film.FORMATS)
def test_a_film_that_nobody_wants_any_more_ends_at_once(bundled: Explorer, kind: str) -> None:
    if kind == "mp4":
        pytest.importorskip("av")
    settings, steps = Film(frames=40), list[int]()

    def leave() -> None:
        steps.append(1)
        if len(steps) == 20:
            raise InterruptedWorkError

    sheet = film.plan_file(bundled.config, settings, kind, 2)
    frames = film.iterate_frames(bundled, settings, bundled.sample(2, seed=1))
    with interruption.checking(leave), pytest.raises(InterruptedWorkError):
        animation.write_file(io.BytesIO(), frames, sheet, kind)
    assert len(steps) == 20


def test_mp4_shows_the_frames(bundled: Explorer) -> None:
    av = pytest.importorskip("av", reason='MP4 needs the package av: pip install -e ".[film]"')
    settings = Film(frames=12, seconds=0.5)
    frames = film.render_frames(bundled, settings, bundled.sample(2, seed=1))
    with av.open(io.BytesIO(film.encode_file(frames, settings, "mp4", scale=9))) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert float(container.streams.video[0].average_rate) == pytest.approx(24)
    assert len(shown) == 12
    assert shown[0].shape == (252, 252)
    expected = np.asarray(images.to_pil(frames[5], 9)).astype(int)
    assert np.abs(shown[5].astype(int) - expected).mean() < 6


def test_without_av_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, bundled: Explorer) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    frames = bundled.decode(bundled.sample(2, seed=0))
    with pytest.raises(ValueError, match=r"MP4 needs the package av"):
        film.encode_file(frames, Film(frames=2), "mp4")


@pytest.mark.parametrize(
    "settings",
    [
        {"frames": 1},
        {"frames": 601},
        {"frames": 9.5},
        {"frames": True},
        {"seconds": 0},
        {"seconds": 1e9},
        {"seconds": float("nan")},
        {"easing": "bounce"},
        {"way": "road"},
        {"loop": 1},
    ],
)
def test_what_a_film_cannot_be_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        Film(**settings)


def test_too_few_and_too_many_keyframes_and_sizes_are_refused(bundled: Explorer) -> None:
    for count in (1, 25):
        with pytest.raises(ValueError, match="through 2 to 24 latents"):
            Film().interpolate(torch.zeros(count, 4), latent.lerp)
    frames = bundled.decode(bundled.sample(2, seed=0))
    for scale in (0, 37, 2.5):
        with pytest.raises(ValueError, match="from 1 to 36 times"):
            film.encode_file(frames, Film(frames=2), "gif", scale)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="available = "):
        film.encode_file(frames, Film(frames=2), "avi")


def test_the_ribbon_tells_flips_in_words(bundled: Explorer) -> None:
    settings = Film(frames=41, seconds=4.0)
    a, b = bundled.sample(60, seed=2), bundled.sample(60, seed=2)
    assert bundled.judge is not None
    labels = bundled.judge.labels(bundled.decode(a))
    other = int((labels != labels[0]).nonzero()[0, 0])
    frames = film.render_frames(bundled, settings, torch.stack([a[0], b[other]]))
    seen = film.classify_frames(bundled, frames)
    assert seen is not None
    assert (seen[0], seen[-1]) == (int(labels[0]), int(labels[other]))
    assert film.describe_changes(seen, settings)
    assert film.describe_changes([3, 3, 8, 8, 8], Film(frames=5, seconds=2)) == ["3 becomes 8 at 1.0 s"]


@pytest.mark.parametrize(
    ("unlike", "said"),
    [
        ("00000", "No frame is unlike digits."),
        ("11111", "All frames are unlike digits."),
        ("00100", "Of 5 frames, 3 (at 1.0 s) is unlike digits."),
        ("01100", "Of 5 frames, 2 to 3 (0.5 to 1.0 s) are unlike digits."),
        ("10011", "Of 5 frames, 1 (at 0.0 s) and 4 to 5 (1.5 to 2.0 s) are unlike digits."),
        ("10101", "Of 5 frames, 1 (at 0.0 s), 3 (at 1.0 s) and 5 (at 2.0 s) are unlike digits."),
    ],
)
def test_frames_unlike_digits_are_named(unlike: str, said: str) -> None:
    marks = [mark == "1" for mark in unlike]
    assert film.describe_unlike(marks, Film(frames=5, seconds=2)) == said
    assert film.describe_unlike(marks, Film(frames=5, seconds=2), "picture") == said.replace(
        "digit", "picture"
    )


def test_frames_are_judged_where_a_model_was_calibrated(
    mapped: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = mapped.decode(mapped.sample(3, seed=1))
    assert film.find_unlike(mapped, frames) is None
    shares = torch.tensor([0.5, 0.995, 0.2])
    monkeypatch.setattr(outliers, "score_pictures", lambda *_: OutlierScores(shares, torch.zeros(3, 1)))
    assert film.find_unlike(mapped, frames) == [False, True, False]
