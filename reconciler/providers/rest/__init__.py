"""The API of a site (`/v1`) as a provider: HTTP with requests, retries with tenacity.

transport   one request: sent with its limits, repeated where that is safe
failures    what went wrong, in words and as one of the errors
answers     what came back, as JSON or as a problem detail
tokens      what authorises a request
reader      a `Reader`: GET and nothing else
writer      a `Writer`: the one module that can change a site
"""
