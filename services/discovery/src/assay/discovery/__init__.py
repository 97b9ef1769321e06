"""Discovery: which offers are listed, and what is known of the providers behind them."""
