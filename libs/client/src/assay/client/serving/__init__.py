"""Served inference for its users: an OpenAI-compatible door in front of the replicas that a requester keeps."""
