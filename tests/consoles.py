"""An administrator at the sandbox's console, in a real browser."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from justhtml import JustHTML
from playwright.sync_api import Browser, Page, sync_playwright
from sandboxes import Sandbox

WAIT_MILLISECONDS = 10_000
MOST_TABS = 60
NARROW = {"width": 360, "height": 740}
WIDE = {"width": 1100, "height": 900}


def chromium_program() -> str | None:
    """Debian's Chromium, where there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def chromium_at(program: str) -> Iterator[Browser]:
    """Run Chromium without a window for as long as the block lasts."""
    with sync_playwright() as playwright:
        # A container has no namespaces for Chromium's sandbox; the pages are our own.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Console:
    """An administrator at the console."""

    def __init__(self, browser: Browser, sandbox: Sandbox, language: str = "en") -> None:
        self.sandbox = sandbox
        self.language = language
        self.complaints: list[str] = []
        self._context = browser.new_context(viewport=WIDE, locale=language)
        self._context.set_default_timeout(WAIT_MILLISECONDS)
        self.page: Page = self._context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.on("request", lambda request: self._own(request.url))

    def _own(self, url: str) -> None:
        if not url.startswith(self.sandbox.url):
            self.complaints.append(f"a request to {url}")

    def close(self) -> None:
        self._context.close()
        assert self.complaints == [], "the browser had something to complain about"

    def sign_in(self) -> None:
        found = self.sandbox.ready["console"]
        self.page.goto(found["url"])
        self.page.locator("[name=username]").fill(found["username"])
        self.page.locator("[name=password]").fill(found["password"])
        self.page.locator("main button").click()
        self.page.wait_for_url(found["url"])

    def open(self, path: str) -> None:
        self.page.goto(self.sandbox.ready["console"]["url"] + path)

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def press(self, name: str) -> None:
        """Press a button and wait for the page that follows."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def search(self, words: str) -> None:
        self.page.locator("main [name=q]").first.fill(words)
        with self.page.expect_navigation():
            self.page.locator("main [role=search] button").first.click()

    def reach(self, role: str, name: str) -> None:
        """Press Tab until something has the focus, as who has no mouse does."""
        wanted = self.page.get_by_role(role, name=name, exact=True).first  # type: ignore[arg-type]
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("each => each === document.activeElement"):
                return
        raise AssertionError(f"the keyboard does not reach {name}")

    def hit(self, key: str) -> None:
        """Press a key and wait for the page that follows."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)

    def says(self, text: str) -> bool:
        return text in self.page.locator("main").inner_text()

    def check(self) -> None:
        """Check what every page owes: accessibility, sound HTML, and that it fits a telephone."""
        JustHTML(self.page.content(), strict=True)
        for size in (NARROW, WIDE):
            self.page.set_viewport_size(size)
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= size["width"], f"{self.page.url} is {wide} wide"
            found = Axe().run(self.page)
            assert found.violations_count == 0, f"{self.page.url}\n{found.generate_report()}"
