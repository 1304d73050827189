"""Pushes metrics to a Pushgateway, where no collector looks at this machine's files.

Each job, and each site of a fleet, has a group of its own there. A run that succeeded replaces its
group (PUT). One that failed replaces only what it says (POST): so the time of the last success
stays.
"""

import base64
from collections.abc import Sequence
from urllib.parse import quote

from requests.auth import HTTPBasicAuth

from reconciler.http.delivery import Delivery, deliver
from reconciler.monitoring.exposition import exposed
from reconciler.monitoring.samples import Measured
from reconciler.monitoring.settings import Push


def push(to: Push, measured: Sequence[Measured]) -> None:
    """Push what runs came to, group by group.

    Raises:
        SiteError: a group could not be pushed; those after it were not tried.
    """
    auth = (
        HTTPBasicAuth(to.username, to.password.reveal())
        if to.username is not None and to.password is not None
        else None
    )
    for each in measured:
        deliver(
            Delivery(
                "PUT" if each.succeeded else "POST",
                f"{to.url}/metrics{group(to.job, each)}",
                exposed(each.all_samples()),
                {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
                noun="the Pushgateway",
                auth=auth,
            ),
            ca_bundle=to.ca_bundle,
            timeout=to.timeout,
        )


def group(job: str, measured: Measured) -> str:
    """Return the path of a run's group."""
    return "".join(_part(name, value) for name, value in (("job", job), *measured.labels))


def _part(name: str, value: str) -> str:
    if "/" not in value:
        return f"/{name}/{quote(value, safe='')}"
    return f"/{name}@base64/{base64.urlsafe_b64encode(value.encode()).decode()}"
