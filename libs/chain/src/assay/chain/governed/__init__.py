"""The contracts whose parameters votes govern: what they keep, say, take and refuse."""
