"""The console: pages on which an administrator sets roles up by hand, as the platform has them.

Its edits go through the same function as the API's, under the user's name and as `console`.
"""

from reconciler.sandbox.console.pages import router

__all__ = ["router"]
