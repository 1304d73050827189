"""The words of the domain, shared by the client and the sandbox: roles, kinds, addresses."""
