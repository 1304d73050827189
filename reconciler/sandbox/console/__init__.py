"""The console: the pages on which an administrator sets roles up by hand, as the platform has them.

Its edits go through the same function as the API's, under the user's name and as `console`.
"""

from reconciler.sandbox.console.addresses import go
from reconciler.sandbox.console.frame import Frame, SignInFirst, to_sign_in
from reconciler.sandbox.console.routes import router
from reconciler.sandbox.console.session import PATH

__all__ = ["PATH", "Frame", "SignInFirst", "go", "router", "to_sign_in"]
