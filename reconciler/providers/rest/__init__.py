"""The API of a site (`/v1`) as a provider; what it shares with other servers is `reconciler.http`.

peer        what is said of a site's answers
pages       collections and the event log, page by page
reader      a `Reader`: GET and nothing else
cache       keeps on disk what was read
compact     what is in the cache's files
writer      a `Writer`: the one module that can change a site
"""
