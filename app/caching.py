"""What an answer says of how long it may be kept."""

REVALIDATED = "private, no-cache"
"""Cache-Control of an answer that may be kept, and shown again once the server has said that it still
holds.

It is drawn from nothing but its address, what is stored, the configuration, the program, and what
`app.metrics.present` says of the moment: only such an answer is given an ETag, by this very header.
"""
