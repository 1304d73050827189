"""Somebody at the sandbox's console, without a real browser: requests, cookies and forms."""

import re
from typing import Any

import requests


class Browser:
    """A browser's session at the console of a running sandbox."""

    def __init__(self, running: Any, *, signed_in: bool = True) -> None:
        self.url: str = running.ready["console"]["url"]
        self.session = requests.Session()
        if signed_in:
            found = running.ready["console"]
            answer = self.sign_in(found["password"], found["username"])
            assert answer.status_code == 200
            assert answer.url.endswith("/console")

    def get(self, path: str = "", **kwargs: Any) -> requests.Response:
        return self.session.get(self.url + path, timeout=10, **kwargs)

    def csrf(self, path: str = "") -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def post(self, path: str, csrf: str | None = None, **form: str) -> requests.Response:
        form["csrf"] = self.csrf() if csrf is None else csrf
        return self.session.post(self.url + path, data=form, timeout=10)

    def sign_in(self, password: str, username: str = "admin") -> requests.Response:
        return self.post("/sign-in", self.csrf("/sign-in"), username=username, password=password)
