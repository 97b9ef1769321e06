"""Accusations: wanted when something is rejected, proposed on chain, executed once their appeal's window is over."""
