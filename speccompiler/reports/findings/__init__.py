"""Findings as other programs read them: SARIF, JUnit, GitHub, GitLab."""
