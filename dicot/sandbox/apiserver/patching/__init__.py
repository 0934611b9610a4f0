"""Patches of objects: functions from an object and a patch to the object patched."""
