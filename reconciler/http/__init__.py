"""Requests over HTTP, with requests and tenacity: what every adapter that asks a server shares.

transport   one request: sent with its limits, repeated where that is safe
repeating   when it is tried again, and when no more
failures    what went wrong, in words and as one of the errors
answers     what came back, as JSON or as a problem detail
tokens      what authorises a request
"""
