"""Every tab begins with a line in words, and what it leads to is there."""

from __future__ import annotations

import re

import pytest

import ganlab
from ganlab.explorer import Explorer
from ganlab.ui.html import markup
from ganlab.ui.items import Ends
from ganlab.ui.tabs import TABS, code_map, compare, interpolate, latent, methods, neighbours, sample, training
from ganlab.ui.tabs.methods.explained import GLOSSARY

LEADS = {
    "latent": latent.lead_html,
    "interpolate": lambda explorer: interpolate.lead_html(explorer, Ends(None, None)),
    "neighbours": neighbours.lead_html,
    "sample": sample.lead_html,
    "map": code_map.lead_html,
    "compare": compare.lead_html,
    "methods": methods.lead_html,
    "training": training.lead_html,
}


@pytest.mark.parametrize("tab", LEADS)
def test_a_first_line_leads_to_tabs_and_words_that_exist(
    tab: str, bundled: Explorer, gan_model: str, colour_model: str
) -> None:
    for explorer in (bundled, ganlab.load(gan_model), ganlab.load(colour_model)):
        html = LEADS[tab](explorer)
        if tab == "map" and explorer is not bundled:
            assert "gl-promise" not in html  # the map itself says why there is none
            continue
        opened = re.findall(r'data-open="(\w+)"', html)
        assert opened
        assert set(opened) <= {key for key, _, _ in TABS} - ({"map"} if explorer is not bundled else set())
        anchors = re.findall(r'data-word="([\w-]+)"', html)
        assert set(anchors) <= {markup.get_anchor(term) for term in GLOSSARY}
        line = re.sub("<[^>]*>", "", html)
        assert not re.search(r"\d| %|MSE|1NN|!", line)  # a promise, no statistics
        wrong = "digit" if markup.get_noun(explorer.config) == "picture" else "this picture"
        assert wrong not in line


def test_there_is_one_for_each_tab() -> None:
    assert {*LEADS, "reconstruct"} == {key for key, _, _ in TABS}
