"""The shapes of the JSON API, made from the answers of the metrics layer; a module per noun."""
