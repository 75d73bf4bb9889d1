"""From scores to sampling: penalties and token budgets."""
