"""Tests of the dashboard: every page without a browser, and the whole in one."""
