"""The paper's tests and figures for our data: what they measure, and how it is drawn."""
