"""Faults on demand: what a client meets on a bad day, out of a file and a seed.

Once read, a fault is a value. What each request meets is decided before it is handled, by counts
and a seed alone, and every fault that it meets is laid around the application like a middleware.

    model                     the faults as values
    text, mistakes, reading   a file, or a header, to faults
    streams                   which requests meet which fault
    layers, batches           what a fault does to a request and its answer
    connection                closing a connection under a client
    middleware                the one place where all of it meets the application
"""
