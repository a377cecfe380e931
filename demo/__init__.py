"""A synthetic company and fakes of the APIs that serve it: what `teamgauge demo` and tests collect."""
