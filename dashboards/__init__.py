"""The branch that shows: pages drawn by the server from the answers of `app.metrics.queries`."""
