"""Reasons that say more than a repository should keep."""

import pytest

from reconciler.manifest.private import private_word


@pytest.mark.parametrize(
    "reason",
    [
        "on sick leave, diagnosis pending",
        "ADHD follow-up",
        "etter skilsmissen",
        "saken hos barnevernet",
        "SYKEHUS i mai",
        "wegen Krankheit",
        "custody",
        "kode 6",
        "sick leave of a colleague",
    ],
)
def test_health_and_family_are_noticed(reason):
    assert private_word(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "covers parental leave",
        "knows the learner from before",
        "second language group",
        "until the new class is set up",
        "vikar for Kari til jul",
        "transport",
        "",
    ],
)
def test_what_is_usual_is_not(reason):
    assert private_word(reason) is None


def test_it_is_a_warning_that_does_not_repeat_the_word(load):
    text = (
        "version: 1\nsite: x\nmentors:\n  - person: t-1\n    learners:\n"
        "      - {id: s-1, reason: has epilepsy}\n"
    )
    (found,) = load({"m.yaml": text}).warnings
    assert (found.code, found.position.line) == ("RR124", 6)
    assert "epilep" not in str(found)


def test_the_reason_of_an_accepted_deviation_is_looked_at_too(load):
    text = (
        "version: 1\nsite: x\naccepted:\n  - address: mentor/t-1\n    owner: t-2\n"
        "    reason: on sick leave\n    until: 2026-12-20\n"
    )
    (found,) = load({"m.yaml": text}).warnings
    assert (found.code, found.position.line) == ("RR124", 4)
