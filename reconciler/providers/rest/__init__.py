"""The API of a site (`/v1`) as a provider: HTTP with requests, retries with tenacity."""
