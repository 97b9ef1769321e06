"""Training by many who talk seldom: DiLoCo (Douillard et al., arXiv 2311.08105) as a graph of verifiable jobs."""
