"""Tests of the explorers in a real browser."""
