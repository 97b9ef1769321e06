"""The commands of `assay`, one file for each noun."""
