"""What `doctor` looks at: settings, network, site, cache and journal, one check for each."""
