"""Batch norm of a stored network has the statistics of what training gave the network."""

import pytest
import torch

from ganlab import gallery, latent, model, networks
from tests.train.runs import publish_quickly
from train import calibration
from train.calibration import load_calibrated
from train.config import TrainConfig
from train.publish import read_run
from train.run_folder import load_networks
from train.trainer import Trainer

pytestmark = pytest.mark.usefixtures("small_gallery")


def test_batch_norm_is_calibrated_on_all_data(run, root, digits):
    stored = model.load(str(publish_quickly(run, root)))
    E = stored.encoder
    with torch.inference_mode():
        h = torch.nn.functional.leaky_relu(E.first(digits.inputs(slice(0, 300)).flatten(1)), 0.2)
        h = E.second(h)
    torch.testing.assert_close(E.second_norm.running_mean, h.mean(0), atol=2e-4, rtol=2e-3)
    torch.testing.assert_close(E.second_norm.running_var, h.var(0), atol=1e-5, rtol=5e-3)


@pytest.mark.parametrize("method", ["ae-l2", "lr"])
def test_the_generator_is_calibrated_on_what_training_gave_it(method, tmp_path, digits):
    """An autoencoder's G never sees the prior: with the prior's statistics its reconstructions were grey."""
    out = tmp_path / "run"
    settings = {"width": 16, "limit": 256, "epochs": 1, "precision": "fp32", "device": "cpu"}
    assert Trainer(TrainConfig(method, out=str(out), **settings), digits).train()
    config, _, _ = read_run(out, "tiny", unfinished=False)
    nets = load_calibrated(out, config, digits)
    G, E = nets["generator"], nets["encoder"]
    with torch.no_grad():
        codes = E(digits.inputs(slice(None)))
        drawn = latent.draw(config.prior, config.latent_dim, len(digits), calibration.SEED)
        h = G.first(codes if method == "ae-l2" else drawn)
    torch.testing.assert_close(G.first_norm.running_mean, h.mean(0), atol=1e-4, rtol=1e-3)


def test_calibrating_the_joint_discriminator_leaves_the_others_as_they_are(run, monkeypatch, digits):
    """E, asked for codes in training mode, let them overwrite its averages by those of the last batches."""
    monkeypatch.setattr(gallery, "CALIBRATION_BATCH", 64)
    config, _, _ = read_run(run, "tiny", unfinished=False)
    E = load_calibrated(run, config, digits)["encoder"]
    alone = load_networks(run, config)["encoder"].half().float()
    networks.calibrate(alone, ((x,) for x in gallery.iterate_batches(digits)))
    assert torch.equal(E.second_norm.running_mean, alone.second_norm.running_mean)
    assert torch.equal(E.second_norm.running_var, alone.second_norm.running_var)


def test_discriminator_is_calibrated_on_real_and_fake_in_equal_parts(run, root):
    stored = model.load(str(publish_quickly(run, root)))
    norm = stored.networks["joint_discriminator"].second_norm
    assert int(norm.num_batches_tracked) == 2  # one batch of each, the gallery being small
