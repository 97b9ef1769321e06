"""Commands as Pods of a cluster, each segment in one of its own, beneath a kernel that is not the node's (ADR 37)."""
