"""The few kinds of error this project raises on purpose; everything else is a bug."""

from __future__ import annotations


class ReadinessError(Exception):
    """Base of every error raised on purpose; its text is written for an operator."""


class ConfigError(ReadinessError):
    """A setting is wrong.

    The text names the key's path, the bad value, what is valid and the nearest right key.
    """


class Unknown(ReadinessError):  # noqa: N818 - an outcome, raised to end a check, not an error of the program
    """Something could not be proven: it ends a check as *unknown*, never as *failed*."""


class CouldNotLook(Unknown):
    """A fact could not be fetched for reasons that may lie with the runner; worth another attempt."""


class NotServed(Unknown):
    """The target has no such endpoint or publishes no such value: asking again will not change that."""


class HubDown(CouldNotLook):
    """The hub is proven down: the connection was refused, or accepted and not answered in time.

    `hub-answers` turns this into *failed*; for every other check it means "blocked by hub-answers".
    """


class HubSilent(HubDown):
    """The connection was accepted and not answered in time; a proxy in front of a healthy hub can do that as well."""
