"""Configuration: `readiness.toml`, environment and options become one frozen Config, or one ConfigError."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.config.demo import SCRIPTS_NEED, demo_settings
    from readiness.config.kinds import DAYS, MINUTES, Window, is_loopback, parse_window, read_url
    from readiness.config.loading import (
        FILE_NAME,
        UnknownName,
        load,
        missing_target,
        parse,
        redactor_for,
        unknown_names,
    )
    from readiness.config.mistakes import Bad, could_be_secret, did_you_mean, literal_kind, nearest, printable
    from readiness.config.model import (
        SILENT_SECONDS,
        STARTUP_SECONDS,
        Claim,
        Config,
        ExpectedCall,
        GateSettings,
        LoadSettings,
        ProbeSettings,
        RollbackAction,
        RollbackSettings,
        Target,
        ToolCall,
        Waiver,
        foreign_backups,
    )
    from readiness.config.schema import ENVIRONMENTS
    from readiness.config.target_kinds import (
        ABILITIES,
        CAPABILITIES,
        KINDS,
        MCP,
        MCP_HUB,
        TargetKind,
        kind_named,
        lacking,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
