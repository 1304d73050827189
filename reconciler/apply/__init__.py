"""Makes a plan's actions happen on a site, and proves that they did."""
