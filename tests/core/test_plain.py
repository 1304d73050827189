"""Nothing harmful reaches a terminal, in whichever form it is printed, and no text is lost."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import plan, small_site, wanting
from strategies import AT

from reconciler.domain.vocabulary import LabelField, Role
from reconciler.manifest.dump import dump_manifest, quoted
from reconciler.manifest.model import LabelSetting
from reconciler.manifest.reader import read_document
from reconciler.plain import harmless_json, plain
from reconciler.plan import document
from reconciler.reports import documents
from reconciler.state import Labels

HARMFUL = "\x1b\x7f\x85\x9b\u200e\u200f\u202a\u202e\u2066\u2069\u2028\ufeff\U000e0041"
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(HARMFUL))


def is_harmless(text: str) -> bool:
    return all(plain(char) == char for char in text.replace("\n", ""))


@given(st.dictionaries(texts, texts | st.lists(texts)))
def test_json_is_harmless_and_says_the_same(data):
    text = harmless_json(data)
    assert is_harmless(text)
    assert json.loads(text) == data


@given(texts, texts)
def test_yaml_is_harmless_and_says_the_same(key, value):
    text = dump_manifest({key: value})
    assert is_harmless(text)
    found, mistakes = read_document("m", text.encode())
    assert (found.root, mistakes) == ({key: value}, [])


@pytest.mark.parametrize(
    "text", ["بطاقة", "\u0645\u06cc\u200c\u062a", "हिन्दी", "👩\u200d🏫", "校长", "Å\u0308"]
)
def test_every_script_survives(text):
    assert text in harmless_json([text])
    assert text in quoted(text)
    assert plain(text) == text


def test_a_plan_with_a_harmful_label_is_printed_harmless_and_read_back():
    state = small_site(labels=(Labels(Role.MENTOR, HARMFUL, None),
                               Labels(Role.HEADTEACHER, None, None)))  # fmt: skip
    labels = {(Role.MENTOR, LabelField.TOOL_NAME): LabelSetting("Elever", AT)}
    made = plan(state, wanting(labels=labels))
    for text in (document.to_text(made), documents.to_text(document.to_document(made))):
        assert is_harmless(text)
        assert document.from_document(json.loads(text)) == made
