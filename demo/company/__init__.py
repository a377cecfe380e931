"""A synthetic company with three years of history: its GitLab, and the files that say who is where."""

from demo.company.build import CompanyWorld, build
from demo.company.files import settings_for, write_config, write_files

__all__ = ["CompanyWorld", "build", "settings_for", "write_config", "write_files"]
