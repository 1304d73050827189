"""Samples in Prometheus' text format, and what stays of those of before."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import replace
from typing import Final

from prometheus_client.core import CollectorRegistry, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from reconciler.monitoring.samples import FAMILIES, RAN, SUCCEEDED, Measured, Sample


class _Given(Collector):
    """Hands out samples, in the families' order."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = tuple(samples)

    def collect(self) -> Iterator[Metric]:
        for name, help_text in FAMILIES.items():
            family = Metric(name, help_text, "gauge")
            for each in self._samples:
                if each.name == name:
                    family.add_sample(name, dict(each.labels), each.value)
            if family.samples:
                yield family


def exposed(samples: Iterable[Sample]) -> bytes:
    """Write samples in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Given(samples))
    return generate_latest(registry)


def renewed(before: bytes, measured: Sequence[Measured], sites: Set[str] | None = None) -> bytes:
    """Write what runs came to, and of what was written before what they do not replace.

    A run that succeeded replaces all that was written of its command and site. One that failed says
    that it did, and leaves what the last good one found: above all when that was. What was written
    of other commands and sites stays.

    Where it is not known which site a failed run was about, all that was written of its command is
    marked as failed: by the next good run of each it is over. Where nothing was written yet, it has
    samples without a site, which go with the next good run of the command: no run of that name may
    ever come again.

    Args:
        before: what was written before, in the text format; what cannot be read counts as nothing.
        measured: what was run now; of a fleet the whole run and each site.
        sites: all sites of the fleet, where it is one: of others nothing stays.
    """
    written = read(before)
    measured = [placed for each in measured for placed in _placed(each, written)]
    fresh = [sample for each in measured for sample in each.all_samples()]
    known = {(each.name, each.labels) for each in fresh}
    good = {each.labels for each in measured if each.succeeded}
    commands = {each.command for each in measured}
    lost = {(("command", each.command),) for each in measured if each.succeeded}
    lost -= {_of_run(each) for each in written if each.name == SUCCEEDED}

    def stays(sample: Sample) -> bool:
        labels = dict(sample.labels)
        site = labels.get("site")
        gone = (
            sites is not None and labels.get("command") in commands and site not in {None, *sites}
        )
        return (
            not gone
            and (sample.name, sample.labels) not in known
            and _of_run(sample) not in good | lost
        )

    return exposed((*fresh, *filter(stays, written)))


def _placed(run: Measured, written: Iterable[Sample]) -> Iterator[Measured]:
    """Yield a run for each of those that it may have been, where that is not known."""
    ran = [dict(each.labels) for each in written if each.name == RAN]
    sites = {each.get("site", "") for each in ran if each.get("command") == run.command}
    if run.placed or not sites:
        yield replace(run, site=run.site if run.placed else "")
    else:
        named = {run.site} & sites if run.site else sites
        yield from (replace(run, site=site) for site in sorted(named or sites))


def read(text: bytes) -> list[Sample]:
    """Read the samples of ours in a text; what cannot be read has none."""
    try:
        return [
            Sample(sample.name, _in_order(sample.labels), sample.value)
            for family in text_string_to_metric_families(text.decode())
            for sample in family.samples
            if sample.name in FAMILIES
        ]
    except ValueError:
        return []


_RUN: Final = ("command", "site", "target")


def _in_order(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Put the labels of the run first, as a run's samples have them."""
    return tuple(sorted(labels.items(), key=lambda each: (each[0] not in _RUN, each)))


def _of_run(sample: Sample) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in sample.labels if each[0] in _RUN)
