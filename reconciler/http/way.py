"""How every request leaves this machine: without cookies, by which proxy, and whom it trusts."""

from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from reconciler import __version__


def prepare(session: requests.Session) -> None:
    """Let a session say who asks, and keep no cookies."""
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.headers["User-Agent"] = f"reconciler/{__version__}"


def surroundings(session: requests.Session, url: str, ca_bundle: Path | None) -> Mapping[str, Any]:
    """Return what the environment says of proxies and certificates, as `Session.send` takes it.

    Args:
        session: which knows the environment.
        url: who is asked. By http that is this machine only: through a proxy a token would leave it
            in the clear.
        ca_bundle: certificates to trust instead of the usual ones.
    """
    parts = urlsplit(url)
    proxies = {"no_proxy": parts.hostname or ""} if parts.scheme == "http" else {}
    verify = str(ca_bundle) if ca_bundle else True
    return session.merge_environment_settings(url, proxies, stream=True, verify=verify, cert=None)
