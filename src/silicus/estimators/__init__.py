"""Dataset and estimand to estimate: linear path models, their standard errors, and any table with a formula."""
