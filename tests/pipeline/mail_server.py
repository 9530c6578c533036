"""usage: mail_server.py FOLDER PORT-FILE PORT [CERTIFICATE KEY LOGIN-FILE]

Keeps each mail it gets by SMTP in FOLDER; PORT 0 takes a free one. With a certificate it takes mails only over STARTTLS,
from who knows the name and the password that are the lines of LOGIN-FILE; at each login it writes into FOLDER/../shown
which processes show that password on their command line or in their environment.
"""
import os
import signal
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder, port_file, port = sys.argv[1], sys.argv[2], int(sys.argv[3])


class Keep:
    async def handle_DATA(self, server, session, envelope):
        name = os.path.join(folder, f"{time.time_ns()}.eml")
        with open(name, "wb") as file:
            file.write(f"X-Envelope-To: {','.join(envelope.rcpt_tos)}\r\n".encode() + envelope.content)
        return "250 kept"


class FreePort(Controller):
    def _trigger_server(self):  # with port 0 the one that was given is known only now
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def processes_that_show(secret):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{name}", "rb") as file:
                    if secret in file.read():
                        yield f"{pid} {name}"
            except OSError:
                pass  # it is gone, or somebody else's


def with_login(certificate, key, login_file):
    with open(login_file, "rb") as file:
        login = file.read().splitlines()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, given):
        with open(os.path.join(folder, "../shown"), "a") as file:
            file.writelines(line + "\n" for line in processes_that_show(login[1]))
        return AuthResult(success=[given.login, given.password] == login, handled=False)

    return {"tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": authenticate}


options = with_login(*sys.argv[4:]) if len(sys.argv) > 4 else {}
controller = FreePort(Keep(), hostname="127.0.0.1", port=port, **options)
controller.start()
with open(port_file + ".part", "w") as file:
    file.write(str(controller.port))
os.rename(port_file + ".part", port_file)
signal.pause()
