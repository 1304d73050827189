"""What is said of a site's answers, and what to do about its refusals."""

from types import MappingProxyType
from typing import Final

from reconciler.http.answers import problem_detail
from reconciler.http.call import Peer
from reconciler.providers.codec import ADVICE

READ_SCOPE: Final = "roles.read"
WRITE_SCOPE: Final = "roles.read roles.write"
"""What a token is asked for; whoever writes reads, too."""

_SCOPES: Final = (
    "Check what the client may do: reading needs roles.read, apply roles.write as well."
)

SITE: Final = Peer(
    noun="the site",
    agreed="the contract",
    violated=ADVICE,
    refused=MappingProxyType(
        {
            400: _SCOPES,
            403: _SCOPES,
            404: "Check the url: this may not be the site's API.",
        }
    ),
    said=problem_detail,
)
