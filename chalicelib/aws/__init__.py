"""The way to AWS: clients made late, and its errors in our words."""
