from runtime.config.file import ConfigError as ConfigError
from runtime.config.file import ConfigFault as ConfigFault
from runtime.config.file import load_config as load_config
from runtime.config.settings import Config as Config

__all__ = ["Config", "ConfigError", "ConfigFault", "load_config"]
