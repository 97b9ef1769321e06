"""A whole market on one machine: the servers, the services and the providers as real processes in one folder."""
