"""A provider that is never the bottleneck: nginx with a canned reply of Twilio's.

It answers 140,000 requests a second, each with a message id of its own. A stand-in written in Python
(`lumiere-sms sandbox serve`) costs more CPU than the client it answers: that one is for behaviour.
It answers at once, or after a while with nginx's echo module.
"""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

ACCOUNT = "AC" + "0123456789abcdef" * 2
TOKEN = "benchmark"
SENDER = "+15005550006"
INSTALL = "this benchmark needs nginx: apt-get install --no-install-recommends nginx-light"
ECHO = Path("/usr/lib/nginx/modules/ngx_http_echo_module.so")
INSTALL_ECHO = "a provider that takes its time needs nginx's echo module: apt-get install libnginx-mod-http-echo"
PATIENCE = 10.0  # seconds until nginx has to listen

MESSAGE = (
    '{"account_sid":"%(account)s","api_version":"2010-04-01","body":"text","date_created":"Sun, 15 Mar 2026 01:00:00 '
    '+0000","date_sent":null,"date_updated":"Sun, 15 Mar 2026 01:00:00 +0000","direction":"outbound-api",'
    '"error_code":null,"error_message":null,"from":"%(sender)s","messaging_service_sid":null,"num_media":"0",'
    '"num_segments":"1","price":null,"price_unit":"USD","sid":"SM$request_id","status":"queued","to":"+819000000000",'
    '"uri":"/2010-04-01/Accounts/%(account)s/Messages/SM$request_id.json"}'
)
NO_MESSAGES = '{"messages":[],"page":0,"page_size":1000,"next_page_uri":null,"uri":"/","first_page_uri":"/"}'
CONFIGURATION = """
%(module)s
daemon off;
worker_processes 1;
pid %(folder)s/pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
    access_log off;
    default_type application/json;
    keepalive_timeout 600;
    keepalive_requests 1000000000;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    server {
        listen 127.0.0.1:%(port)s;
        location ~ /Messages\\.json$ {
            if ($request_method = GET) { return 200 '%(no_messages)s'; }
            %(answer)s
        }
        location / { return 200 '{"sid":"%(account)s","friendly_name":"benchmark","status":"active"}'; }
    }
}
"""


@contextmanager
def open_provider(*, seconds: float = 0.0) -> Iterator[str]:
    """Start nginx on a free port and give its address; each call takes `seconds`.

    Raises: SystemExit where there is no nginx, or no echo module and the call is to take its time.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise SystemExit(INSTALL)
    with TemporaryDirectory(prefix="benchmark-nginx-") as folder:
        port = _free_port()
        file = Path(folder) / "nginx.conf"
        file.write_text(_configuration(folder, port, seconds), encoding="ascii")
        process = subprocess.Popen([program, "-c", str(file)])
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _configuration(folder: str, port: int, seconds: float) -> str:
    names = {"account": ACCOUNT, "sender": SENDER}
    message = MESSAGE % names
    module, answer = "", f"return 201 '{message}';"
    if seconds:
        module, answer = f"load_module {ECHO};", f"echo_status 201; echo_sleep {seconds}; echo '{message}';"
        if not ECHO.exists():
            raise SystemExit(INSTALL_ECHO)
    return CONFIGURATION % {
        **names,
        "module": module,
        "answer": answer,
        "folder": folder,
        "port": port,
        "no_messages": NO_MESSAGES,
    }


def _free_port() -> int:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        with closing(socket.socket()) as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.02)
    raise SystemExit("nginx does not listen")
