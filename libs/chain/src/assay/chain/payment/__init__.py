"""The doors of the contracts Payment and Challenges: what they say, take and answer."""
