"""A site: a folder laid out as a host is, to which releases are deployed."""
