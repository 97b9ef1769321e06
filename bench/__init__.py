"""The benchmarks: each axis measures the project and its peers in the same run, and says which aims it meets."""
