"""The demonstration: a real job carried through a provider's death to payment on chain, and a cheat that is caught."""
