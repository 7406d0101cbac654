"""Files in the formats of the published data sets, decoded to arrays."""
