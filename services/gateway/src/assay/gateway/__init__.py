"""The one door for everything that is not trusted: what participants say, what they are told, what they may ask."""
