"""The trace check: a training step is checked from its operators' committed results, no matrix product done again."""
