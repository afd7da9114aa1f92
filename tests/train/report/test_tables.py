"""Tables of several models beside each other."""

from __future__ import annotations

from train.report import tables


def test_real_world_has_a_column_for_each_model() -> None:
    def found(share: float) -> dict[str, object]:
        kinds = {"thin": {"count": 40, "prepared": 0.975, "reconstructed": share}}
        return {"count": 40, "prepared": 0.975, "reconstructed": share, "kinds": kinds}

    heads, rows = tables.real_world({"one": found(0.9), "two": found(0.5)})
    assert heads[3:] == ["in G(E(x)), one", "in G(E(x)), two"]
    assert rows == [[kind, "40", "97.5 %", "90.0 %", "50.0 %"] for kind in ("thin", "all")]


def test_outliers_weigh_each_kind_by_its_number() -> None:
    sets = {
        "letters": {"count": 300, "auroc": 0.98, "caught": 0.5},
        "noise": {"count": 100, "auroc": 1.0, "caught": 0.9},
    }
    heads, rows = tables.outliers({"one": {"limit": 0.99, "auroc": 0.985, "sets": sets}})
    assert heads == ["Not a digit", "Number", "AUROC, one", "more unusual than 99 % of digits"]
    assert rows == [
        ["letters", "300", "0.980", "50.0 %"],
        ["noise", "100", "1.000", "90.0 %"],
        ["all", "400", "0.985", "60.0 %"],
    ]


def test_inversions_have_a_row_for_each_way() -> None:
    kept = {"share": 0.99, "standard_error": 0.01}
    ways = {
        "encoder": {"mse": 0.00412, "seconds": 0.004, "identity": kept},
        "hybrid": {"mse": 0.002, "seconds": 0.5, "identity": kept, "worse_than_encoder": 0.0},
    }
    alone = {"optimise": {"mse": 0.03, "seconds": 0.25}}
    _, rows = tables.inversions({"one": {"ways": ways}, "two": {"ways": alone}})
    assert rows == [
        ["one", "encoder", "0.0041", "99.00 ± 1.00 %", "–", "0.00"],
        ["one", "hybrid", "0.0020", "99.00 ± 1.00 %", "0.00 %", "0.50"],
        ["two", "optimise", "0.0300", "–", "–", "0.25"],
    ]


def test_memorization_has_a_row_for_each_model() -> None:
    one = {
        "source": "mixture", "median": 5.123, "median_real": 6.0, "closer": 1234, "samples": 10_000,
        "nearer_to_training": 0.51, "nearer_to_training_error": 0.005,
    }  # fmt: skip
    _, rows = tables.memorization({"plus": one})
    assert rows == [["plus, mixture", "5.12 (6.00)", "1,234 of 10,000", "51.00 ± 0.50 %"]]


def test_maps_have_a_row_for_each_kind() -> None:
    figures = {"neighbours_kept": 0.31, "one_nn": 0.95, "one_nn_codes": 0.97}
    heads, rows = tables.maps(
        {"plus": {"k": 10, "tsne": figures, "principal": figures}, "ae": {"k": 10, "principal": figures}}
    )
    assert heads[1] == "Of 10 nearest codes, kept"
    assert [row[0] for row in rows] == [
        "plus, t-SNE",
        "plus, principal directions",
        "ae, principal directions",
    ]
    assert rows[0][1:] == ["31.00 %", "95.00 %", "97.00 %"]
