"""nginx with a static file, as fast as it can be: one process, sendfile, an open file cache, no access log."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PACKAGE = "nginx-light"
_SETTINGS = """\
daemon off;
master_process off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=16;
    default_type application/json;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        location = {path} {{ alias {file}; }}
    }}
}}
"""


class Missing(Exception):
    """nginx is not there; the text says what to do."""


def program() -> str:
    """nginx's path. Where it is missing and we are root, Debian's package is installed, without starting it."""
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        # At run level 1 Debian's scripts start no service.
        surroundings = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["update", "-qq"], ["install", "-qq", "-y", "--no-install-recommends", PACKAGE]):
            subprocess.run(["apt-get", *step], env=surroundings, stdout=subprocess.DEVNULL, check=False)
        found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        raise Missing(f"nginx is missing: apt-get install {PACKAGE}")
    return found


def command(folder: Path, port: int, path: str, file: Path) -> list[str]:
    """What runs it with one file at one path, in the foreground."""
    settings = folder / "nginx.conf"
    # Debian's nginx gives up root's rights, and the folder is ours alone.
    user = "user root root;\n" if os.geteuid() == 0 else ""
    settings.write_text(_SETTINGS.format(folder=folder, port=port, path=path, file=file, user=user))
    return [program(), "-p", str(folder), "-c", str(settings)]
