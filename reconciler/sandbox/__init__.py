"""The sandbox: the reference server of the API contract (design, section 6).

A separate program. It shares nothing with the client but the domain's vocabulary, the published
schemas, the roster readers and what SQLite needs, and its dependencies come with the `sandbox`
extra. The rooms:

    command, options, serve, ready, stopping
                                     the process: start, announce, stop
    seeds, municipality, from_roster, state_file
                                     what a fresh site holds
    loading, possible                filling the tables with it, in bulk, and judging it there
    items, tables, schema            how a site is written down
    database, store                  where, and transactions on it
    upkeep                           reset and export
    collections, changes, rules      reading it, and the one function that changes it
    app, oauth, reading, writing     the API
    faults/                          what goes wrong on purpose
    console/                         the administrators' pages
"""
