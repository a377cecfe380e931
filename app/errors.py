"""The one family of failures that a user can mend; each surface (CLI, HTTP) has one handler for it."""


class AppError(Exception):
    """A failure with a sentence for the person who can mend it.

    message: what happened, one sentence that names the file, field or address.
    hint: what to do about it, one sentence; empty where the message already says so.
    status: exit status of a command (1 part could not be done, 2 usage or configuration,
        75 another run holds the lock).
    """

    status = 1

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if status is not None:
            self.status = status

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(AppError):
    """Wrong usage or configuration: nothing was started. Exit status 2."""

    status = 2


class LockedError(AppError):
    """Another run of the same source holds the lock. Exit status 75 (EX_TEMPFAIL)."""

    status = 75


class NotFoundError(AppError):
    """A team, indicator or variant that does not exist. HTTP 404; `field` names the parameter."""

    status = 2

    def __init__(self, message: str, field: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field


class InvalidValueError(AppError):
    """A parameter whose value cannot be meant. HTTP 422; `field` names the parameter."""

    status = 2

    def __init__(self, message: str, field: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.field = field
