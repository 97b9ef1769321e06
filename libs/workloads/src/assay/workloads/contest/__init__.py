"""A contest of predictions: models answer before the truth is known, validators weigh them, consensus shares out."""
